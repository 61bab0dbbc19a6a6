import { useEffect } from "react";
import { Link } from "wouter";
import { Icon } from "../ui/icons";
import { useCart } from "./use-cart";

/** The way to the cart, with the number of things in it. */
export function CartLink() {
  const { cart, reload } = useCart();
  const count = cart?.totalQuantity ?? 0;
  useEffect(() => {
    // Another tab or device may have changed it.
    const look = () => document.visibilityState === "visible" && reload();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  });
  return (
    <Link href="/cart" className="tool" aria-label={count === 1 ? "Cart, 1 item" : `Cart, ${count} items`}>
      <Icon name="cart" />
      {count > 0 && <span className="count">{count}</span>}
    </Link>
  );
}
