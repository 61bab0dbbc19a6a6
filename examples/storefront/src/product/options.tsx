import { useLocation } from "wouter";
import { graphql, readFragment, type FragmentType } from "../gql";

export const GroupFragment = graphql(`
  fragment Group on ProductGroup {
    id
    options { attribute { id slug name } values }
    products { id slug inStock attributes { text attribute { id slug } } }
  }
`);

/** The choices of a group: each leads to the product that has it, which is a page of its own. */
export function Options({ group, slug }: { group: FragmentType<typeof GroupFragment>; slug: string }) {
  const { options, products } = readFragment(GroupFragment, group);
  const [, navigate] = useLocation();
  const current = products.find((product) => product.slug === slug);
  if (!current) return null;
  type Product = typeof current;
  const has = (product: Product, attribute: string, value: string) =>
    product.attributes.some(({ text, attribute: { id } }) => id === attribute && text === value);
  const valueOf = (attribute: string) => current.attributes.find(({ attribute: { id } }) => id === attribute)?.text ?? "";

  return options.map(({ attribute, values }) => {
    const others = options.filter((option) => option.attribute.id !== attribute.id).map((option) => option.attribute.id);
    const kept = (product: Product) => others.filter((other) => has(product, other, valueOf(other))).length;
    return (
      <fieldset key={attribute.id} className="options">
        <legend>{attribute.name}: <strong dir="auto">{valueOf(attribute.id)}</strong></legend>
        {values.map((value) => {
          // The product that differs from this one in nothing else, or else in as little as possible.
          const [nearest] = products.filter((product) => has(product, attribute.id, value)).sort((a, b) => kept(b) - kept(a));
          const isExact = !!nearest && kept(nearest) === others.length;
          const remark = !nearest ? "not available" : !isExact ? "not in this combination" : !nearest.inStock ? "sold out" : "";
          return (
            <label key={value} className={remark ? "option without" : "option"} title={remark || undefined}>
              <input
                type="radio" name={attribute.slug} value={value} disabled={!nearest} checked={has(current, attribute.id, value)}
                onChange={() => nearest && navigate(`/products/${encodeURIComponent(nearest.slug)}`, { replace: true, state: { stay: true } })}
              />
              <span dir="auto">{value}</span>
              {remark && <span className="hidden">, {remark}</span>}
            </label>
          );
        })}
      </fieldset>
    );
  });
}
