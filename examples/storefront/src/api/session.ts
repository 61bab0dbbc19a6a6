/**
 * Who the shopper is: signed in, a guest with a cart, or nobody yet.
 *
 * The access token is kept in memory only. The refresh token lies in localStorage, so that a shopper stays signed in and
 * all tabs are one session. Any script on the page can read it there: load none that you do not trust, and keep the
 * Content-Security-Policy strict. The alternative is a small backend of your own that keeps the refresh token in an
 * HttpOnly cookie and calls refreshToken itself. It takes the place of `renew` here.
 */
import { useSyncExternalStore } from "react";
import { graphql } from "../gql";
import { notify } from "../ui/notices";
import { Unreachable, post, serviceNow } from "./http";
import { store, stored } from "./storage";

const [USER, GUEST] = ["vitrine.refresh-token", "vitrine.guest-token"];
const PROVEN_MS = 1_000; // a token that passed a moment ago is not asked about again
const GUEST_RENEWAL_MS = 86_400_000;

const Refresh = graphql(`mutation Refresh($token: String!) { refreshToken(refreshToken: $token) { token refreshToken expiresAt errors { code message } } }`);
const Verify = graphql(`mutation Verify($token: String!) { verifyToken(token: $token) { valid } }`);
const Revoke = graphql(`mutation Revoke($token: String!) { revokeToken(refreshToken: $token) { revoked } }`);
const GuestToken = graphql(`mutation GuestToken { guestTokenCreate { token } }`);

interface Access { token: string; renewAt: number; provenAt: number }
export interface Pair { token?: string | null; refreshToken?: string | null; expiresAt?: string | null }

let access: Access | null = null;
let guestRenewAt = 0;
const watchers = new Set<() => void>();
const channel = new BroadcastChannel("vitrine");

/** What components see: a new object whenever somebody else is signed in, or nobody any more. */
let session = { isSignedIn: stored(USER) !== null };
export const getSession = () => session;
const watch = (watcher: () => void) => { watchers.add(watcher); return () => void watchers.delete(watcher); };
export const useSession = () => useSyncExternalStore(watch, getSession);
function changed(): void {
  session = { isSignedIn: stored(USER) !== null };
  watchers.forEach((watcher) => watcher());
}

/** Takes over a new pair of tokens: after sign-in, registration and a change of the password. */
export function signedIn(pair: Pair): void {
  keep(pair);
  store(GUEST, null); // the guest's cart has joined the account's
  changed();
}

/** Ends this device's session. A shopper who is offline is signed out all the same. */
export function signOut(): void {
  const token = stored(USER);
  forget("You are signed out.");
  if (token) post(Revoke, { token }, { isRepeatable: true }).catch(() => undefined);
}

export function forget(words: string): void {
  access = null;
  store(USER, null);
  changed();
  notify(words);
}

/** A user's access token that holds, or null when nobody is signed in any more. Throws Unreachable. */
export async function userToken(): Promise<string | null> {
  if (!stored(USER)) return null;
  if (!access || serviceNow() >= access.renewAt) await once("refresh", renew);
  else if (serviceNow() - access.provenAt > PROVEN_MS) {
    // The session may have been ended on another device. Asking first spares the request that would be refused with
    // 401, which browsers log as an error.
    const { token } = access;
    const { data } = await post(Verify, { token }, { isRepeatable: true });
    if (data?.verifyToken?.valid === false) await refused(token);
    else proven(token);
  }
  return access?.token ?? null;
}

export function proven(token: string): void {
  if (access?.token === token) access.provenAt = serviceNow();
}

/** The service does not take this token: a user's is refreshed, a guest's forgotten. */
export async function refused(token: string): Promise<void> {
  if (token === guestToken()) return store(GUEST, null);
  if (access?.token === token) access = null;
  await once("refresh", renew);
}

export const guestToken = (): string | null => stored(GUEST);

/** The guest's token; null when there is none and none shall be made. Throws Unreachable. */
export async function cartToken({ create }: { create: boolean }): Promise<string | null> {
  if (!guestToken() && !create) return null;
  // Renewing also tells whether a stored token still holds, without a request that would be refused.
  if (!guestToken() || serviceNow() >= guestRenewAt) await once("guest", renewGuest);
  return guestToken();
}

async function renewGuest(): Promise<void> {
  const { data, errors } = await post(GuestToken, {}, { token: guestToken(), isRepeatable: true });
  const made = data?.guestTokenCreate;
  if (!made) throw new Unreachable(errors?.[0]?.message);
  guestRenewAt = serviceNow() + GUEST_RENEWAL_MS;
  store(GUEST, made.token ?? null); // a shop may have ended its guest carts
}

async function renew(seen: string | null): Promise<void> {
  const isFresh = () => access && serviceNow() < access.renewAt;
  // Another tab may have refreshed while this one waited for the lock. It tells all others its access token.
  if (stored(USER) !== seen && !isFresh()) {
    await new Promise((resolve) => { setTimeout(resolve, 500); channel.addEventListener("message", resolve, { once: true }); });
  }
  const token = stored(USER);
  if (!token || isFresh()) return;
  const { data, errors } = await post(Refresh, { token }, { isRepeatable: true });
  const pair = data?.refreshToken;
  if (pair?.token) {
    keep(pair);
    channel.postMessage(access);
  } else if (pair?.errors[0]?.code === "INVALID_TOKEN") {
    forget("You have been signed out: the session has ended, here or from another device. Sign in again to go on.");
  } else throw new Unreachable(pair?.errors[0]?.message ?? errors?.[0]?.message);
}

function keep({ token, refreshToken, expiresAt }: Pair): void {
  const [now, end] = [serviceNow(), Date.parse(expiresAt!)];
  access = { token: token!, provenAt: now, renewAt: end - Math.min(30_000, (end - now) / 4) };
  store(USER, refreshToken!);
}

/** Runs a task once for all who want it in this tab, and in one tab after the other. */
const running = new Map<string, Promise<void>>();
function once(name: string, task: (seen: string | null) => Promise<void>): Promise<void> {
  const start = task.bind(null, stored(USER));
  const run = running.get(name)
    // Locks exist in secure contexts (HTTPS, localhost) only.
    ?? (navigator.locks ? Promise.resolve(navigator.locks.request(`vitrine-${name}`, start)) : start()).finally(() => running.delete(name));
  running.set(name, run);
  return run;
}

channel.addEventListener("message", ({ data }: MessageEvent<Access>) => { access = data; });

// What other tabs did. `key` is null when one has cleared the whole storage.
addEventListener("storage", ({ key, newValue, oldValue }) => {
  if (key !== null && (newValue && oldValue || ![USER, GUEST].includes(key) || key === GUEST && session.isSignedIn)) return;
  access = null;
  if (session.isSignedIn && !stored(USER)) notify("You are signed out: it was done in another tab.");
  changed();
});
