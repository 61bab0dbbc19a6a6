import { useState } from "react";
import { Icon } from "./icons";

const MAX_QUANTITY = 999;
export const QUANTITY_IN_WORDS = `Choose a whole number from 1 to ${MAX_QUANTITY}.`;

const isQuantity = (value: number) => Number.isInteger(value) && value >= 1 && value <= MAX_QUANTITY;

/** A quantity: typed, or changed by the buttons beside it. What cannot be one stays in the field and is told as NaN. */
export function Stepper({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const choose = (next: number) => {
    if (isQuantity(next)) setTyped(null);
    if (next !== value || typed) onChange(isQuantity(next) ? next : NaN);
  };
  const chooseTyped = () => typed !== null && choose(Number(typed));
  return (
    <span className="stepper" role="group" aria-label={label}>
      <button type="button" aria-label="One fewer" disabled={!(value > 1)} onClick={() => choose(value - 1)}><Icon name="minus" /></button>
      <input
        aria-label={label} aria-invalid={typed !== null && !isQuantity(Number(typed))} inputMode="numeric" autoComplete="off" value={typed ?? value}
        onChange={(event) => setTyped(event.target.value)} onBlur={chooseTyped} onKeyDown={({ key }) => key === "Enter" && chooseTyped()}
      />
      <button type="button" aria-label="One more" disabled={value >= MAX_QUANTITY} onClick={() => choose((value || 0) + 1)}><Icon name="plus" /></button>
    </span>
  );
}
