// The language of the examples is remembered; each can be copied.

const NAME = "docs.language";
const chosen = document.getElementById(`language-${localStorage.getItem(NAME)}`);
if (chosen) chosen.checked = true;

for (const input of document.querySelectorAll("[name=language]")) {
  input.addEventListener("change", () => localStorage.setItem(NAME, input.value));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // over plain HTTP there is none
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.firstChild.textContent = "Copied";
    setTimeout(() => { button.firstChild.textContent = "Copy"; }, 2000);
  });
}
