// Where GraphiQL keeps what it remembers: the history, favourites and layout in this browser, open tabs in this browser
// tab. Headers are never kept, and the values of passwords and tokens are blanked.
"use strict";

window.Vitrine = window.Vitrine || {};

Vitrine.storage = (() => {
  const SECRET = String.raw`\w*(?:password|token|secret)\w*`;
  // A string up to its end or, while it is being typed, to the end of its line.
  const STRING = String.raw`"(?:[^"\\\n]|\\.)*(?:"|$)`;
  const BLOCK = String.raw`"""[^]*?(?:"""|$(?![^]))`;
  const ARGUMENT = new RegExp(String.raw`(\b${SECRET}\s*:[\s,]*)(?:${BLOCK}|${STRING})`, "gim");
  const USE = new RegExp(String.raw`\b${SECRET}\s*:[\s,]*\$(\w+)`, "gi");
  const OF_TAB = /:(?:tabState|query|variables|operationName)$/;

  /** A variable's default, `$name: Type = "…"`, for names that match. */
  const defaults = (names) => new RegExp(String.raw`(\$(?:${names})\s*:\s*\w+!?\s*=\s*)(?:${BLOCK}|${STRING})`, "gim");
  const members = (names) => new RegExp(String.raw`("(?:${names})"\s*:\s*)(?:${STRING}|-?\d[\d.]*)`, "gim");
  /** The variables that hold secrets, whatever they are called. */
  const secrets = (query) => [SECRET, ...[...query.matchAll(USE)].map(([, name]) => name)].join("|");

  const cleanQuery = (query) => query.replace(ARGUMENT, '$1""').replace(defaults(secrets(query)), '$1""');
  const cleanVariables = (variables, query) => variables.replace(members(secrets(query)), '$1""');
  const cleanEntry = (entry) => ({
    ...entry,
    query: entry.query && cleanQuery(entry.query),
    variables: entry.variables && cleanVariables(entry.variables, entry.query || ""),
    headers: null,
  });

  /** What may be stored under a key; null is not to be stored. */
  const clean = (key, value, query) => {
    if (key.endsWith(":headers")) return null;
    if (key.endsWith(":query")) return cleanQuery(value);
    if (key.endsWith(":variables")) return cleanVariables(value, query);
    const list = key.match(/:(queries|favorites|tabState)$/);
    if (!list) return value;
    const name = list[1] === "tabState" ? "tabs" : list[1];
    const parsed = JSON.parse(value);
    return JSON.stringify({ ...parsed, [name]: parsed[name].map(cleanEntry) });
  };

  let areas;
  try { areas = [window.localStorage, window.sessionStorage]; } catch { return null; }
  const [browser, tab] = areas;
  const area = (key) => (OF_TAB.test(key) ? tab : browser);
  const own = (each) => Object.keys(each).filter((key) => key.startsWith("graphiql:"));

  return {
    clean,
    getItem: (key) => area(key).getItem(key),
    setItem(key, value) {
      const kept = clean(key, value, tab.getItem("graphiql:query") || "");
      if (kept !== null) area(key).setItem(key, kept);
    },
    removeItem: (key) => area(key).removeItem(key),
    get length() { return areas.flatMap(own).length; },
    clear() { for (const each of areas) for (const key of own(each)) each.removeItem(key); },
  };
})();
