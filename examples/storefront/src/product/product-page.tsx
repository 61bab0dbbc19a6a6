import { useRef } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Tile } from "../catalogue/tile";
import { graphql } from "../gql";
import type { ProductQuery } from "../gql/graphql";
import { NotFoundPage, Page } from "../ui/page";
import { Problem } from "../ui/problem";
import { Rating } from "../ui/rating";
import { Money } from "../ui/shop";
import { AddToCart } from "./add-to-cart";
import { Gallery } from "./gallery";
import { Options } from "./options";
import "./product.css";

const ProductDocument = graphql(`
  query Product($slug: String!) {
    product(slug: $slug) {
      id slug name sku description inStock quantity rating
      price { amount currency }
      compareAtPrice { amount currency }
      category { id path { id slug name } }
      brand { id slug name }
      attributes { text attribute { id name unit } }
      group { id ...Group }
      images { id ...Picture }
      related(first: 4) { id ...Tile }
    }
  }
`);

type Product = NonNullable<ProductQuery["product"]>;

/** Another option of the same product keeps the page, its scroll and its focus; any other product is a new page. */
export default function ProductPage({ slug }: { slug: string }) {
  const opened = useRef(slug);
  if (!history.state?.stay) opened.current = slug;
  return <ProductView key={opened.current} slug={slug} />;
}

function ProductView({ slug }: { slug: string }) {
  const [{ data, error, fetching }, ask] = useQuery({ query: ProductDocument, variables: { slug } });
  const reload = () => ask({ requestPolicy: "network-only" });
  if (error && !data) return <Page title="Product"><h1>Product</h1><Problem error={error} retry={reload} /></Page>;
  if (!data) {
    return (
      <Page title="Product">
        <nav className="path" aria-busy="true"><a>Home</a></nav>
        <div className="product skeleton"><Gallery images={[]} name="this product" /><h1>The product is loading</h1></div>
      </Page>
    );
  }
  if (!data.product) return fetching ? null : <NotFoundPage />;
  const { product } = data;
  return (
    <Page title={product.name} description={product.description}>
      <nav className="path" aria-label="Breadcrumb">
        {product.category.path.map(({ id, slug, name }) => <Link key={id} href={`/categories/${encodeURIComponent(slug)}`} dir="auto">{name}</Link>)}
      </nav>
      <article className="product">
        <Gallery key={product.id} images={product.images} name={product.name} />
        <div className="product-facts">
          <p className="eyebrow"><Link href={`/brands/${encodeURIComponent(product.brand.slug)}`} dir="auto">{product.brand.name}</Link></p>
          <h1 dir="auto">{product.name}</h1>
          <Rating value={product.rating} />
          <Price product={product} />
          {product.group && <Options group={product.group} slug={slug} />}
          <p className={product.inStock ? "stock" : "stock none"}>{stockInWords(product)}</p>
          <AddToCart key={product.id} product={product} isStale={product.slug !== slug} onProblem={reload} />
          {product.description && <div className="description" dir="auto">{product.description}</div>}
          <Attributes product={product} />
        </div>
      </article>
      {product.related.length > 0 && (
        <section aria-labelledby="related">
          <h2 id="related">More like this</h2>
          <ul className="grid four">{product.related.map((other) => <li key={other.id}><Tile product={other} lazy /></li>)}</ul>
        </section>
      )}
    </Page>
  );
}

function Price({ product: { price, compareAtPrice: before } }: { product: Product }) {
  const percent = before ? Math.round((1 - Number(price.amount) / Number(before.amount)) * 100) : 0;
  return (
    <p className="price">
      {before && <span className="hidden">Now </span>}
      <strong className={before ? "reduced" : ""}><Money {...price} /></strong>
      {before && <><span className="hidden">, before </span><s><Money {...before} /></s></>}
      {percent > 0 && <span className="badge sale">−{percent}%</span>}
    </p>
  );
}

/** A product that is sold without limit is in stock at any quantity, so "only" would promise too much. */
function stockInWords({ inStock, quantity }: Product): string {
  if (!inStock) return "Sold out at the moment";
  return quantity > 0 && quantity <= 5 ? `In stock: ${quantity}` : "In stock";
}

function Attributes({ product: { attributes, sku } }: { product: Product }) {
  const rows = new Map<string, string[]>();
  for (const { text, attribute: { name, unit } } of attributes) {
    rows.set(name, [...(rows.get(name) ?? []), unit ? `${text} ${unit}` : text]);
  }
  if (sku) rows.set("Article number", [sku]);
  return rows.size > 0 && (
    <>
      <h2>Details</h2>
      <table className="attributes">
        <tbody>{[...rows].map(([name, values]) => <tr key={name}><th scope="row" dir="auto">{name}</th><td dir="auto">{values.join(", ")}</td></tr>)}</tbody>
      </table>
    </>
  );
}
