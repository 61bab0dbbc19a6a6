// The sign-in box of the top bar: fetches a pair of tokens, renews it before the access token expires, and says when
// the session is over. The pair is kept for this browser tab only; a duplicate of the tab shares it.
"use strict";

window.Vitrine = window.Vitrine || {};

Vitrine.session = (() => {
  const STORE = "vitrine.session";
  const MARGIN_MS = 60_000, RETRY_MS = 10_000, REQUEST_MS = 20_000;
  // How long another tab has to say that it renewed the session already.
  const ANSWER_MS = 200;
  const OVER = "The server no longer accepts this session. Please sign in again.";
  const box = document.querySelector("[data-session]");
  // As the server trusts them, where it answers no other documents.
  const { signInDocument, renewDocument, signOutDocument } = box.dataset;
  const part = (name) => box.querySelector(`[data-${name}]`);
  const form = part("sign-in");
  const listeners = [];
  const channel = new BroadcastChannel(STORE);
  let current = null;
  let timer = 0;
  let renewing = null;

  // sessionStorage lives and dies with the tab; where the browser forbids it, the session lives with the page.
  const remember = (session) => {
    try {
      if (session) sessionStorage.setItem(STORE, JSON.stringify(session));
      else sessionStorage.removeItem(STORE);
    } catch { /* in memory only */ }
  };
  const remembered = () => {
    try {
      const session = JSON.parse(sessionStorage.getItem(STORE));
      return session && session.id && session.refreshToken ? session : null;
    } catch { return null; }
  };

  const say = (message) => { part("message").textContent = message; };
  const isFresh = () => Date.now() < current.deadline - MARGIN_MS;

  const set = (session, message = "") => {
    current = session;
    remember(session);
    clearTimeout(timer);
    form.hidden = Boolean(session);
    part("who").hidden = !session;
    say(message);
    if (session) {
      part("email").textContent = session.email;
      part("staff").hidden = !session.isStaff;
      timer = setTimeout(check, Math.max(0, session.deadline - MARGIN_MS - Date.now()));
    }
    for (const listener of listeners) listener(current);
  };

  /** The payload of a mutation; without one, `errors` that say why. */
  const call = async (query, variables) => {
    let response, text, answer;
    try {
      response = await fetch(box.dataset.endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        credentials: "omit",
        keepalive: true,
        signal: AbortSignal.timeout(REQUEST_MS),
        body: JSON.stringify({ query, variables }),
      });
      text = await response.text();
    } catch { return { errors: [{ message: "The server cannot be reached." }] }; }
    try { answer = JSON.parse(text); } catch {
      return { errors: [{ message: `The server answered ${response.status} and no JSON.` }] };
    }
    const payload = answer.data && answer.data.result;
    const errors = (answer.errors || []).map(({ message, extensions }) => ({ message, ...extensions }));
    // Told in the server's time, so that a wrong clock here neither ends nor prolongs a session.
    const sent = Date.parse(response.headers.get("Date")) || Date.now();
    const deadline = payload && payload.expiresAt ? Date.now() + Date.parse(payload.expiresAt) - sent : 0;
    return { ...payload, deadline, errors: [...errors, ...((payload && payload.errors) || [])] };
  };
  const sessionOf = (id, { token, refreshToken, deadline, user }) => (
    { id, token, refreshToken, deadline, email: user.email, isStaff: user.isStaff });
  const told = (errors) => errors.map((error) => error.message).join(" ");

  const signIn = async (email, password) => {
    const payload = await call(signInDocument, { email, password });
    if (!payload.token) return say(told(payload.errors) || "Wrong e-mail address or password.");
    const id = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    set(sessionOf(id, payload), told(payload.errors));
  };

  // A refresh token is spent by its use, and a second use ends the session. So one tab at a time renews, and asks first.
  const renewOnce = async () => {
    if (!current) return;
    const { id } = current;
    channel.postMessage({ id, asks: true });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    if (!current || current.id !== id || isFresh()) return;
    const payload = await call(renewDocument, { refreshToken: current.refreshToken });
    if (!current || current.id !== id) return;
    if (payload.token) {
      set(sessionOf(id, payload));
      channel.postMessage({ id, session: current });
    } else if (payload.errors.some((error) => error.code === "INVALID_TOKEN")) {
      set(null, OVER);
    } else {
      say(`The session could not be renewed: ${told(payload.errors)} It is tried again.`);
      const { retryAfter } = payload.errors.find((error) => error.retryAfter) || {};
      timer = setTimeout(check, retryAfter ? retryAfter * 1000 : RETRY_MS);
    }
  };
  // Browsers have locks in secure contexts only.
  const exclusively = (work) => (navigator.locks ? navigator.locks.request(STORE, work) : work());
  const renew = () => {
    renewing ??= exclusively(renewOnce).finally(() => { renewing = null; });
    return renewing;
  };
  const check = () => { if (current && !isFresh()) renew(); };

  channel.addEventListener("message", ({ data }) => {
    if (!current || data.id !== current.id) return;
    if (data.asks) channel.postMessage({ id: current.id, session: current });
    else if (data.isOver) set(null, "Signed out in another tab.");
    else if (data.session.deadline > current.deadline) set(data.session);
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    say("");
    await signIn(form.elements.email.value.trim(), form.elements.password.value);
    button.disabled = false;
    for (const input of form.querySelectorAll("input")) input.setAttribute("aria-invalid", String(!current));
    if (current) part("sign-out").focus();
    else form.elements.password.select();
  });
  part("sign-out").addEventListener("click", () => {
    const { id, refreshToken } = current;
    call(signOutDocument, { refreshToken });
    channel.postMessage({ id, isOver: true });
    set(null);
    form.elements.email.focus();
  });
  // A sleeping machine's timers are late.
  for (const name of ["visibilitychange", "pageshow", "online", "focus"]) addEventListener(name, check);

  set(remembered());

  return {
    /** The session or null: {token, email, isStaff, deadline in ms …}. */
    get current() { return current; },
    /** The session with a token that still holds for a while, or null. Renews it where needed. */
    async fresh() {
      if (current && !isFresh()) await renew();
      return current;
    },
    /** Calls back now and at every change; answers a function that ends it. */
    watch(listener) {
      listeners.push(listener);
      listener(current);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    /** To be told that the server refused this token although it should still be good: a renewal shows whether it is over. */
    refused(token) {
      if (!current || current.token !== token) return;
      set({ ...current, deadline: 0 });
    },
  };
})();
