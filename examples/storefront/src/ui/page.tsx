import { useEffect, useRef, type ReactNode } from "react";
import { Link } from "wouter";
import { focusHeading } from "./navigation";
import { useShop } from "./shop";

type Props = { title: string; description?: string; className?: string; children: ReactNode };

/** A page's frame: names the document, and holds what is on it at the width of the shop. */
export function Page({ title, description, className = "", children }: Props) {
  const shop = useShop()?.name;
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => focusHeading(frame.current), [title]); // a heading that waited for its name is another one
  const words = description || `${title} at ${shop ?? "our shop"}: prices, pictures and what is in stock.`;
  return (
    <div className={`page ${className}`} ref={frame}>
      <title>{[...new Set([title, shop])].filter(Boolean).join(" · ") || "Shop"}</title>
      <meta name="description" content={words.replace(/\s+/g, " ").slice(0, 160)} />
      {children}
    </div>
  );
}

export function NotFoundPage() {
  return (
    <Page title="Page not found" className="notice">
      <h1>There is no such page</h1>
      <p>The address may be mistyped, or what was here is no longer sold.</p>
      <Link className="button" href="/">Go to the home page</Link>
    </Page>
  );
}
