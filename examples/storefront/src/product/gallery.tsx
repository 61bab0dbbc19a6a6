import { useRef, useState } from "react";
import type { FragmentType } from "../gql";
import { Icon } from "../ui/icons";
import { Picture, PictureFragment } from "../ui/picture";

type Image = { id: string } & FragmentType<typeof PictureFragment>;

/** All pictures of a product: swiped on a phone, chosen by thumbnails, buttons or the arrow keys elsewhere. */
export function Gallery({ images, name }: { images: readonly Image[]; name: string }) {
  const strip = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(0);
  const show = (index: number) => {
    const picture = strip.current?.children[Math.max(0, Math.min(index, images.length - 1))] as HTMLElement | undefined;
    strip.current?.scrollTo({ left: picture?.offsetLeft, behavior: matchMedia("(prefers-reduced-motion)").matches ? "instant" : "smooth" });
  };
  const hasMany = images.length > 1;
  return (
    <section className="gallery" aria-label={`Pictures of ${name}`}>
      <div
        ref={strip} className="gallery-strip" tabIndex={hasMany ? 0 : undefined} role="group" aria-label="Pictures"
        onScroll={({ currentTarget: { scrollLeft, clientWidth } }) => setCurrent(Math.round(scrollLeft / clientWidth))}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (step) { event.preventDefault(); show(current + step); }
        }}
      >
        {images.length === 0 && <Picture image={null} sizes="50vw" />}
        {images.map((image, index) => <Picture key={image.id} image={image} sizes="(min-width: 60rem) 48rem, 100vw" first={index === 0} lazy={index > 0} />)}
      </div>
      {hasMany && (
        <ol className="gallery-thumbnails">
          {images.map((image, index) => (
            <li key={image.id}>
              <button aria-label={`Picture ${index + 1} of ${images.length}`} aria-current={index === current} onClick={() => show(index)}>
                <Picture image={image} sizes="5rem" alt="" />
              </button>
            </li>
          ))}
        </ol>
      )}
      {hasMany && <button className="gallery-next" aria-label="Next picture" onClick={() => show((current + 1) % images.length)}><Icon name="next" /></button>}
    </section>
  );
}
