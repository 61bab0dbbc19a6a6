/** Stars, and the number beside them. */
export function Rating({ value }: { value: number | null | undefined }) {
  if (value == null) return null;
  return (
    <span className="rating" title={`Rated ${value.toFixed(1)} out of 5`}>
      <span className="stars" style={{ "--part": `${value * 20}%` } as React.CSSProperties} aria-hidden="true" />
      <span className="hidden">Rated </span>{value.toFixed(1)}<span className="hidden"> out of 5</span>
    </span>
  );
}
