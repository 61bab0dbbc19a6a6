// Sends the mutation of a mailed link, as a storefront would.
const DOCUMENTS = {
  passwordReset: `mutation ($uid: String!, $token: String!, $newPassword: String!) {
    passwordReset(input: {uid: $uid, token: $token, newPassword: $newPassword}) { errors { message } } }`,
  emailChangeConfirm: `mutation ($token: String!) { emailChangeConfirm(token: $token) { errors { message } } }`,
};
const form = document.querySelector("form[data-mutation]");
const message = document.querySelector("[data-message]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const variables = { ...Object.fromEntries(new URLSearchParams(location.search)), ...Object.fromEntries(new FormData(form)) };
  const { mutation } = form.dataset;
  try {
    const response = await fetch("/graphql/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: DOCUMENTS[mutation], variables }),
    });
    const { data, errors } = await response.json();
    const problems = errors ?? data[mutation].errors;
    message.textContent = problems.map((problem) => problem.message).join(" ") || "Done.";
    form.hidden = problems.length === 0;
  } catch {
    message.textContent = "The service does not answer. Try again.";
  }
});
form.querySelector("button").disabled = false;
