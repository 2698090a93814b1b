// Elements, and figures as people read them.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return fill(element, attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

const isNumber = value => typeof value === "number" && Number.isFinite(value);
const fixed = digits => value => isNumber(value) ? value.toFixed(digits) : "–";
const short = value => isNumber(value) ? Number(value.toPrecision(3)).toString() : "–";
const milliseconds = value => isNumber(value) ? `${value < 10 ? value.toFixed(3) : value.toPrecision(4)} ms` : "not measured";
const bytes = value => !isNumber(value) ? "–" : value < 1 << 20 ? `${(value / 1024).toFixed(0)} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;
const millions = value => isNumber(value) ? `${short(value / 1e6)} M` : "–";
const seconds = value => isNumber(value) ? `${value < 10 ? value.toFixed(1) : value.toFixed(0)} s` : "–";
const energy = row => row.power ? row.power.energy_mj_per_inference : null;
const p50 = row => row.latency_ms ? row.latency_ms.p50 : null;
