// Merging and splitting: who ticks something else previews it before they decide on it.

const form = document.querySelector(".ll-choose");
const decide = document.querySelector("form[method=post].ll-decide button");

// What is ticked is no longer what is shown above.
form?.addEventListener("change", () => { if (decide) decide.disabled = true; });
form?.addEventListener("input", () => { if (decide) decide.disabled = true; });

document.addEventListener("organisation", (event) => {
  event.preventDefault();
  location.assign(`../../?${new URLSearchParams({ organisation: event.detail })}`);
});
