import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useSession } from "../api/session";
import { useCartChanges, type Problem } from "../cart/use-cart";
import { notify } from "../ui/notices";
import { useShop } from "../ui/shop";
import { QUANTITY_IN_WORDS, Stepper } from "../ui/stepper";

interface Props {
  product: { id: string; slug: string; name: string; inStock: boolean };
  /** Another option is chosen, and its product not here yet. */
  isStale: boolean;
  onProblem: () => void;
}

/** The quantity and the button. Without guest carts it leads to sign-in, and back to the product. */
export function AddToCart({ product: { id, slug, name, inStock }, isStale, onProblem }: Props) {
  const { add } = useCartChanges();
  const { isSignedIn } = useSession();
  const needsAccount = useShop()?.guestCarts === false && !isSignedIn;
  const [, navigate] = useLocation();
  const [quantity, setQuantity] = useState(1);
  const [isAdding, setAdding] = useState(false);
  const [problem, setProblem] = useState<Problem>(null);
  const submit = async () => {
    setAdding(true);
    const refused = await add(id, quantity);
    setAdding(false);
    setProblem(refused);
    if (refused) onProblem();
    else notify(`${name} is in your cart.`, { label: "View cart", run: () => navigate("/cart") });
  };
  if (!inStock) return problem && <p className="problem" role="alert">{problem}</p>;
  if (needsAccount) return <Link className="button" href={`/sign-in?next=${encodeURIComponent(`/products/${slug}`)}`}>Sign in to add it to a cart</Link>;
  const words = quantity ? problem : QUANTITY_IN_WORDS;
  return (
    <form className="add" onSubmit={(event) => { event.preventDefault(); if (quantity && !isAdding && !isStale) void submit(); }}>
      {words && <p className="problem" role="alert">{words}</p>}
      <Stepper label="Quantity" value={quantity} onChange={setQuantity} />
      <button className="button" aria-busy={isAdding || isStale}>{isAdding ? "Adding…" : "Add to cart"}</button>
    </form>
  );
}
