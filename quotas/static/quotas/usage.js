// Charts of an organisation's usage by hour. The data is in the page as JSON; nothing is fetched.

import { Chart, bytesText, countText } from "../console/chart.js";

const usage = JSON.parse(document.getElementById("usage").textContent);
const SERIES = {
  bytes: [{ label: "Bytes", values: usage.bytes, colour: "--series-1" }],
  entries: [{ label: "Entries", values: usage.entries, colour: "--series-1" }],
  requests: Object.entries(usage.requests).map(([label, values], i) => ({ label, values, colour: `--series-${i + 1}` })),
};

for (const figure of document.querySelectorAll("[data-chart]")) {
  const name = figure.dataset.chart;
  new Chart(figure, { times: usage.times, series: SERIES[name], text: name === "bytes" ? bytesText : countText, zone: usage.zone });
}
