import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql, readFragment, type FragmentType } from "../gql";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { Picture } from "../ui/picture";
import { Problem } from "../ui/problem";
import { useShop } from "../ui/shop";
import { useDepartments } from "./departments";
import { Tile, TileFragment, TileSkeletons } from "./tile";

const HomeDocument = graphql(`
  query Home {
    rated: products(sortBy: { field: RATING, direction: DESC }, filter: { inStock: true }, groupBy: GROUP, first: 8) { nodes { id ...Tile } }
    sale: products(sortBy: { field: RATING, direction: DESC }, filter: { onSale: true, inStock: true }, groupBy: GROUP, first: 4) { nodes { id ...Tile } }
    new: products(sortBy: { field: CREATED_AT, direction: DESC }, filter: { inStock: true }, groupBy: GROUP, first: 4) { nodes { id ...Tile } }
  }
`);

export function HomePage() {
  const shop = useShop();
  const departments = useDepartments();
  const rooms = departments?.slice(0, 12) ?? [];
  const [{ data, error }] = useQuery({ query: HomeDocument });
  if (error && !data) return <Page title=""><h1 className="hidden">Shop</h1><Problem error={error} /></Page>;
  const pictures = data?.rated.nodes.map((node) => readFragment(TileFragment, node)).filter(({ image }) => image).slice(0, 3);
  return (
    <Page title="" description={departments && `${shop?.name}: ${departments.map(({ name }) => name).join(", ")}.`} className="home">
      <section className="hero">
        <div>
          <p className="eyebrow">Welcome to <bdi>{shop?.name}</bdi></p>
          <h1>Good things, well made, made to stay.</h1>
          <p className="lead">Look around by department, or begin with what others liked best.</p>
          <p className="buttons">
            <Link className="button" href="/search">See all products</Link>
            <Link className="button quiet" href="/search?sort=rating">Best rated</Link>
          </p>
        </div>
        <div className="collage" aria-hidden="true">
          {[0, 1, 2].map((index) => (
            <Link key={index} href={pictures?.[index] ? `/products/${encodeURIComponent(pictures[index].slug)}` : "/search"} tabIndex={-1}>
              {data ? <Picture image={pictures?.[index]?.image} sizes={`(min-width: 60rem) ${index ? "15rem, 32" : "30rem, 62"}vw`} first={index === 0} alt="" /> : <span className="picture" />}
            </Link>
          ))}
        </div>
      </section>
      {/* How high the departments are is known when they are; until then nothing stands below them that would move. */}
      {departments && (
        <>
          <section>
            <h2>Departments</h2>
            <ul className="rooms" style={{ "--columns": Math.ceil(rooms.length / Math.ceil(rooms.length / 6)) } as React.CSSProperties}>
              {rooms.map((department) => <Room key={department.slug} {...department} />)}
            </ul>
          </section>
          <Shelf title="On sale" to="/search?sale=1" products={data?.sale.nodes} />
          <Shelf title="Just in" to="/search?sort=new" products={data?.new.nodes} />
          <Shelf title="Best rated" to="/search?sort=rating" products={data?.rated.nodes.slice(-4)} />
        </>
      )}
    </Page>
  );
}

const CoverDocument = graphql(`
  query Cover($slug: String!) {
    products(filter: { category: [$slug] }, sortBy: { field: RATING, direction: DESC }, first: 5) { nodes { id image { id ...Picture } } }
  }
`);

/** A department with the best rated picture that it has. */
function Room({ slug, name, children }: { slug: string; name: string; children: { slug: string; name: string }[] }) {
  const [{ data }] = useQuery({ query: CoverDocument, variables: { slug } });
  const image = data?.products.nodes.find((product) => product.image)?.image;
  return (
    <li className="room">
      <Link className="cover" href={`/categories/${encodeURIComponent(slug)}`}>
        {data ? <Picture image={image} sizes="(min-width: 60rem) 17rem, 46vw" lazy alt="" /> : <span className="picture" />}
        <span className="name" dir="auto">{name}</span>
      </Link>
      <small dir="auto">{new Intl.ListFormat("en", { type: "unit" }).format(children.map((child) => child.name))}</small>
    </li>
  );
}

type ShelfProps = { title: string; to: string; products: ({ id: string } & FragmentType<typeof TileFragment>)[] | undefined };

function Shelf({ title, to, products }: ShelfProps) {
  if (products?.length === 0) return null;
  return (
    <section>
      <div className="shelf-head">
        <h2>{title}</h2>
        <Link className="link" href={to}>See all<span className="hidden"> of: {title}</span><Icon name="arrow" /></Link>
      </div>
      <ul className="grid four">
        {products ? products.map((product) => <li key={product.id}><Tile product={product} lazy /></li>) : <TileSkeletons count={4} />}
      </ul>
    </section>
  );
}
