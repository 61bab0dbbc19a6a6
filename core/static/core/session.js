// The sign-in box of the top bar: fetches a token, keeps it for this browser tab only, and says when it is over.
"use strict";

window.Vitrine = window.Vitrine || {};

Vitrine.session = (() => {
  const STORE = "vitrine.session";
  const SIGN_IN = `mutation SignIn($email: String!, $password: String!) {
    tokenAuth(email: $email, password: $password) { token expiresAt user { email isStaff } errors { field message code } }
  }`;
  const box = document.querySelector("[data-session]");
  const part = (name) => box.querySelector(`[data-${name}]`);
  const form = part("sign-in");
  const listeners = [];
  let current = null;
  let timer = 0;

  // sessionStorage lives and dies with the tab; where the browser forbids it, the token lives with the page.
  const remember = (session) => {
    try {
      if (session) sessionStorage.setItem(STORE, JSON.stringify(session));
      else sessionStorage.removeItem(STORE);
    } catch { /* in memory only */ }
  };
  const remembered = () => {
    try {
      const session = JSON.parse(sessionStorage.getItem(STORE));
      return session && session.token && session.deadline > Date.now() ? session : null;
    } catch { return null; }
  };

  const say = (message) => { part("message").textContent = message; };

  const set = (session, message = "") => {
    current = session;
    remember(session);
    clearTimeout(timer);
    form.hidden = Boolean(session);
    part("who").hidden = !session;
    say(message);
    if (session) {
      const end = new Date(session.deadline);
      part("email").textContent = session.email;
      part("staff").hidden = !session.isStaff;
      part("until").dateTime = end.toISOString();
      part("until").textContent = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      timer = setTimeout(check, session.deadline - Date.now() + 100);
    }
    for (const listener of listeners) listener(current);
  };

  const check = () => {
    if (current && Date.now() >= current.deadline) set(null, "Your session has expired. Please sign in again.");
  };

  // Told in the server's time, so that a wrong clock here ends no session early.
  const deadline = (expiresAt, response) => {
    const sent = Date.parse(response.headers.get("Date")) || Date.now();
    return Date.now() + (Date.parse(expiresAt) - sent);
  };

  const signIn = async (email, password) => {
    let response, answer;
    try {
      response = await fetch(box.dataset.endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        credentials: "omit",
        body: JSON.stringify({ query: SIGN_IN, variables: { email, password } }),
      });
    } catch { return say("The server cannot be reached."); }
    try { answer = await response.json(); } catch { return say(`The server answered ${response.status} and no JSON.`); }
    const payload = answer.data && answer.data.tokenAuth;
    const errors = [...(answer.errors || []), ...((payload && payload.errors) || [])];
    if (!payload || !payload.token) {
      return say(errors.map((error) => error.message).join(" ") || "Wrong e-mail address or password.");
    }
    set({ token: payload.token, email: payload.user.email, isStaff: payload.user.isStaff, deadline: deadline(payload.expiresAt, response) });
  };

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
    set(null);
    form.elements.email.focus();
  });
  // A sleeping machine's timers are late.
  document.addEventListener("visibilitychange", check);

  set(remembered());

  return {
    /** The session or null: {token, email, isStaff, deadline in ms}. */
    get current() { check(); return current; },
    /** Calls back now and at every change; answers a function that ends it. */
    watch(listener) {
      listeners.push(listener);
      listener(current);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    /** To be told that the server refused this token although it should still be good. */
    refused(token) {
      if (current && current.token === token) set(null, "The server no longer accepts this session. Please sign in again.");
    },
  };
})();
