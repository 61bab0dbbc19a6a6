import { useEffect, useState, type CSSProperties } from "react";
import { rangeOf, rangeText } from "./filters";

export type Bounds = {
  /** The ends of what there is. */
  min: number;
  max: number;
  /** How many decimals count: 2 for cents. */
  digits: number;
  unit?: string | null;
};
/** `value`: as in the query string: "10..200", "10..", "..200". */
type Props = Bounds & { label: string; value: string; onChange: (value: string) => void };

const PAUSE_MS = 400;

/** A slider with two thumbs, and a field for each end. The list follows when a thumb rests or a field is left. */
export function Range({ label, min, max, digits, unit, value, onChange }: Props) {
  const [ends, setEnds] = useState(() => rangeOf(value, digits));
  const [sliding, setSliding] = useState(false);
  useEffect(() => setEnds(rangeOf(value, digits)), [value, digits]);
  useEffect(() => {
    const timer = sliding ? setTimeout(commit, PAUSE_MS) : undefined;
    return () => clearTimeout(timer);
  }, [sliding, ends]);
  // About a hundred steps, each a round number: 1, 10, 0.1.
  const step = Math.max(10 ** -digits, 10 ** Math.floor(Math.log10(Math.max(max - min, 1e-6) / 40)));
  const [first, last] = [Math.floor(min / step) * step, Math.ceil(max / step) * step];
  const low = Math.min(Math.max(Number(ends.min ?? first), first), last);
  const high = Math.max(Math.min(Number(ends.max ?? last), last), first);
  const at = (number: number) => `${last > first ? ((number - first) / (last - first)) * 100 : 0}%`;

  function commit() {
    const next = rangeOf(rangeText(ends), digits);
    setSliding(false);
    setEnds(next);
    if (rangeText(next) !== rangeText(rangeOf(value, digits))) onChange(rangeText(next));
  }
  // At its end a thumb does not narrow the list.
  const slide = (end: "min" | "max", raw: number) => {
    const number = end === "min" ? Math.min(raw, high) : Math.max(raw, low);
    setSliding(true);
    setEnds({ ...ends, [end]: number <= first || number >= last ? undefined : number.toFixed(digits) });
  };

  return (
    <div className="range" style={{ "--from": at(low), "--to": at(high) } as CSSProperties}>
      <div className="track">
        {(["min", "max"] as const).map((end) => (
          <input
            key={end} type="range" min={first} max={last} step={step} value={end === "min" ? low : high} disabled={last <= first}
            aria-label={`${label}, ${end === "min" ? "from" : "to"}`} aria-valuetext={`${end === "min" ? low : high} ${unit ?? ""}`}
            onChange={(event) => slide(end, Number(event.target.value))} onBlur={commit}
          />
        ))}
      </div>
      <div className="ends">
        {(["min", "max"] as const).map((end) => (
          <label key={end}>
            <span>{end === "min" ? "From" : "To"}</span>
            <input
              type="number" inputMode="decimal" min={0} step="any" value={ends[end] ?? ""} placeholder={(end === "min" ? min : max).toFixed(digits)}
              onChange={(event) => setEnds({ ...ends, [end]: event.target.value })} onBlur={commit} onKeyDown={(event) => event.key === "Enter" && commit()}
            />
            <span>{unit}</span>
          </label>
        ))}
      </div>
    </div>
  );
}
