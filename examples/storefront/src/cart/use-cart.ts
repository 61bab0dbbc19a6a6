/** The shopper's cart and what changes it. Every change has an idempotency key, so that a repeated request counts once. */
import { useClient, useQuery, type OperationResult } from "urql";
import { Mistake, wordsOf, wordsOfFailure } from "../api/errors";
import { graphql, readFragment } from "../gql";
import type { AddMutation, UpdateMutation } from "../gql/graphql";

const CartContents = graphql(`
  fragment CartContents on Cart {
    id version totalQuantity
    subtotal { amount currency }
    lines {
      id quantity availability
      unitPrice { amount currency }
      unitPriceWhenAdded { amount currency }
      lineTotal { amount currency }
      product { id slug name quantity image { id ...Picture } }
    }
  }
`);
const CartQuery = graphql(`query Cart { cart { ...CartContents } }`);
const Add = graphql(`mutation Add($input: CartLinesAddInput!) { payload: cartLinesAdd(input: $input) { cart { ...CartContents } errors { ...Mistake } } }`);
const Update = graphql(`mutation Update($input: CartLinesUpdateInput!) { payload: cartLinesUpdate(input: $input) { cart { ...CartContents } errors { ...Mistake } } }`);

/** Why a change was refused, in words; null when it was made. */
export type Problem = string | null;

export function useCart() {
  const [{ data, error, fetching }, ask] = useQuery({ query: CartQuery });
  const cart = readFragment(CartContents, data?.cart);
  return { cart, error: data ? undefined : error, isLoading: fetching && !data, reload: () => ask({ requestPolicy: "network-only" }) };
}

export function useCartChanges() {
  const client = useClient();
  return {
    add: (productId: string, quantity: number) =>
      client.mutation(Add, { input: { lines: [{ productId, quantity }], idempotencyKey: newKey() } }).then(problemOf),
    /** 0 takes the line out. An update is used for that too, because it can be repeated by its key. */
    setQuantity: (lineId: string, quantity: number) =>
      client.mutation(Update, { input: { lines: [{ lineId, quantity }], idempotencyKey: newKey() } }).then(problemOf),
  };
}

function problemOf({ data, error }: OperationResult<AddMutation | UpdateMutation>): Problem {
  if (error || !data?.payload) return wordsOfFailure(error ?? new Error());
  const [first] = readFragment(Mistake, data.payload.errors);
  // Only this message tells how many units the cart holds already.
  return first ? first.code === "INSUFFICIENT_STOCK" && first.available ? first.message : wordsOf(first) : null;
}

// crypto.randomUUID is for secure contexts only.
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
