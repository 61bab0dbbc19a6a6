/** urql's client: a normalised cache with optimistic cart changes, and the session's tokens on its requests. */
import { cacheExchange } from "@urql/exchange-graphcache";
import type { DocumentNode, OperationDefinitionNode } from "graphql";
import { useMemo, type ReactNode } from "react";
import { Client, Provider, makeErrorResult, makeResult, type Exchange, type Operation, type OperationResult } from "urql";
import { filter, fromPromise, mergeMap, pipe } from "wonka";
import { optimistic, updates } from "../cart/optimistic";
import { SignedOut } from "./errors";
import { ADDRESS, post } from "./http";
import { cartToken, getSession, proven, refused, useSession, userToken } from "./session";

/** Types without an id: the cache keeps them inside of what they belong to. */
const EMBEDDED = [
  "Money", "Shop", "ProductAttribute", "ProductOption", "Suggestion", "ProductFacets", "PriceFacet", "PriceRangeCount",
  "RatingCount", "CategoryCount", "BrandCount", "AttributeFacet", "AttributeValueCount",
];
/** Where the catalogue is public, its reads carry no token: they are the same for all, and nothing can refuse them. */
let isCatalogPublic = false;

const newClient = (_: object) => new Client({
  url: ADDRESS,
  preferGetMethod: false,
  exchanges: [
    cacheExchange({ keys: Object.fromEntries(EMBEDDED.map((name) => [name, () => null])), optimistic, updates: { Mutation: updates } }),
    serviceExchange,
  ],
});

/** Gives urql a new client, and so an empty cache, when somebody else is signed in. */
export function ApiProvider({ children }: { children: ReactNode }) {
  const session = useSession();
  const client = useMemo(() => newClient(session), [session]);
  return <Provider value={client}>{children}</Provider>;
}

// A query that nobody waits for any more runs to its end: its answer is in the cache when it is wanted again.
const serviceExchange: Exchange = () => {
  const running = new Set<number>();
  return (operations) => pipe(
    operations,
    filter(({ kind, key }) => kind === "mutation" || kind === "query" && !running.has(key)),
    mergeMap((operation) => {
      const { kind, key } = operation;
      running.add(key);
      const run = kind === "mutation" ? inTurn(() => execute(operation)) : execute(operation);
      return fromPromise(run.catch((error: Error) => makeErrorResult(operation, error)).finally(() => running.delete(key)));
    }),
  );
};

/** Mutations go one after the other, so that a repeated one cannot overtake the next. */
let lastMutation: Promise<unknown> = Promise.resolve();
function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const run = lastMutation.then(task);
  lastMutation = run.catch(() => undefined);
  return run;
}

async function execute(operation: Operation): Promise<OperationResult> {
  const { query, variables = {}, kind } = operation;
  const fields = rootFields(query);
  const isMutation = kind === "mutation";
  const wasSignedIn = getSession().isSignedIn;
  const isRepeatable = !isMutation || !!variables.input?.idempotencyKey;
  for (let isRepeat = false; ; isRepeat = true) {
    let token: string | null = null;
    if (isMutation || fields.includes("cart") || fields.includes("me")) {
      token = await userToken() ?? await cartToken({ create: fields.includes("cartLinesAdd") });
    } else if (!isCatalogPublic && !fields.includes("shop")) token = await userToken();
    if (isMutation && wasSignedIn && !getSession().isSignedIn) throw new SignedOut();
    if (!token && fields.includes("cart")) return makeResult(operation, { data: { cart: NO_CART } });
    const answer = await post<Record<string, unknown>, object>(query, variables, { token, isRepeatable });
    if (token && !isRepeat && answer.errors?.some(({ extensions }) => extensions?.reason)) await refused(token);
    else {
      if (token) proven(token);
      const shop = answer.data?.shop as { catalogIsPublic: boolean } | undefined;
      if (shop) isCatalogPublic = shop.catalogIsPublic;
      return makeResult(operation, answer);
    }
  }
}

function rootFields({ definitions }: DocumentNode): string[] {
  const operation = definitions.find(({ kind }) => kind === "OperationDefinition") as OperationDefinitionNode;
  return operation.selectionSet.selections.map((selection) => ("name" in selection ? selection.name!.value : ""));
}

/** What a shopper without a token has: the service would answer the same for a cart that was never used. */
const NO_CART = {
  __typename: "Cart", id: "none", version: 0, totalQuantity: 0, lines: [],
  subtotal: { __typename: "Money", amount: "0", currency: "EUR" },
};
