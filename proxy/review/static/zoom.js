// One chart that can be zoomed, in place of its drawing: drag over a stretch of it, or use the keys. Everything in it
// stands in the page already; the library is fetched when somebody asks for it.

const ARROWS = { ArrowLeft: -0.25, ArrowRight: 0.25 };
const address = new URL("uplot.min.js", import.meta.url);
address.search = new URL(import.meta.url).search;

function library() {
  if (window.uPlot) return Promise.resolve(window.uPlot);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address.href;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => reject(new Error("The chart could not be loaded."));
    document.head.append(script);
  });
}

function tone(name) {
  const probe = document.createElement("span");
  probe.className = name;
  document.body.append(probe);
  const colour = getComputedStyle(probe).fill;
  probe.remove();
  return colour;
}

function options(told, width) {
  const style = getComputedStyle(document.documentElement);
  const axis = { stroke: style.getPropertyValue("--dim"), grid: { stroke: style.getPropertyValue("--hair"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height: 240,
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { drag: { x: true, y: false } },
    axes: [axis, { ...axis, size: 56 }],
    series: [{ label: "UTC" }, ...told.series.map((one) => ({ label: one.name, stroke: tone(one.tone), width: 1.5, points: { show: false } }))],
  };
}

function move(chart, times, key) {
  const { min, max } = chart.scales.x;
  const [first, last] = [times[0], times[times.length - 1]];
  const room = max - min;
  const shift = (ARROWS[key] ?? 0) * room;
  const grow = key === "+" ? -room / 4 : key === "-" ? room / 4 : 0;
  const from = Math.max(first, Math.min(min + shift - grow, last - 3600));
  const to = Math.min(last, Math.max(max + shift + grow, from + 3600));
  chart.setScale("x", key === "0" ? { min: first, max: last } : { min: from, max: to });
}

async function zoom(figure, button) {
  const told = JSON.parse(figure.dataset.zoom);
  const plot = figure.querySelector(".plot");
  const uPlot = await library();
  const room = document.createElement("div");
  room.className = "zoomed";
  room.tabIndex = 0;
  room.setAttribute("role", "group");
  room.setAttribute("aria-label", "Chart by the hour. Left and right move, plus and minus zoom, 0 shows all. The table below has the values.");
  plot.after(room);
  const chart = new uPlot(options(told, room.clientWidth), [told.times, ...told.series.map((one) => one.values)], room);
  room.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) && !["+", "-", "0"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    move(chart, told.times, event.key);
  });
  new ResizeObserver(() => chart.setSize({ width: room.clientWidth, height: 240 })).observe(room);
  plot.classList.add("print-only");
  button.textContent = "Show all";
  button.onclick = () => move(chart, told.times, "0");
  room.focus();
}

for (const figure of document.querySelectorAll("figure[data-zoom]")) {
  const button = figure.querySelector("button.zoom");
  if (!button) continue;
  button.hidden = false;
  button.onclick = async () => {
    try {
      await zoom(figure, button);
    } catch (problem) {
      document.querySelector("#said").textContent = problem.message;
    }
  };
}
