// The page that shows a key once: copy buttons, and no way back to it by reloading.
"use strict";

async function copy(text) {
    try {
        return await navigator.clipboard.writeText(text);
    } catch {
        // Over plain HTTP, or without the permission, there is no clipboard but the selection's.
    }
    const field = document.createElement("textarea");
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
