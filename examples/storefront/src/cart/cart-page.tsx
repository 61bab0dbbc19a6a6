import { useRef, useState, type RefObject } from "react";
import { Link } from "wouter";
import type { CartContentsFragment } from "../gql/graphql";
import { notify } from "../ui/notices";
import { Page } from "../ui/page";
import { Picture } from "../ui/picture";
import { Problem as Failure } from "../ui/problem";
import { Money } from "../ui/shop";
import { QUANTITY_IN_WORDS, Stepper } from "../ui/stepper";
import { useCart, useCartChanges, type Problem } from "./use-cart";
import "./cart.css";

export default function CartPage() {
  const { cart, error, isLoading, reload } = useCart();
  const heading = useRef<HTMLHeadingElement>(null);
  return (
    <Page title="Cart" className="cart">
      <h1 ref={heading} tabIndex={-1}>Your cart</h1>
      {isLoading && <div className="cart-line skeleton" aria-busy="true" aria-label="The cart is loading" />}
      {error && <Failure error={error} retry={reload} />}
      {cart?.lines.length === 0 && <div className="notice"><p>There is nothing in it yet.</p><Link className="button" href="/search">Look around</Link></div>}
      {cart && cart.lines.length > 0 && (
        <div className="cart-columns">
          <ul>{cart.lines.map((line) => <CartLine key={line.id} line={line} heading={heading} />)}</ul>
          <section className="cart-summary" aria-labelledby="summary">
            <h2 id="summary">Summary</h2>
            <p className="cart-total"><span>Subtotal</span> <strong><Money {...cart.subtotal} /></strong></p>
            {cart.lines.some(({ availability }) => availability !== "AVAILABLE") && <p>Lines that cannot be bought now are not counted.</p>}
            <p className="muted">
              This is where a checkout begins. Vitrine ends here: payment, shipping and orders belong to the system of your choice,
              which reads this cart.
            </p>
          </section>
        </div>
      )}
    </Page>
  );
}

type Line = CartContentsFragment["lines"][number];

function CartLine({ line, heading }: { line: Line; heading: RefObject<HTMLHeadingElement | null> }) {
  const { add, setQuantity } = useCartChanges();
  const [problem, setProblem] = useState<Problem>(null);
  const choose = async (quantity: number) => setProblem(quantity ? await setQuantity(line.id, quantity) : QUANTITY_IN_WORDS);
  const { product } = line;
  const remove = async () => {
    heading.current?.focus();
    const refused = await setQuantity(line.id, 0);
    const undo = async () => {
      const kept = await add(product.id, line.quantity);
      if (kept) notify(`${product.name}: ${kept}`);
    };
    if (refused) notify(refused);
    else notify(`${product.name} was taken out of your cart.`, { label: "Undo", run: undo });
  };
  return (
    <li className="cart-line">
      <Link href={`/products/${encodeURIComponent(product.slug)}`} className="cart-picture" tabIndex={-1} aria-hidden="true">
        <Picture image={product.image} sizes="6rem" alt="" />
      </Link>
      <div className="cart-what">
        <Link href={`/products/${encodeURIComponent(product.slug)}`} dir="auto">{product.name}</Link>
        <span className="muted"><Money {...line.unitPrice} /> each</span>
        {Number(line.unitPrice.amount) !== Number(line.unitPriceWhenAdded.amount) && (
          <p className="muted">The price has changed since you added it: it was <Money {...line.unitPriceWhenAdded} />.</p>
        )}
        <Availability line={line} onTake={choose} />
        {problem && <p className="problem" role="alert">{problem}</p>}
      </div>
      {line.availability === "UNAVAILABLE"
        ? <span className="muted">× {line.quantity}</span>
        : <Stepper label={`Quantity of ${product.name}`} value={line.quantity} onChange={choose} />}
      <strong className="cart-sum"><Money {...line.lineTotal} /></strong>
      <button className="link" aria-label={`Remove ${product.name}`} onClick={remove}>Remove</button>
    </li>
  );
}

/** Whether the line can be bought now, and what to do if not. */
function Availability({ line: { availability, product: { quantity } }, onTake }: { line: Line; onTake: (quantity: number) => void }) {
  if (availability === "AVAILABLE") return null;
  if (availability === "UNAVAILABLE") return <p className="problem">No longer sold. It can only be removed.</p>;
  if (quantity === 0) return <p className="problem">Sold out by now. Keep it until there is more, or remove it.</p>;
  return <p className="problem">Only {quantity} left in stock. <button className="link" onClick={() => onTake(quantity)}>Take {quantity}</button></p>;
}
