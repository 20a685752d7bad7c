// Whether keys of a single letter do something: whoever speaks to a computer may switch them off (WCAG 2.1.4).

const NAME = "shortcuts";

export const isOff = () => localStorage.getItem(NAME) === "off";
export const switchOff = (off) => { if (off) localStorage.setItem(NAME, "off"); else localStorage.removeItem(NAME); };
