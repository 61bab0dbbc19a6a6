import { graphql, readFragment, type FragmentType } from "../gql";
import { Icon } from "./icons";

export const PictureFragment = graphql(`
  fragment Picture on ProductImage {
    alt width height placeholder url srcset
    avif: srcset(format: AVIF)
  }
`);

type Props = {
  image: FragmentType<typeof PictureFragment> | null | undefined;
  /** How wide it is shown, in the words of <img sizes>. */
  sizes: string;
  /** The largest picture of the first screen: it is fetched before all others. */
  first?: boolean;
  /** Below the first screen: it is fetched when it comes near. */
  lazy?: boolean;
  /** Empty where the same words stand beside it. */
  alt?: string;
};

/** A product's picture, or a quiet place of the same size where there is none. */
export function Picture({ image, sizes, first, lazy, alt }: Props) {
  const data = readFragment(PictureFragment, image);
  if (!data?.url) return <span className="picture none"><Icon name="tag" /></span>;
  return (
    <picture className="picture">
      {data.avif && <source type="image/avif" srcSet={data.avif} sizes={sizes} />}
      <img
        src={data.url} srcSet={data.srcset ?? undefined} sizes={sizes} alt={alt ?? data.alt}
        width={data.width ?? 800} height={data.height ?? 800}
        loading={lazy ? "lazy" : "eager"} fetchPriority={first ? "high" : "auto"} decoding="async"
        style={data.placeholder ? { backgroundImage: `url("${data.placeholder}")` } : undefined}
      />
    </picture>
  );
}
