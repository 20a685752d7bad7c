// The preference that this browser remembers by itself.

import { isOff, switchOff } from "./shortcuts.js";

const box = document.querySelector("[data-shortcuts]");
box.checked = !isOff();
box.addEventListener("change", () => switchOff(!box.checked));
