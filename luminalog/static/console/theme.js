// Light, dark, or as the system is: the choice that Django's theme.js reads before the page is drawn.

const THEMES = { auto: "System", light: "Light", dark: "Dark" };
let number = 0;

export function drawThemes(place) {
  const name = `theme-${number += 1}`;
  const legend = document.createElement("legend");
  legend.textContent = "Theme";
  place.replaceChildren(legend, ...Object.entries(THEMES).map(([theme, title]) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name, value: theme });
    input.checked = (document.documentElement.dataset.theme || "auto") === theme;
    input.addEventListener("change", () => choose(theme));
    label.append(input, title);
    return label;
  }));
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  for (const input of document.querySelectorAll(`[data-themes] input[value=${theme}]`)) input.checked = true;
}
