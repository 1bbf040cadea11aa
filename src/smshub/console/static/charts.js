// Feeds the charts of the overview from the hub's samples, every two seconds while the page is looked at.
"use strict";
(() => {
  const EVERY = 2000;
  const COLOURS = 6;
  const place = document.getElementById("charts");
  const range = document.getElementById("range");
  if (!place || typeof uPlot === "undefined") return;

  let points = null;
  let timer = 0;
  const charts = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);
  const fixed = (...names) => () => names.map((name) => [name, points[name]]);
  const by = (member) => () => Object.entries(points[member]);
  const LINES = {
    rates: fixed("accepted", "sent", "delivered", "failed"),
    connectors: by("connectors"),
    classes: by("classes"),
    queue: () => [["waiting", points.queued]],
    oldest: () => [["seconds", points.oldest]],
    latency: () => [["milliseconds", points.latency]],
  };

  // Joins points that are newer to those there are, and forgets what is older than the range.
  const joined = (before, more) => {
    const last = before.at.length ? before.at[before.at.length - 1] : 0;
    const from = more.at.findIndex((at) => at > last);
    if (from < 0) return before;
    const added = more.at.length - from;
    const drop = Math.max(0, before.at.length + added - Number(range.value) / 2);
    const join = (a, b) => (a || new Array(before.at.length).fill(0)).concat(b ? b.slice(from) : new Array(added).fill(0)).slice(drop);
    const result = {};
    for (const name of Object.keys(more)) {
      if (Array.isArray(more[name])) {
        result[name] = join(before[name], more[name]);
      } else {
        result[name] = {};
        for (const key of new Set([...Object.keys(before[name]), ...Object.keys(more[name])])) {
          result[name][key] = join(before[name][key], more[name][key]);
        }
      }
    }
    return result;
  };

  const options = (box, lines) => {
    const ink = colour("--soft");
    const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    return {
      width: box.clientWidth,
      height: 180,
      cursor: { y: false },
      legend: { live: true },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [{ ...axis, space: 80, values: (_, marks) => marks.map(clock) }, { ...axis, size: 60 }],
      series: [
        { label: "UTC", value: (_, at) => (at === null ? "--" : clock(at)) },
        ...lines.map(([name], place) => ({ label: name, width: 1.5, points: { show: false }, stroke: colour(`--series-${(place % COLOURS) + 1}`) })),
      ],
    };
  };

  const draw = () => {
    for (const box of place.querySelectorAll("[data-chart]")) {
      const lines = LINES[box.dataset.chart]();
      const names = lines.map(([name]) => name).join("\n");
      const data = [points.at, ...lines.map(([, values]) => values)];
      const known = charts.get(box);
      if (known && known.names === names) {
        known.plot.setData(data);
      } else {
        if (known) known.plot.destroy();
        charts.set(box, { names, plot: new uPlot(options(box, lines), data, box) });
      }
    }
  };

  const forget = () => {
    for (const { plot } of charts.values()) plot.destroy();
    charts.clear();
  };

  const ask = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      const last = points && points.at.length ? points.at[points.at.length - 1] : 0;
      const seconds = points ? Math.min(Number(range.value), Math.ceil(Date.now() / 1000 - last) + 10) : Number(range.value);
      try {
        const answer = await fetch(`${place.dataset.samples}?seconds=${Math.max(10, seconds)}`, { headers: { "X-Smshub-Poll": "1" } });
        if (answer.status === 401) return location.reload();
        if (answer.ok) {
          const more = await answer.json();
          points = points ? joined(points, more) : more;
          draw();
        }
      } catch (error) {
        // The hub does not answer; console.js says so, and the next question may be answered.
      }
    }
    timer = setTimeout(ask, EVERY);
  };

  range.addEventListener("change", () => {
    points = null;
    ask();
  });
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    forget();
    if (points) draw();
  });
  new ResizeObserver(() => {
    for (const [box, { plot }] of charts) plot.setSize({ width: box.clientWidth, height: 180 });
  }).observe(place);
  ask();
})();
