/** What the cart will probably look like, shown until the service's answer replaces it. */
import type { Cache, OptimisticMutationConfig, UpdateResolver } from "@urql/exchange-graphcache";

type Inputs = { lines: { lineId: string; quantity: number }[] };
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const payload = (cache: Cache, cart: object) => ({
  __typename: "CartPayload", errors: [], cart: { __typename: "Cart", id: cache.resolve(cartOf(cache), "id"), ...cart },
});
const cartOf = (cache: Cache) => cache.resolve("Query", "cart") as string;

export const optimistic: OptimisticMutationConfig = {
  cartLinesAdd: ({ input }, cache) => {
    const added = sum((input as Inputs).lines.map(({ quantity }) => quantity));
    return payload(cache, { totalQuantity: ((cache.resolve(cartOf(cache), "totalQuantity") as number) ?? 0) + added });
  },
  cartLinesUpdate: ({ input }, cache) => {
    const wanted = new Map((input as Inputs).lines.map(({ lineId, quantity }) => [lineId, quantity]));
    const keys = cache.resolve(cartOf(cache), "lines") as string[];
    const lines = keys.map((key) => {
      const [id, before, price] = ["id", "quantity", "unitPrice"].map((field) => cache.resolve(key, field)) as [string, number, string];
      const quantity = wanted.get(id) ?? before;
      // A float does for a guess that stands for a moment; the service adds up exactly.
      const total = Number(cache.resolve(price, "amount")) * quantity;
      return { __typename: "CartLine", id, quantity, total, lineTotal: money(total, cache.resolve(price, "currency")) };
    }).filter(({ quantity }) => quantity > 0);
    return payload(cache, {
      lines,
      totalQuantity: sum(lines.map(({ quantity }) => quantity)),
      subtotal: money(sum(lines.map(({ total }) => total)), lines[0]?.lineTotal.currency),
    });
  },
};
const money = (amount: number, currency: unknown = "EUR") => ({ __typename: "Money", amount: amount.toFixed(3), currency });

// A first change may give the cart another id: nobody's cart becomes a guest's.
const link: UpdateResolver = (result, _, cache, { fieldName }) => {
  const cart = (result[fieldName] as { cart?: { __typename: string; id: string } } | null)?.cart;
  if (cart) cache.link("Query", "cart", cart);
};
export const updates = { cartLinesAdd: link, cartLinesUpdate: link };
