import { useQuery } from "urql";
import { Link, useSearch } from "wouter";
import { graphql } from "../gql";
import { NotFoundPage, Page } from "../ui/page";
import { CategoryLinks } from "./departments";
import { textOf } from "./filters";
import { Results } from "./results";

// As high as a name will be.
const LOADING = <>{"\u00a0"}<span className="hidden">Loading</span></>;

export function SearchPage() {
  const params = new URLSearchParams(useSearch());
  const text = textOf(params);
  const title = params.get("sale") === "1" ? "Sale" : params.get("sort") === "new" ? "New" : params.get("sort") === "rating" ? "Best rated" : "All products";
  return (
    <Page title={text ? `“${text}”` : title}>
      <Results heading={<h1>{text ? <>Results for “<bdi>{text}</bdi>”</> : title}</h1>} />
    </Page>
  );
}

const CategoryDocument = graphql(`
  query Category($slug: String!) {
    category(slug: $slug) {
      id name
      path { id name slug }
      children { id name slug }
    }
  }
`);

export function CategoryPage({ slug }: { slug: string }) {
  const [{ data, error, fetching }] = useQuery({ query: CategoryDocument, variables: { slug } });
  const text = textOf(new URLSearchParams(useSearch()), "for");
  if (data && !data.category) return <NotFoundPage />;
  const category = data?.category;
  return (
    <Page title={category?.name ?? ""}>
      <Results
        hide="category" fixed={{ category: [slug] }} ready={!fetching}
        heading={
          <>
            <nav className="path" aria-label="Path">
              <Link href="/">Home</Link>
              {category?.path.slice(0, -1).map((step) => <Link key={step.slug} href={`/categories/${encodeURIComponent(step.slug)}`} dir="auto">{step.name}</Link>)}
            </nav>
            <h1 dir="auto">{category?.name ?? (error ? "Category" : LOADING)}</h1>
            {text && <p>You searched for “<bdi>{text}</bdi>”. <Link href={`/search?all=1&q=${encodeURIComponent(text)}`}>See all results for it</Link></p>}
            {category && category.children.length > 0 && <CategoryLinks of={category.children} className="pills" />}
          </>
        }
      />
    </Page>
  );
}

const BrandDocument = graphql(`
  query Brand($slug: String!) {
    brand(slug: $slug) { id name }
  }
`);

export function BrandPage({ slug }: { slug: string }) {
  const [{ data, error, fetching }] = useQuery({ query: BrandDocument, variables: { slug } });
  if (data && !data.brand) return <NotFoundPage />;
  return (
    <Page title={data?.brand?.name ?? ""}>
      <Results hide="brand" fixed={{ brand: [slug] }} ready={!fetching} heading={<><p className="eyebrow">Brand</p><h1 dir="auto">{data?.brand?.name ?? (error ? "Brand" : LOADING)}</h1></>} />
    </Page>
  );
}
