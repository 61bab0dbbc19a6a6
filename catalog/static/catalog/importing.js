// Tells that a file is too large before it is sent, and sends a form once.
"use strict";

const form = document.querySelector("#content-main form");
const file = form.querySelector("input[type=file]");
const button = form.querySelector("input[type=submit]");
const label = button.value;

const error = document.createElement("ul");
error.className = "errorlist";

const check = () => {
  error.remove();
  const max = Number(file.dataset.maxBytes);
  button.disabled = file.files.length > 0 && file.files[0].size > max;
  if (button.disabled) {
    error.replaceChildren(document.createElement("li"));
    error.firstChild.textContent = `The file is larger than ${max / 2 ** 20} MB. Divide it into several files, each with the header.`;
    file.closest(".form-row").prepend(error);
  }
};
file.addEventListener("change", check);
// On a slow network the file may have been chosen before this script came.
check();

form.addEventListener("submit", () => {
  // After the browser has collected what it sends.
  setTimeout(() => {
    button.disabled = true;
    button.value = "Uploading …";
  });
});

// A page that the back button shows again. A new one comes by here, too.
window.addEventListener("pageshow", () => {
  button.value = label;
  check();
});
