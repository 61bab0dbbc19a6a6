import { Link } from "wouter";
import { graphql, readFragment, type FragmentType } from "../gql";
import { Picture } from "../ui/picture";
import { Rating } from "../ui/rating";
import { useMoney } from "../ui/shop";

export const TileFragment = graphql(`
  fragment Tile on Product {
    id name slug inStock rating
    price { amount currency }
    compareAtPrice { amount currency }
    brand { id name }
    image { id ...Picture }
    group { id options { attribute { id name } } products { id inStock } }
  }
`);

/** How wide a tile is in a grid of up to four columns; beside the filters it is narrower. */
const SIZES = "(min-width: 90rem) 19rem, (min-width: 60rem) 24vw, (min-width: 40rem) 30vw, 46vw";

type Props = { product: FragmentType<typeof TileFragment>; lazy?: boolean; first?: boolean };

export function Tile({ product, lazy, first }: Props) {
  const tile = readFragment(TileFragment, product);
  const money = useMoney();
  const options = tile.group?.options.map(({ attribute }) => attribute.name.toLowerCase()) ?? [];
  const before = tile.compareAtPrice;
  const inStock = tile.inStock || tile.group?.products.some((option) => option.inStock);
  return (
    <article className={inStock ? "tile" : "tile gone"}>
      <Link className="cover" href={`/products/${encodeURIComponent(tile.slug)}`} onPointerEnter={prefetch} onFocus={prefetch}>
        <Picture image={tile.image} sizes={SIZES} first={first} lazy={lazy} alt="" />
        <span className="name" dir="auto">{tile.name}</span>
      </Link>
      <p className="facts"><span className="brand" dir="auto">{tile.brand.name}</span><Rating value={tile.rating} /></p>
      <p className="price">
        {before && <span className="hidden">Now </span>}
        <strong className={before ? "reduced" : ""}>{money(tile.price.amount, tile.price.currency)}</strong>
        {before && <><span className="hidden">, before </span><s>{money(before.amount, before.currency)}</s></>}
      </p>
      {options.length > 0 && <p className="hint">Choice of {new Intl.ListFormat("en").format(options)}</p>}
      {!inStock ? <span className="badge">Sold out</span> : before && <span className="badge sale">Sale</span>}
    </article>
  );
}

/** The page's script, while the pointer is on its way. */
const prefetch = () => void import("../product/product-page");

/** Tiles that are on their way, of the size that they will have. */
export function TileSkeletons({ count }: { count: number }) {
  return Array.from({ length: count }, (_, index) => (
    <li key={index} className="tile skeleton" aria-hidden="true"><span className="picture" /><i /><i /><i /></li>
  ));
}
