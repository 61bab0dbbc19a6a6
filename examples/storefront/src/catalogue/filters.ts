import type { AttributeFilter, ProductFilter, ProductSort } from "../gql/graphql";

// A list's state is its query string and nothing else, so that Back restores it and a link shares it:
// q, category*, brand*, price=10..200, rating=4, stock=1, sale=1, attr.colour=Oak*, range.width=150..200, is.washable=true, sort, page.

export const MAX_TEXT = 200;
export const MAX_PAGES = 40;
const MAX_VALUES = 50;
const MAX_NUMBER = 999_999_999;

export const SORTS: Record<string, { words: string; sort?: ProductSort }> = {
  relevance: { words: "Best match" },
  new: { words: "Newest", sort: { field: "CREATED_AT", direction: "DESC" } },
  cheap: { words: "Price, low to high", sort: { field: "PRICE", direction: "ASC" } },
  dear: { words: "Price, high to low", sort: { field: "PRICE", direction: "DESC" } },
  rating: { words: "Best rated", sort: { field: "RATING", direction: "DESC" } },
  name: { words: "Name", sort: { field: "NAME", direction: "ASC" } },
};

// Control characters are nothing that anybody searches for.
const clean = (text: string) => text.replace(/\p{Cc}/gu, " ").slice(0, MAX_TEXT).trim();

export const textOf = (params: URLSearchParams, key = "q") => clean(params.get(key) ?? "");
export const sortOf = (params: URLSearchParams) => {
  const sort = params.get("sort") ?? "";
  const standard = textOf(params) ? "relevance" : "new";
  return Object.hasOwn(SORTS, sort) && sort !== "relevance" ? sort : standard;
};
export const pagesOf = (params: URLSearchParams) => Math.min(MAX_PAGES, Math.max(1, Math.floor(Number(params.get("page"))) || 1));

type Ends = { min?: string; max?: string };

/** "10..200", "..200", "10.." as its two ends, rounded; what is no number is open, and reversed ends are turned round. */
export function rangeOf(text: string | null, digits = 2): Ends {
  const [min, max] = (text ?? "").split("..").map((end) => {
    const number = Math.min(Math.max(Number(end), 0), MAX_NUMBER);
    return end.trim() && !Number.isNaN(number) ? number.toFixed(digits) : undefined;
  });
  return min && max && Number(min) > Number(max) ? { min: max, max: min } : { min, max };
}

/** The opposite of `rangeOf`. */
export const rangeText = ({ min = "", max = "" }: Ends) => (min || max ? `${min}..${max}` : "");

/** Whether it narrows a list. What nobody can have chosen is left out, as if it were not there. */
function isFilter(key: string, value: string): boolean {
  if (/^(price$|range\.)/.test(key)) return rangeText(rangeOf(value)) !== "";
  return /^((category|brand|attr\..+?)=.|is\..+?=(true|false)$|rating=[1-5]$|(stock|sale)=1$)/s.test(`${key}=${value}`);
}

/** What narrows the list, each as it stands in the query string and once. */
export function chosen(params: URLSearchParams): [key: string, value: string][] {
  const pairs = new Map([...params].filter(([key, value]) => isFilter(key, value)).map((pair) => [pair.join("="), pair]));
  return [...pairs.values()].slice(0, MAX_VALUES);
}

/** The query string with one value of a key, or none. A changed list begins at its first page again. */
export function replaced(params: URLSearchParams, key: string, value: string): string {
  const next = new URLSearchParams(params);
  next.delete("page");
  next.delete(key);
  if (value) next.set(key, value);
  return next.toString();
}

/** The query string with one filter more or, if it is there, less. */
export function toggled(params: URLSearchParams, key: string, value: string): string {
  if (key === "rating" || /^is\../.test(key)) return replaced(params, key, params.has(key, value) ? "" : value);
  const next = new URLSearchParams(params);
  next.delete("page");
  if (next.has(key, value)) next.delete(key, value);
  else next.append(key, value);
  return next.toString();
}

export function cleared(params: URLSearchParams): string {
  return new URLSearchParams([...params].filter(([key]) => key === "q" || key === "sort")).toString();
}

/** The variables of the list's query. `fixed` is what the page itself decides: its category or brand. */
export function variablesOf(params: URLSearchParams, fixed: ProductFilter, digits?: number) {
  const pairs = chosen(params);
  const all = (wanted: string) => pairs.filter(([key]) => key === wanted).map(([, value]) => value);
  const some = (wanted: string) => (all(wanted).length ? all(wanted) : undefined);
  const [rating] = all("rating");
  const keys = new Set(pairs.map(([key]) => key).filter((key) => key.includes(".")));
  const attributes = [...keys].map((key): AttributeFilter => {
    const [kind, attribute = ""] = key.split(".");
    const [value = ""] = all(key);
    const { min, max } = rangeOf(value);
    if (kind === "attr") return { attribute, values: all(key) };
    return kind === "is" ? { attribute, is: value === "true" } : { attribute, min: min ? Number(min) : undefined, max: max ? Number(max) : undefined };
  });
  const filter: ProductFilter = {
    category: some("category"),
    brand: some("brand"),
    price: some("price") && rangeOf(all("price")[0]!, digits),
    rating: rating ? { min: Number(rating) } : undefined,
    inStock: all("stock").length > 0 || undefined,
    onSale: all("sale").length > 0 || undefined,
    attributes: attributes.length ? attributes : undefined,
    ...fixed,
  };
  return { search: textOf(params) || null, filter, sortBy: SORTS[sortOf(params)]?.sort ?? null };
}
