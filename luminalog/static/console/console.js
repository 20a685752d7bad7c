// The page that shows a key once: copy buttons, and no way back to it by reloading.
"use strict";

async function copy(text) {
    if (navigator.clipboard) {
        return navigator.clipboard.writeText(text);
    }
    const field = document.createElement("textarea"); // plain HTTP in development has no clipboard
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
}

for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
        await copy(document.getElementById(button.dataset.copy).textContent);
        button.textContent = "Copied";
    });
}

const shownOnce = document.querySelector("[data-leave-to]");
if (shownOnce) {
    history.replaceState(null, "", shownOnce.dataset.leaveTo);
}
