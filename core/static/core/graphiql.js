// Starts GraphiQL with its explorer, keeps its Headers editor in step with the sign-in box, sends files, and fills the menu
// of examples.
"use strict";

(() => {
  const { createElement, Fragment, useEffect, useRef, useState } = React;
  const { ToolbarButton, useEditorContext } = GraphiQL.React;
  const { examples, session, storage } = Vitrine;
  const root = document.getElementById("graphiql");
  const notice = document.querySelector(".notice");
  const isForStaff = "forStrangers" in notice.dataset;
  const menu = document.querySelector("[data-examples]");
  const issued = new Set();
  let open = () => {};
  let file = null;

  const bearer = (current) => `Bearer ${current.token}`;
  const authorization = (headers) => Object.keys(headers).find((key) => key.toLowerCase() === "authorization");
  /** The variables of a document that are files. */
  const uploads = (query) => [...(query || "").matchAll(/\$(\w+)\s*:\s*Upload\b/g)].map(([, name]) => name);

  // Sets, replaces or removes our own Authorization; one that the user typed stays, and so does text that is no JSON.
  const withToken = (text, current) => {
    let headers;
    try { headers = text.trim() ? JSON.parse(text) : {}; } catch { return text; }
    if (headers === null || typeof headers !== "object" || Array.isArray(headers)) return text;
    const name = authorization(headers);
    if (name && !issued.has(headers[name])) return text;
    if (name) delete headers[name];
    if (current) headers.Authorization = bearer(current);
    return Object.keys(headers).length ? JSON.stringify(headers, null, 2) : "";
  };

  /** The headers to send. The token in the editor may have been renewed since; for the schema it may not stand there yet. */
  const headersOf = async (params, options) => {
    const headers = { ...options.headers };
    const current = await session.fresh();
    const name = authorization(headers);
    if (current && (name ? issued.has(headers[name]) : params.operationName === "IntrospectionQuery")) {
      headers[name || "Authorization"] = bearer(current);
    }
    return headers;
  };

  /** A request of the GraphQL multipart request specification, with the chosen file. */
  const multipart = (params, names) => {
    const body = new FormData();
    const files = Object.fromEntries(names.map((name) => [name, null]));
    body.append("operations", JSON.stringify({ ...params, variables: { ...params.variables, ...files } }));
    body.append("map", JSON.stringify({ 0: names.map((name) => `variables.${name}`) }));
    body.append("0", file);
    return { headers: { "GraphQL-Require-Preflight": "1" }, body };
  };

  const fetcher = async (params, options = {}) => {
    // GraphiQL learns the name of the operation a moment after its text: one that is not in the text is the last tab's.
    const { operationName, query } = params;
    if (operationName && !query.includes(operationName)) params = { ...params, operationName: undefined };
    const names = uploads(query);
    if (names.length && !file) return { errors: [{ message: "Choose a file first, with the paper clip beside the editor." }] };
    const headers = await headersOf(params, options);
    const request = names.length
      ? multipart(params, names)
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(params) };
    const response = await fetch(root.dataset.endpoint, {
      ...request,
      method: "POST",
      headers: { ...request.headers, Accept: "application/json", ...headers },
      credentials: "omit",
    });
    let answer;
    try {
      answer = await response.json();
    } catch {
      return { errors: [{ message: `The server answered ${response.status} and no JSON.` }] };
    }
    const { current } = session;
    const refused = (answer.errors || []).some((error) => error.extensions && error.extensions.code === "UNAUTHENTICATED");
    if (refused && current && Object.values(headers).includes(bearer(current))) session.refused(current.token);
    return answer;
  };

  // A button for the file, where the document wants one.
  const FileButton = ({ queryEditor }) => {
    const input = useRef(null);
    const [chosen, setChosen] = useState(file);
    const [isWanted, setWanted] = useState(false);
    useEffect(() => {
      if (!queryEditor) return;
      const look = () => setWanted(uploads(queryEditor.getValue()).length > 0);
      look();
      queryEditor.on("change", look);
      return () => queryEditor.off("change", look);
    }, [queryEditor]);
    if (!isWanted) return null;
    const label = chosen ? `Sends ${chosen.name}: choose another file` : "Choose the file to send";
    const clip = createElement("svg", { viewBox: "0 0 24 24", className: "graphiql-toolbar-icon clip", "aria-hidden": true },
      createElement("path", { d: "M20 11.5 11.6 20a5.4 5.4 0 0 1-7.7-7.7l8.6-8.6a3.6 3.6 0 0 1 5.1 5.1l-8.5 8.5a1.8 1.8 0 0 1-2.6-2.5l7.8-7.8" }));
    return createElement(Fragment, null,
      createElement(ToolbarButton, { label, onClick: () => input.current.click(), className: chosen ? "chosen" : "" }, clip),
      createElement("input", {
        ref: input, type: "file", hidden: true, "aria-label": "File to send",
        onChange: ({ target }) => setChosen(file = target.files[0] || null),
      }));
  };

  // Lives in GraphiQL's toolbar, where its editors can be reached.
  const Bridge = () => {
    const { activeTabIndex, addTab, changeTab, headerEditor, queryEditor, responseEditor, tabs, variableEditor } =
      useEditorContext({ nonNull: true });
    const [current, setCurrent] = useState(session.current);

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
      const update = () => {
        const text = headerEditor.getValue();
        const wanted = withToken(text, current);
        if (wanted !== text) headerEditor.setValue(wanted);
      };
      update();
      // Another tab, or an entry of the history, sets headers without the token.
      const refill = (_, change) => { if (change.origin === "setValue") update(); };
      headerEditor.on("change", refill);
      return () => headerEditor.off("change", refill);
    }, [headerEditor, current]);

    const editors = { Query: queryEditor, Variables: variableEditor, Headers: headerEditor, Answer: responseEditor };
    useEffect(() => {
      for (const [name, editor] of Object.entries(editors)) editor?.getInputField().setAttribute("aria-label", name);
    }, Object.values(editors));

    open = (example) => {
      const there = tabs.findIndex((each) => each.query === example.query);
      // To change to the tab one is in would empty its headers.
      if (there >= 0) return there === activeTabIndex ? undefined : changeTab(there);
      ReactDOM.flushSync(addTab);
      queryEditor.setValue(example.query);
      variableEditor.setValue(example.variables || "");
      queryEditor.focus();
    };
    return createElement(FileButton, { queryEditor });
  };

  // Where the schema is for staff only, GraphiQL asks for it as soon as staff has signed in.
  const plugins = [GraphiQLPluginExplorer.explorerPlugin({ showAttribution: false })];
  const Page = () => {
    const [current, setCurrent] = useState(session.current);
    useEffect(() => session.watch(setCurrent), []);
    const isOpen = !isForStaff || Boolean(current && current.isStaff);
    useEffect(() => { notice.hidden = isOpen && Boolean(current); }, [isOpen, current]);
    return createElement(GraphiQL, {
      fetcher,
      plugins,
      storage,
      schema: isOpen ? undefined : null,
      defaultQuery: "# Ctrl-Space completes, Ctrl-Enter runs.\n",
      defaultTabs: [{ query: examples[0].query, variables: examples[0].variables || "" }],
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
      toolbar: { additionalComponent: Bridge },
    });
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
  notice.firstElementChild.open = isForStaff && matchMedia("(min-width: 761px)").matches;
  ReactDOM.createRoot(root).render(createElement(Page));
})();
