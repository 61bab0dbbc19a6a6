/** localStorage where it works, else the memory of this tab: a browser may forbid it, or have no room. */
const memory = new Map<string, string>();

export function stored(key: string): string | null {
  let value = memory.get(key) ?? null;
  try { value ??= localStorage.getItem(key); } catch { /* it is forbidden */ }
  return value && /^[\w.-]+$/.test(value) ? value : null; // what is no token cannot stand in a header
}

export function store(key: string, value: string | null): void {
  memory.delete(key);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    if (value !== null) memory.set(key, value);
    // The former value goes: a spent refresh token that is sent again ends the session.
    try { localStorage.removeItem(key); } catch { /* there is none */ }
  }
}
