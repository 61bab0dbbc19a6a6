// Starts GraphiQL, keeps its Headers editor in step with the sign-in box, and fills the menu of examples.
"use strict";

(() => {
  const { createElement, useEffect, useState } = React;
  const { useEditorContext } = GraphiQL.React;
  const { examples, session } = Vitrine;
  const root = document.getElementById("graphiql");
  const menu = document.querySelector("[data-examples]");
  const issued = new Set();
  let open = () => {};

  const bearer = (current) => `Bearer ${current.token}`;

  // Sets, replaces or removes our own Authorization; one that the user typed stays, and so does text that is no JSON.
  const withToken = (text, current) => {
    let headers;
    try { headers = text.trim() ? JSON.parse(text) : {}; } catch { return text; }
    if (headers === null || typeof headers !== "object" || Array.isArray(headers)) return text;
    const name = Object.keys(headers).find((key) => key.toLowerCase() === "authorization");
    if (name && !issued.has(headers[name])) return text;
    if (name) delete headers[name];
    if (current) headers.Authorization = bearer(current);
    return Object.keys(headers).length ? JSON.stringify(headers, null, 2) : "";
  };

  const fetcher = async (params, options = {}) => {
    const headers = options.headers || {};
    // GraphiQL learns the name of the operation a moment after its text: one that is not in the text is the last tab's.
    const { operationName, query } = params;
    if (operationName && !query.includes(operationName)) params = { ...params, operationName: undefined };
    const current = session.current;
    const response = await fetch(root.dataset.endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
      credentials: "omit",
      body: JSON.stringify(params),
    });
    let answer;
    try {
      answer = await response.json();
    } catch {
      return { errors: [{ message: `The server answered ${response.status} and no JSON.` }] };
    }
    const refused = (answer.errors || []).some((error) => error.extensions && error.extensions.code === "UNAUTHENTICATED");
    if (refused && current && Object.values(headers).includes(bearer(current))) session.refused(current.token);
    return answer;
  };

  // Lives in GraphiQL's toolbar, where its editors can be reached; shows nothing.
  const Bridge = () => {
    const { activeTabIndex, addTab, changeTab, headerEditor, queryEditor, tabs, variableEditor } = useEditorContext({ nonNull: true });
    const [current, setCurrent] = useState(session.current);
    const tab = tabs[activeTabIndex] && tabs[activeTabIndex].id;

    // GraphiQL 3 shows a first tab's query but forgets its variables.
    useEffect(() => {
      const first = tabs[activeTabIndex];
      if (variableEditor && !variableEditor.getValue() && first.variables) variableEditor.setValue(first.variables);
    }, [variableEditor]);
    useEffect(() => session.watch((now) => {
      if (now) issued.add(bearer(now));
      setCurrent(now);
    }), []);
    useEffect(() => {
      if (!headerEditor) return;
      const text = headerEditor.getValue();
      const wanted = withToken(text, current);
      if (wanted !== text) headerEditor.setValue(wanted);
    }, [headerEditor, tab, current]);

    open = (example) => {
      const there = tabs.findIndex((each) => each.query === example.query);
      // To change to the tab one is in would empty its headers.
      if (there >= 0) return there === activeTabIndex ? undefined : changeTab(there);
      ReactDOM.flushSync(addTab);
      queryEditor.setValue(example.query);
      variableEditor.setValue(example.variables || "");
      queryEditor.focus();
    };
    return null;
  };

  const fillMenu = () => {
    const entries = menu.querySelector(".entries");
    for (const group of new Set(examples.map((example) => example.group))) {
      const heading = document.createElement("h2");
      heading.textContent = group;
      entries.append(heading);
      for (const example of examples.filter((each) => each.group === group)) {
        const button = document.createElement("button");
        const about = document.createElement("small");
        button.type = "button";
        button.textContent = example.title;
        about.textContent = example.about;
        button.append(about);
        button.addEventListener("click", () => {
          menu.open = false;
          open(example);
        });
        entries.append(button);
      }
    }
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  };

  fillMenu();
  // Tabs and history go with the browser tab: an example may hold a password.
  let storage;
  try { storage = window.sessionStorage; } catch { storage = null; }
  ReactDOM.createRoot(root).render(createElement(GraphiQL, {
    fetcher,
    storage,
    defaultQuery: "# Ctrl-Space completes, Ctrl-Enter runs.\n",
    defaultTabs: [{ query: examples[0].query, variables: examples[0].variables || "" }],
    defaultEditorToolsVisibility: "variables",
    shouldPersistHeaders: false,
    toolbar: { additionalComponent: Bridge },
  }));
})();
