import { useState } from "react";
import { graphql } from "../gql";
import type { FacetsQuery } from "../gql/graphql";
import { Icon } from "../ui/icons";
import { useMoney } from "../ui/shop";
import { chosen, rangeOf, replaced, toggled } from "./filters";
import { Range, type Bounds } from "./range";

export const FacetsDocument = graphql(`
  query Facets($search: String, $filter: ProductFilter) {
    products(search: $search, filter: $filter, groupBy: GROUP, first: 1) {
      facets {
        categories(first: 30) { count selected category { id name slug } }
        brands(first: 40) { count selected brand { id name slug } }
        price { min { amount currency } max { amount currency } }
        ratings { atLeast count selected }
        inStock onSale
        attributes(first: 8, values: 30) {
          attribute { id name slug kind unit } selected min max values { value count selected }
        }
      }
    }
  }
`);

export type Facets = FacetsQuery["products"]["facets"];
type Item = { key: string; value: string; words: string; count?: number };
export type Group = { name: string; open?: boolean; items?: Item[]; range?: Bounds; rangeKey?: string };

/** All that can be chosen, in one form. What is chosen is among it, even where it finds nothing. */
export function groupsOf(facets: Facets | undefined, digits: number): Group[] {
  const groups: Group[] = [{
    name: "",
    items: [
      { key: "stock", value: "1", words: "In stock", count: facets?.inStock },
      { key: "sale", value: "1", words: "On sale", count: facets?.onSale },
    ],
  }];
  if (!facets) return groups;
  const { categories, brands, ratings, attributes, price: { min, max } } = facets;
  groups.push({ name: "Category", open: true, items: categories.map(({ category, count }) => ({ key: "category", value: category.slug, words: category.name, count })) });
  if (min && max) groups.push({ name: "Price", open: true, rangeKey: "price", range: { min: Number(min.amount), max: Number(max.amount), digits, unit: min.currency } });
  groups.push(
    { name: "Brand", items: brands.map(({ brand, count }) => ({ key: "brand", value: brand.slug, words: brand.name, count })) },
    { name: "Rating", items: ratings.map(({ atLeast, count }) => ({ key: "rating", value: `${atLeast}`, words: `${atLeast} stars and up`, count })) },
  );
  for (const [index, { attribute: { slug, name, kind, unit }, values, min, max }] of attributes.entries()) {
    const items = values.map(({ value, count }) => kind === "TEXT"
      ? { key: `attr.${slug}`, value, words: value, count }
      : { key: `is.${slug}`, value, words: value === "true" ? "Yes" : "No", count });
    const range = { min: min ?? 0, max: max ?? 0, digits: Number.isInteger(min) && Number.isInteger(max) ? 0 : 2, unit };
    groups.push(kind === "NUMBER" ? { name, range, rangeKey: `range.${slug}` } : { name, items, open: index === 0 });
  }
  return groups;
}

type Props = { groups: Group[]; params: URLSearchParams; go: (search: string) => void };

const FEW = 6;

export function Facet({ group: { name, open, items = [], range, rangeKey = "" }, params, go }: Omit<Props, "groups"> & { group: Group }) {
  const [all, setAll] = useState(false);
  // From then on it is the shopper's.
  const [opened] = useState(() => open || params.has(rangeKey) || items.some(({ key, value }) => params.has(key, value)));
  if (!range && items.length === 0) return null;
  const content = range ? (
    <Range {...range} label={name} value={params.get(rangeKey) ?? ""} onChange={(value) => go(replaced(params, rangeKey, value))} />
  ) : (
    <ul className="choices">
      {items.slice(0, all ? undefined : FEW).map(({ key, value, words, count }) => (
        <li key={value + key}>
          <label className="choice">
            <input type="checkbox" checked={params.has(key, value)} onChange={() => go(toggled(params, key, value))} />
            <bdi>{words}</bdi>
            <small>{count}</small>
          </label>
        </li>
      ))}
    </ul>
  );
  if (!name) return content;
  return (
    <details className="facet" open={opened}>
      <summary><bdi>{name}</bdi><Icon name="down" /></summary>
      {content}
      {items.length > FEW && <button className="link" onClick={() => setAll(!all)}>{all ? "Show fewer" : `Show all ${items.length}`}</button>}
    </details>
  );
}

/** What narrows the list, each to be undone by one press, and all of it. */
export function Chips({ groups, params, go, clear }: Props & { clear: () => void }) {
  const money = useMoney();
  const words = ([key, value]: [string, string]) => {
    const group = groups.find(({ items, rangeKey }) => rangeKey === key || items?.some((item) => item.key === key));
    const label = key.includes(".") ? `${group?.name ?? key.split(".")[1]}: ` : "";
    const item = group?.items?.find((item) => item.key === key && item.value === value);
    if (key !== "price" && !key.startsWith("range.")) return label + (item?.words ?? value);
    const [min, max] = Object.values(rangeOf(value, group?.range?.digits)).map((end) => end && (label ? `${end} ${group?.range?.unit ?? ""}`.trim() : money(end)));
    return label + (min && max ? `${min} to ${max}` : min ? `from ${min}` : `up to ${max}`);
  };
  const pairs = chosen(params);
  if (pairs.length === 0) return null;
  return (
    // Other elements once the names are known, so that none of them moves.
    <ul className="chips" aria-label="Chosen filters" key={String(groups.length > 1)}>
      {pairs.map((pair) => (
        <li key={pair.join("=")}>
          <button className="chip" aria-label={`Remove ${words(pair)}`} onClick={() => go(toggled(params, ...pair))}>
            <bdi>{words(pair)}</bdi><Icon name="close" />
          </button>
        </li>
      ))}
      <li><button className="link" onClick={clear}>Clear all</button></li>
    </ul>
  );
}
