/** What went wrong, in the shop's words. For another language this is the table to translate. */
import type { CombinedError } from "urql";
import { graphql } from "../gql";
import type { ErrorCode, MistakeFragment } from "../gql/graphql";
import { Unreachable } from "./http";

/** A mistake of the shopper's, as every mutation answers it. */
export const Mistake = graphql(`fragment Mistake on UserError { field message code available allowed retryAfter }`);

/** The session ended before the change was made. */
export class SignedOut extends Error {}

const WORDS: Partial<Record<ErrorCode, (error: MistakeFragment) => string>> = {
  REQUIRED: () => "Please fill this in.",
  NOT_FOUND: () => "This is no longer sold here.",
  ALREADY_EXISTS: () => "There is an account with this e-mail address already. Sign in, or reset its password.",
  INSUFFICIENT_STOCK: ({ available }) => (available ? `There are only ${available} in stock.` : "This is sold out."),
  LIMIT_EXCEEDED: ({ allowed, message }) => (allowed ? `At most ${allowed} are allowed.` : message),
  VERSION_CONFLICT: () => "This has changed meanwhile. Look at it, and try again.",
  INVALID_CREDENTIALS: ({ field }) => (field?.length ? "This is not your current password." : "E-mail address and password do not match."),
  INVALID_TOKEN: () => "This link is no longer valid. Ask for a new one.",
  THROTTLED: ({ retryAfter }) => `Too many attempts. Try again ${inTime(retryAfter)}.`,
};

/** One mistake of the shopper's. INVALID says what is wrong in the service's own words. */
export const wordsOf = (error: MistakeFragment): string => WORDS[error.code]?.(error) ?? error.message;

/** A request that was not served at all: what it means, and what to do. */
export function wordsOfFailure(error: CombinedError | Error): string {
  const cause = "networkError" in error ? error.networkError ?? error : error;
  if (cause instanceof SignedOut) return "You have been signed out, so nothing was changed. Sign in and try again.";
  if (cause instanceof Unreachable) {
    return navigator.onLine
      ? "The shop cannot be reached at the moment. Try again in a moment."
      : "You are offline. Try again when you are connected.";
  }
  const [refusal] = "graphQLErrors" in error ? error.graphQLErrors : [];
  const extensions = refusal?.extensions as { code?: string; retryAfter?: number; id?: string } | undefined;
  if (extensions?.code === "THROTTLED") return `That was too much at once. Try again ${inTime(extensions.retryAfter)}.`;
  if (extensions?.code === "UNAUTHENTICATED") return "Please sign in first.";
  return `Something went wrong on our side. Try again, or tell us about it${extensions?.id ? ` (error ${extensions.id})` : ""}.`;
}

function inTime(seconds = 60 as number | null): string {
  const [count, unit] = (seconds ?? 60) < 90 ? [seconds ?? 60, "second"] : [Math.ceil(seconds! / 60), "minute"];
  return `in ${count} ${unit}${count === 1 ? "" : "s"}`;
}
