// The list of products: choosing in a filter's box, or taking the choice out, shows the list anew.

// Before the boxes are drawn, so that no choice is missed. The pictures of the list may take long after that.
addEventListener("DOMContentLoaded", () => {
  window.django?.jQuery(".filter-box select").on("select2:select select2:clear", (event) => event.target.form.requestSubmit());
});
