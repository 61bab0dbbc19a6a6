import { useLayoutEffect, useRef } from "react";
import { useLocation, useSearch } from "wouter";

let isTraversal = true; // a reload, or Back and Forward: the browser itself finds the old place
let navigated = false;

addEventListener("popstate", () => (isTraversal = true));

/** Scroll and focus as with pages of a server: a new page begins at its top, Back finds the old place. */
export function useNavigation() {
  const [path] = useLocation();
  const place = `${path}?${new URLSearchParams(useSearch()).get("q") ?? ""}`;
  const last = useRef(place);
  useLayoutEffect(() => {
    const isOther = last.current !== place;
    const isKept = isTraversal || history.state?.stay; // another option of the same product
    last.current = place;
    isTraversal = false;
    navigated ||= isOther;
    if (!isOther || isKept) return; // a filter: stay where you are
    scrollTo({ top: 0, behavior: "instant" });
    document.getElementById("main")?.focus({ preventScroll: true });
  });
}

/** Puts the focus on a new page's heading, but not when the shop itself is opened, nor when somebody has it already. */
export function focusHeading(page: HTMLElement | null) {
  const heading = page?.querySelector("h1");
  const { activeElement } = document;
  if (!navigated || !heading || (activeElement !== document.body && activeElement?.id !== "main")) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
