// A group's page: its chart, whose data is in the page. Numbers are an organisation's own: who chooses another is led to its list.

import { Chart, countText } from "../console/chart.js";

const { zone, times, events } = JSON.parse(document.getElementById("events").textContent);
new Chart(document.querySelector("[data-chart]"), { times, zone, text: countText, series: [{ label: "Events", values: events, colour: "--error-bar" }] });

document.addEventListener("organisation", (event) => {
  event.preventDefault();
  location.assign(`../?${new URLSearchParams({ organisation: event.detail })}`);
});
