/** Sends documents to Vitrine: by hash where the service knows them, again where that is safe, and by the service's clock. */
import { stringifyDocument, type DocumentInput } from "@urql/core";
import type { DocumentNode } from "graphql";
import { store, stored } from "./storage";

export const ADDRESS = `${import.meta.env.VITE_VITRINE_URL ?? (import.meta.env.DEV ? "http://localhost:8000" : "")}/graphql/`;
const TIMEOUT_MS = 20_000;
// About half a minute in all: a service that restarts is back by then.
const PAUSES_MS = [300, 700, 1500, 3000, 5000, 8000, 8000];

export interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string; reason?: string } }[];
}

/** The service could not be reached, or answered with something that is not GraphQL. */
export class Unreachable extends Error {}

let clockSkew = 0; // milliseconds that the service's clock is ahead of this one
// Whether the service knows hashes: trusted documents are all or none. Where it is not known from the last visit, the first
// answer tells, and all other requests wait for it.
const KNOWS_HASHES = "vitrine.knows-hashes";
let knowsHashes = stored(KNOWS_HASHES) ? Promise.resolve(true) : undefined;

/** Now, by the service's clock. Expiry is compared with this, so a wrong clock in the device does no harm. */
export const serviceNow = (): number => Date.now() + clockSkew;

/**
 * One operation. Throws Unreachable when no answer came, after some tries if it is repeatable: if a second arrival does no
 * harm, as with reads and mutations that have an idempotency key.
 */
export async function post<Data, Variables>(
  document: DocumentInput<Data, Variables>, variables: Variables, { token, isRepeatable }: { token?: string | null; isRepeatable?: boolean } = {},
): Promise<Answer<Data>> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask<Data>(document as Named, variables, token);
    } catch (error) {
      const pause = PAUSES_MS[tries];
      if (!isRepeatable || !pause) throw error;
      await new Promise((resolve) => { setTimeout(resolve, pause); addEventListener("online", resolve, { once: true }); });
    }
  }
}

type Named = DocumentNode & { __meta__?: { hash: string } };
const isUnknown = ({ errors }: Answer<unknown>) => errors?.[0]?.extensions?.code === "PERSISTED_QUERY_NOT_FOUND";

async function ask<Data>(document: Named, variables: unknown, token?: string | null): Promise<Answer<Data>> {
  const documentId = document.__meta__?.hash;
  if (documentId && (!knowsHashes || await knowsHashes)) {
    const sent = send<Data>({ documentId, variables }, token);
    knowsHashes ??= sent.then((answer) => !isUnknown(answer), () => true);
    const answer = await sent;
    store(KNOWS_HASHES, isUnknown(answer) ? null : "yes");
    if (!isUnknown(answer)) return answer;
    knowsHashes = Promise.resolve(false);
  }
  return send({ query: stringifyDocument(document), variables }, token);
}

async function send<Data>(body: object, token?: string | null): Promise<Answer<Data>> {
  try {
    const response = await fetch(ADDRESS, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const date = response.headers.get("Date");
    if (date) clockSkew = Date.parse(date) - Date.now();
    return (await response.json()) as Answer<Data>; // a proxy's page about a service that is down is no JSON
  } catch (error) {
    throw new Unreachable(String(error));
  }
}
