// Charts of an organisation's usage by hour. The data is in the page as JSON; nothing is fetched.
"use strict";

const HEIGHT = 220;
const DAY_SECONDS = 86400;
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const PALETTE = ["#2f6fed", "#8a94a6", "#f59e0b", "#d1344b", "#8b5cf6"];

function bytesText(value) {
    let size = value, unit = 0;
    while (size >= 1024 && unit < UNITS.length - 1) {
        size /= 1024;
        unit += 1;
    }
    return `${size.toLocaleString("en", { maximumFractionDigits: size < 10 ? 1 : 0 })} ${UNITS[unit]}`;
}

function countText(value) {
    return value.toLocaleString("en", { notation: value >= 10000 ? "compact" : "standard" });
}

function dayText(seconds) {
    return new Date(seconds * 1000).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
}

function timeText(seconds) {
    return new Date(seconds * 1000).toISOString().slice(11, 16);
}

// A variable may be light-dark(…), which a canvas does not understand: let an element resolve it.
function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const resolved = getComputedStyle(probe).color;
    probe.remove();
    return resolved;
}

// Each series is drawn from 0 to the sum of itself and those before it: first the tallest, so none hides another.
function stacked(columns) {
    const sums = [];
    let below = columns[0].map(() => 0);
    for (const column of columns) {
        below = column.map((value, i) => value + below[i]);
        sums.push(below);
    }
    return sums;
}

function bars(label, stroke, text, shown) {
    return {
        label,
        stroke,
        fill: stroke,
        width: 0,
        paths: uPlot.paths.bars({ size: [0.9, 40] }),
        points: { show: false },
        value: (plot, value, series, index) => (index === null ? "" : text(shown[index])),
    };
}

function draw(element, times, series, text) {
    const ink = colour("--body-quiet-color"), line = colour("--hairline-color");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const sums = stacked(series.map((one) => one.values));
    const drawn = series.map((one, i) => ({ ...one, sum: sums[i] })).reverse();
    const options = {
        width: element.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        scales: { y: { range: (plot, low, high) => [0, Math.max(high, 1) * 1.05] } },
        axes: [
            { ...axis, values: (plot, ticks, i, space, step) => ticks.map(step < DAY_SECONDS ? timeText : dayText) },
            { ...axis, size: 70, incrs: text === bytesText ? POWERS_OF_TWO : undefined, values: (plot, ticks) => ticks.map(text) },
        ],
        series: [
            { label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
            ...drawn.map((one) => bars(one.label, one.colour, text, one.values)),
        ],
        legend: { live: true },
    };
    const plot = new uPlot(options, [times, ...drawn.map((one) => one.sum)], element);
    new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
}

const usage = JSON.parse(document.getElementById("usage").textContent);
for (const element of document.querySelectorAll("[data-chart]")) {
    const name = element.dataset.chart;
    if (name === "requests") {
        const series = Object.entries(usage.requests).map(([label, values], i) => ({ label, values, colour: PALETTE[i] }));
        draw(element, usage.times, series, countText);
    } else {
        const label = name === "bytes" ? "Bytes" : "Entries";
        draw(element, usage.times, [{ label, values: usage[name], colour: PALETTE[0] }], name === "bytes" ? bytesText : countText);
    }
}
