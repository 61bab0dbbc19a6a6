// What the admin's pages share: the menu, the headings of a list's cells on a phone, and names for the boxes of select2.

const menu = document.getElementById("menu");
const button = document.getElementById("menu-button");
const wide = matchMedia("(min-width: 1024px)");

/** Opens or closes the menu. A wide page keeps the choice; on a narrow one the menu covers the page until it is closed. */
function showMenu(open) {
  document.documentElement.dataset.menu = open ? "open" : "closed";
  button.setAttribute("aria-expanded", open);
}

if (menu && button) {
  const start = () => showMenu(wide.matches && localStorage.getItem("menu") !== "closed");
  start();
  wide.addEventListener("change", start);
  button.addEventListener("click", () => {
    const open = document.documentElement.dataset.menu !== "open";
    showMenu(open);
    if (wide.matches) localStorage.setItem("menu", open ? "open" : "closed");
    else if (open) menu.querySelector("a").focus();
  });
  const leave = () => {
    if (!wide.matches && document.documentElement.dataset.menu === "open") {
      showMenu(false);
      button.focus();
    }
  };
  document.addEventListener("keydown", (event) => event.key === "Escape" && leave());
  document.addEventListener("click", (event) => !menu.contains(event.target) && !button.contains(event.target) && leave());
  menu.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

for (const table of document.querySelectorAll("#result_list")) {
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.querySelector(".text")?.textContent.trim() ?? "");
  for (const row of table.tBodies[0].rows) {
    for (const cell of row.cells) {
      if (cell.colSpan === 1) cell.dataset.label = headings[cell.cellIndex];
    }
  }
}

// The first button of a list's form is that of the actions. Enter in a field of a row saves instead.
document.getElementById("changelist-form")?.addEventListener("keydown", (event) => {
  const save = event.currentTarget.querySelector("[name=_save]");
  if (event.key !== "Enter" || !save || !event.target.matches("#result_list input:not([type=checkbox])")) return;
  event.preventDefault();
  event.currentTarget.requestSubmit(save);
});

/** Gives the boxes that select2 draws the name of the field they stand for. Its own name for a box is what is chosen. */
function nameBoxes() {
  for (const box of document.querySelectorAll(".select2-selection:not([data-named])")) {
    const select = box.closest(".select2-container").previousElementSibling;
    const name = select?.getAttribute("aria-label") ?? select?.labels?.[0]?.textContent.trim();
    if (!name) continue;
    const tell = () => box.setAttribute("aria-label", `${name.replace(/:$/, "")}: ${box.textContent.trim() || "nothing chosen"}`);
    box.dataset.named = "";
    box.removeAttribute("aria-labelledby");
    for (const name of ["role", "aria-readonly"]) box.querySelector(".select2-selection__rendered")?.removeAttribute(name);
    tell();
    window.django.jQuery(select).on("change", tell);
  }
}

addEventListener("load", () => {
  nameBoxes();
  // Their name is told of an image, and of nothing else.
  for (const icon of document.querySelectorAll(".search-label-icon")) icon.setAttribute("role", "img");
  new MutationObserver(nameBoxes).observe(document.body, { childList: true, subtree: true });
  window.django?.jQuery(document).on("select2:open", (event) => {
    document.querySelector(".select2-search__field")?.setAttribute("aria-label", `Search: ${event.target.labels?.[0]?.textContent ?? event.target.getAttribute("aria-label") ?? ""}`);
  });
});
