// Starts Swagger UI and lets the sign-in box press its Authorize.
"use strict";

(() => {
  const root = document.getElementById("swagger-ui");
  const session = Vitrine.session;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();

  // The name under which the OpenAPI document declares the bearer token.
  const scheme = () => {
    const schemes = ui.specSelectors.specJson().getIn(["components", "securitySchemes"]);
    return schemes && schemes.findKey((each) => each.get("scheme") === "bearer");
  };
  let authorized = false;

  const ui = SwaggerUIBundle({
    url: root.dataset.schema,
    domNode: root,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null,
    // The token that Swagger keeps may have been renewed since.
    requestInterceptor: async (request) => {
      const known = session.current && `Bearer ${session.current.token}`;
      if (!known || request.headers.Authorization !== known) return request;
      const fresh = await session.fresh();
      if (fresh) request.headers.Authorization = `Bearer ${fresh.token}`;
      return request;
    },
    responseInterceptor: (response) => {
      const { current } = session;
      const sent = ui.authSelectors && ui.authSelectors.authorized().getIn([scheme(), "value"]);
      if (response.status === 401 && current && sent === current.token && !response.url.endsWith("/auth/token/")) {
        session.refused(current.token);
      }
      return response;
    },
    onComplete: () => session.watch((current) => {
      document.getElementById("servers")?.setAttribute("aria-label", "Server");
      const name = scheme();
      if (!name) return;
      if (current) ui.preauthorizeApiKey(name, current.token);
      else if (authorized) ui.authActions.logout([name]);
      authorized = Boolean(current);
    }),
  });
})();
