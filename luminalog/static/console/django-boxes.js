// Django's boxes to choose from leave their parts without a name, or a name without a part of speech; they come late.

function nameThem() {
  for (const icon of document.querySelectorAll(".search-label-icon:not([role])")) icon.setAttribute("role", "img");
  for (const box of document.querySelectorAll(".select2-selection[aria-labelledby]")) {
    const select = box.closest(".select2").previousElementSibling;
    box.setAttribute("aria-label", select?.labels?.[0]?.textContent.replace(":", "") || "Choose");
    box.removeAttribute("aria-labelledby");
    for (const name of ["role", "aria-readonly"]) box.firstElementChild.removeAttribute(name); // no field of its own
  }
}

export function nameDjangosBoxes() {
  new MutationObserver(nameThem).observe(document.body, { childList: true, subtree: true });
  nameThem();
}
