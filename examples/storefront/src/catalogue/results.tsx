import { useEffect, useRef, type ReactNode } from "react";
import { useQuery } from "urql";
import { useLocation, useSearch } from "wouter";
import { graphql } from "../gql";
import type { ProductFilter } from "../gql/graphql";
import { Icon } from "../ui/icons";
import { Problem } from "../ui/problem";
import { useShop } from "../ui/shop";
import { CategoryLinks, useDepartments } from "./departments";
import { Chips, Facet, FacetsDocument, groupsOf, type Facets } from "./facets";
import { chosen, cleared, MAX_PAGES, pagesOf, replaced, sortOf, SORTS, textOf, variablesOf } from "./filters";
import { Tile, TileSkeletons } from "./tile";

const PAGE = 24;

const ResultsDocument = graphql(`
  query Results($search: String, $filter: ProductFilter, $sortBy: ProductSort, $first: Int!, $after: String, $begin: Boolean!) {
    products(search: $search, filter: $filter, sortBy: $sortBy, groupBy: GROUP, first: $first, after: $after) {
      totalCount @include(if: $begin)
      redirect @include(if: $begin) { id slug }
      nodes { id ...Tile }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

type Variables = ReturnType<typeof variablesOf>;

export const useResults = (variables: Variables, after: string | null = null, pause = false) =>
  useQuery({ query: ResultsDocument, variables: { ...variables, first: PAGE, after, begin: after === null }, pause });

/** `ready`: the heading is known, so that nothing moves any more when the list is shown. */
type Props = { heading: ReactNode; ready?: boolean; fixed?: ProductFilter; hide?: "category" | "brand" };

/** A list of products with all that narrows and orders it. */
export function Results({ heading, ready = true, fixed = {}, hide }: Props) {
  const [path, navigate] = useLocation();
  const digits = useShop()?.currencyDigits ?? 2;
  const params = new URLSearchParams(useSearch());
  const variables = variablesOf(params, fixed, digits);
  const [{ data, error, fetching }] = useResults(variables);
  const [{ data: narrow, error: noFacets }] = useQuery({ query: FacetsDocument, variables: { search: variables.search, filter: variables.filter } });
  // A refused filter can still be corrected by those of the list before.
  const facets = useRef<Facets>(undefined);
  facets.current = narrow?.products.facets ?? facets.current;
  const more = useRef(0);
  const counter = useRef<HTMLParagraphElement>(null);

  const go = (next: string) => navigate(next ? `${path}?${next}` : path);
  // What was pressed is gone then: the focus goes to the new count.
  const undo = (next: string) => (go(next), counter.current?.focus());
  const clear = () => undo(cleared(params));
  const text = textOf(params);
  const total = data?.products.totalCount;
  const count = total === undefined ? "" : total === 1 ? "1 product" : `${total.toLocaleString()} products`;
  const number = chosen(params).length;
  const groups = groupsOf(facets.current, digits).filter(({ items }) => !hide || items?.[0]?.key !== hide);

  const redirect = text && number === 0 && !params.has("all") ? data?.products.redirect?.slug : undefined;
  useEffect(() => {
    if (redirect) navigate(`/categories/${encodeURIComponent(redirect)}?for=${encodeURIComponent(text)}`, { replace: true });
  }, [redirect, text, navigate]);

  if (!ready) return <div className="results">{heading}<ul className="grid late"><TileSkeletons count={8} /></ul></div>;
  return (
    <div className="results">
      {heading}
      <div className="controls">
        <p className="total" role="status" tabIndex={-1} ref={counter}>{count || "\u00a0"}</p>
        <button className="button quiet" popoverTarget="filters"><Icon name="filter" />Filter{number > 0 && ` (${number})`}</button>
        <label className="sort">
          <span>Sort by</span>
          <select value={sortOf(params)} onChange={(event) => go(replaced(params, "sort", event.target.value))}>
            {Object.entries(SORTS).map(([key, { words }]) => (key !== "relevance" || text) && <option key={key} value={key}>{words}</option>)}
          </select>
        </label>
      </div>
      <div className="columns">
        {/* Beside the list where there is room; on a phone it is a sheet that the button above shows. */}
        <aside className="filters" id="filters" popover="auto" aria-label="Filters">
          <div className="sheet-head">
            <h2>Filters</h2>
            <button className="tool" aria-label="Close" popoverTarget="filters"><Icon name="close" /></button>
          </div>
          <div className="facets">
            {facets.current || noFacets ? groups.map((group, index) => <Facet key={group.name || index} {...{ group, params, go }} />) : <FacetSkeleton />}
          </div>
          <div className="sheet-foot">
            {number > 0 && <button className="button quiet" onClick={clear}>Clear all</button>}
            <button className="button" popoverTarget="filters">Show {count}</button>
          </div>
        </aside>
        <div aria-busy={fetching}>
          <Chips groups={groups} params={params} go={undo} clear={clear} />
          {error && !data ? (
            <Refused error={error} clear={number > 0 ? clear : undefined} />
          ) : total === 0 ? (
            <Empty text={text} narrowed={number > 0} clear={clear} />
          ) : (
            <ul className="grid">
              {data ? data.products.nodes.map((product, index) => (
                <li key={product.id}><Tile product={product} first={index === 0} lazy={index > 5} /></li>
              )) : <TileSkeletons count={12} />}
              {data && !redirect && (
                <More
                  variables={variables} page={data.products.pageInfo} at={1} pages={pagesOf(params)} total={total ?? 0} clicked={more}
                  load={(page) => navigate(`${path}?${replaced(params, "page", String(page))}`, { replace: true })}
                />
              )}
            </ul>
          )}
        </div>
      </div>
    </div>
  );
}

type MoreProps = {
  variables: Variables;
  /** Of the list so far: where it ends, how many pages it has and how many it should have. */
  page: { hasNextPage: boolean; endCursor?: string | null };
  at: number;
  pages: number;
  total: number;
  load: (pages: number) => void;
  /** The page that a press has asked for: the focus goes to its first product. */
  clicked: { current: number };
};

/** The next page of the list and, below it, those after it; or the button that asks for it. */
function More(props: MoreProps) {
  const { variables, page, at, pages, total, load, clicked } = props;
  const wanted = page.hasNextPage && at < pages;
  const [{ data, error }, again] = useResults(variables, page.endCursor, !wanted);
  const top = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!data || clicked.current !== at) return;
    clicked.current = 0;
    top.current?.querySelector("a")?.focus({ preventScroll: true });
  }, [data, clicked, at]);
  if (!page.hasNextPage) return null;
  if (at >= MAX_PAGES) return <li className="more">There is more than can be looked through. Filters narrow the list.</li>;
  if (!wanted) return <li className="more"><button className="button quiet" onClick={() => { clicked.current = at; load(at + 1); }}>Load more</button></li>;
  if (error && !data) return <li className="more"><Problem error={error} retry={() => again({ requestPolicy: "network-only" })} /></li>;
  if (!data) return <TileSkeletons count={Math.min(PAGE, total - at * PAGE)} />;
  return (
    <>
      {data.products.nodes.map((product, index) => (
        <li key={product.id} ref={index === 0 ? top : undefined}><Tile product={product} lazy /></li>
      ))}
      <More {...props} page={data.products.pageInfo} at={at + 1} />
    </>
  );
}

function Refused({ error, clear }: Parameters<typeof Problem>[0] & { clear?: () => void }) {
  const field = error.graphQLErrors[0]?.extensions.field;
  if (!clear || !String(field ?? "").startsWith("filter")) return <Problem error={error} />;
  return (
    <div className="notice" role="alert">
      <h2>One of these filters cannot be used</h2>
      <p>{error.graphQLErrors[0]?.message}</p>
      <button className="button" onClick={clear}>Clear all filters</button>
    </div>
  );
}

function Empty({ text, narrowed, clear }: { text: string; narrowed: boolean; clear: () => void }) {
  return (
    <div className="notice">
      <h2>Nothing found{text && <> for “<bdi>{text}</bdi>”</>}</h2>
      {narrowed ? <p>Fewer filters find more.</p> : <p>Look whether all words are spelled right, or try one that is more general.</p>}
      {narrowed && <button className="button" onClick={clear}>Clear all filters</button>}
      <CategoryLinks of={useDepartments()} className="pills" />
    </div>
  );
}

const FacetSkeleton = () => <div className="skeleton" aria-hidden="true">{Array.from({ length: 8 }, (_, index) => <i key={index} />)}</div>;
