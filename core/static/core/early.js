// What must not wait until the admin's page is read whole: on a slow network people click and type before that.
"use strict";

// Django's own handler comes last of all, and until then such a link would lead away from the page and what is typed.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('.related-widget-wrapper-link[data-popup="yes"]');
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  // A pop-up learns its own number as late as that, and a window it opens before would take its own place.
  if (link.href && !new URLSearchParams(location.search).has("_popup")) window.showRelatedObjectPopup?.(link);
});

// Otherwise the page that forms.js sees first would count as the one that was opened.
document.addEventListener("input", (event) => {
  if (event.target.form) event.target.form.dataset.isTouched = "";
});
