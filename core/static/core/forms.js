// Forms of the admin: the top says what is wrong, with links to the fields, and edits are not left without a question.

const form = document.querySelector("#changelist-form, .change-form #content-main > form");

/** The field to which a list of errors belongs. */
function fieldOf(list) {
  return list.parentElement.querySelector("input:not([type=hidden]), select, textarea");
}

function nameOf(list, field) {
  const label = field.labels?.[0] ?? list.closest(".form-row")?.querySelector("label, legend");
  return field.getAttribute("aria-label") ?? (label?.textContent.trim().replace(/:$/, "") || "This field");
}

/** What takes the focus for a field: the box that select2 draws, where there is one. */
function boxOf(field) {
  return (field.matches(".select2-hidden-accessible") && field.nextElementSibling?.querySelector(".select2-selection")) || field;
}

const note = document.querySelector(".errornote");
const wrong = [...document.querySelectorAll("form .errorlist:not(.nonfield, .nonform)")].filter(fieldOf);
if (note && wrong.length) {
  const told = document.createElement("ul");
  for (const list of wrong) {
    const field = fieldOf(list);
    const link = document.createElement("a");
    link.href = `#${field.id}`;
    link.textContent = nameOf(list, field);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      boxOf(field).scrollIntoView({ block: "center" });
      boxOf(field).focus({ preventScroll: true });
    });
    const item = document.createElement("li");
    item.append(link, `: ${[...list.children].map((error) => error.textContent).join(" ")}`);
    told.append(item);
  }
  note.append(told);
}

/** What the form would send. Not the rows that are chosen for an action, nor images: their own script asks. */
function edits() {
  const isEdit = ([name]) => {
    if (name === "csrfmiddlewaretoken") return false;
    const field = form.elements.namedItem(name);
    const element = field instanceof RadioNodeList ? field[0] : field;
    return !element?.closest?.(".images, .actions, .action-checkbox");
  };
  return JSON.stringify([...new FormData(form)].filter(isEdit).map(([name, value]) => [name, value.name ?? value]));
}

let opened;
let isSent = false;

addEventListener("load", () => {
  // A page that comes back with errors has edits that are saved nowhere. So has one that was quicker edited than loaded.
  if (form) opened = note || "isTouched" in form.dataset ? null : edits();
  if (note && wrong.length) boxOf(fieldOf(wrong[0])).focus({ preventScroll: true });
});
// A page that was open for long may be sent without a session: what was typed is then lost behind the sign-in page.
const LONG_MS = 60_000;
let isChecked = false;

/** Whether the session still holds. Asks for a small script that only staff get. */
async function isSignedIn() {
  const script = document.querySelector("script[src$='/jsi18n/']");
  try {
    const answer = await fetch(script.src, { method: "HEAD", cache: "no-store", redirect: "manual" });
    return answer.type !== "opaqueredirect";
  } catch {
    return true;
  }
}

function tellSignedOut() {
  const told = document.createElement("p");
  const link = document.createElement("a");
  told.className = "errornote";
  told.setAttribute("role", "alert");
  link.href = document.querySelector("#site-name a").href;
  link.target = "_blank";
  link.textContent = "Log in in another tab";
  told.append("Nothing is saved yet: your session has ended. ", link, ", then save here again.");
  document.getElementById("signed-out")?.remove();
  told.id = "signed-out";
  form.prepend(told);
  told.scrollIntoView({ block: "center" });
}

addEventListener("submit", async (event) => {
  const { submitter } = event;
  if (event.target !== form || event.defaultPrevented) return;
  if (isChecked || performance.now() < LONG_MS) {
    isSent = true;
    return;
  }
  event.preventDefault();
  if (!await isSignedIn()) {
    tellSignedOut();
    return;
  }
  // Whoever logged in again has another token by now.
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token) form.elements.csrfmiddlewaretoken.value = token;
  isChecked = true;
  form.requestSubmit(submitter);
});
addEventListener("pageshow", () => { isSent = isChecked = false; });
addEventListener("beforeunload", (event) => {
  if (form && opened !== undefined && !isSent && edits() !== opened) event.preventDefault();
});
