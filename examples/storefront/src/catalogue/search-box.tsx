import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent, type PointerEvent } from "react";
import { useQuery } from "urql";
import { useLocation, useSearch } from "wouter";
import { graphql } from "../gql";
import type { SuggestionsQuery } from "../gql/graphql";
import { Icon } from "../ui/icons";
import { Picture } from "../ui/picture";
import { useMoney } from "../ui/shop";
import { MAX_TEXT, variablesOf } from "./filters";
import { useResults } from "./results";

const SuggestionsDocument = graphql(`
  query Suggestions($text: String!) {
    suggestions(query: $text, first: 12) {
      text kind slug
      product { id inStock price { amount currency } image { id ...Picture } group { id products { id inStock } } }
    }
  }
`);

type Suggestion = SuggestionsQuery["suggestions"][number];

const MAX_SHOWN = 8;
const PAUSE_MS = 90;
const PLACES = { PRODUCT: "products", CATEGORY: "categories", BRAND: "brands" };
const addressOf = ({ kind, slug }: Suggestion) => `/${PLACES[kind]}/${encodeURIComponent(slug)}`;

/** Categories and brands first, as the larger steps; of products that differ in options only, the first. */
function sorted(found: Suggestion[]): Suggestion[] {
  const groups = found.map(({ product }) => product?.group?.id);
  const distinct = found.filter((_, index) => !groups[index] || groups.indexOf(groups[index]) === index);
  return [...distinct.filter(({ product }) => !product), ...distinct.filter(({ product }) => product)].slice(0, MAX_SHOWN);
}

/** The combobox of the ARIA Authoring Practices: the focus stays in the field, the arrows choose. */
export function SearchBox() {
  const [location, navigate] = useLocation();
  const query = new URLSearchParams(useSearch()).get("q") ?? "";
  const asked = location === "/search" ? query : "";
  const [text, setText] = useState(asked);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const trimmed = text.trim();
  const [wanted, setWanted] = useState("");
  const pause = !open || !trimmed || !wanted;
  const [{ data }] = useQuery({ query: SuggestionsDocument, variables: { text: wanted }, pause });
  // The results come while the shopper still types, so that they are there at once.
  useResults(variablesOf(new URLSearchParams({ q: wanted }), {}), null, pause);
  const options = trimmed && data ? sorted(data.suggestions) : [];
  const shown = open && options.length > 0;

  useEffect(() => {
    const timer = setTimeout(setWanted, PAUSE_MS, trimmed);
    return () => clearTimeout(timer);
  }, [trimmed]);

  useEffect(() => { setText(asked); setOpen(false); }, [asked, location]);
  useEffect(() => setActive(-1), [wanted, open]);

  function go(to: string) {
    setOpen(false);
    field.current?.blur();
    navigate(to);
  }

  function submit(event?: FormEvent) {
    event?.preventDefault();
    const option = shown ? options[active] : undefined;
    if (option) go(addressOf(option));
    else if (trimmed) go(`/search?q=${encodeURIComponent(trimmed)}`);
  }

  function key(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return; // the keys belong to the input method
    const { length } = options;
    const next = { ArrowDown: active >= length ? -1 : active + 1, ArrowUp: active < 0 ? length : active - 1 }[event.key];
    if (event.key === "Escape") {
      if (!shown) setText("");
      setOpen(false);
    } else if (next !== undefined) {
      event.preventDefault();
      if (shown) setActive(next);
      else setOpen(true);
    }
  }

  const optionProps = (index: number) => ({
    id: `${id}${index}`,
    role: "option",
    "aria-selected": index === active,
    onPointerMove: () => setActive(index),
    onPointerDown: (event: PointerEvent) => event.preventDefault(),
  });
  return (
    <form className="search" role="search" onSubmit={submit} onBlur={(event) => event.currentTarget.contains(event.relatedTarget) || setOpen(false)}>
      <Icon name="search" />
      <input
        ref={field} type="search" role="combobox" aria-label="Search products" placeholder="Search products, brands, rooms" maxLength={MAX_TEXT}
        autoComplete="off" autoCapitalize="off" spellCheck={false} enterKeyHint="search"
        aria-expanded={shown} aria-controls={`${id}list`} aria-autocomplete="list"
        aria-activedescendant={shown && active >= 0 ? `${id}${active}` : undefined}
        value={text} onKeyDown={key} onClick={() => setOpen(true)}
        onChange={(event) => { setText(event.target.value); setActive(-1); setOpen(true); }}
      />
      <ul id={`${id}list`} className="suggestions" role="listbox" aria-label="Suggestions" hidden={!shown}>
        {options.map((option, index) => (
          <li key={option.kind + option.slug + option.text} {...optionProps(index)} onClick={() => go(addressOf(option))}><Option {...option} /></li>
        ))}
        <li {...optionProps(options.length)} className="all" onClick={() => submit()}>
          <Icon name="search" /><span>All results for “<bdi>{trimmed}</bdi>”</span>
        </li>
      </ul>
      <span role="status" className="hidden">{shown ? `${options.length} suggestions` : ""}</span>
    </form>
  );
}

function Option({ kind, text, product }: Suggestion) {
  const money = useMoney();
  const inStock = product?.inStock || product?.group?.products.some((option) => option.inStock);
  return (
    <>
      {product ? <Picture image={product.image} sizes="48px" alt="" /> : <Icon name={kind === "BRAND" ? "tag" : "folder"} />}
      <span className="words" dir="auto">{text}</span>
      <small>{!product ? (kind === "BRAND" ? "Brand" : "Category") : inStock ? money(product.price.amount, product.price.currency) : "Sold out"}</small>
    </>
  );
}
