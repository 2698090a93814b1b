// Charts as SVG: points with a front, spans, bars, lines.

const WIDTH = 660, LEFT = 60, RIGHT = 20, TOP = 16, BOTTOM = 36;

function scale(values, from, to, logarithmic) {
  const map = logarithmic ? Math.log : value => value;
  const low = map(Math.min(...values)), high = map(Math.max(...values));
  const span = high - low || 1;
  return value => from + (to - from) * (map(value) - low) / span;
}

function ticks(values, logarithmic) {
  const low = Math.min(...values), high = Math.max(...values);
  const at = [0, 1 / 3, 2 / 3, 1].map(share => logarithmic ? low * (high / low) ** share : low + (high - low) * share);
  return [...new Set(at)];
}

// points: [{x, y, size, kind, label}]; front: labels of those to join.
function scatter(label, xName, yName, points, front) {
  const height = 320, xs = points.map(p => p.x), ys = points.map(p => p.y);
  const x = scale(xs, LEFT + 12, WIDTH - RIGHT - 12, true), y = scale(ys, height - BOTTOM - 12, TOP + 12, false);
  const largest = Math.max(...points.map(p => p.size || 0)) || 1;
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, role: "img", "aria-label": label });
  svg.append(draw("path", { class: "axis", d: `M${LEFT} ${TOP}V${height - BOTTOM}H${WIDTH - RIGHT}` }));
  for (const value of ticks(xs, true)) svg.append(draw("text", { x: x(value), y: height - 18, "text-anchor": "middle" }, short(value)));
  for (const value of ticks(ys, false)) svg.append(draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  svg.append(draw("text", { x: WIDTH - RIGHT, y: height - 4, "text-anchor": "end" }, xName));
  svg.append(draw("text", { x: 2, y: 12 }, yName));
  const joined = points.filter(p => front.includes(p.label)).sort((a, b) => a.x - b.x);
  if (joined.length > 1) svg.append(draw("path", { class: "front", d: "M" + joined.map(p => `${x(p.x)} ${y(p.y)}`).join("L") }));
  for (const point of points) {
    const radius = 4 + 8 * Math.sqrt((point.size || 0) / largest);
    svg.append(draw("circle", { class: `mark ${point.kind}`, cx: x(point.x), cy: y(point.y), r: radius }, draw("title", {}, point.told)));
  }
  return svg;
}

// rows: [{label, p50, p90, p99, kind}], milliseconds: from the median to the slowest hundredth.
function spans(label, rows) {
  const height = TOP + 24 * rows.length + BOTTOM, all = rows.flatMap(row => [row.p50, row.p99]);
  const left = 230, x = scale(all, left, WIDTH - RIGHT - 60, true);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, role: "img", "aria-label": label });
  rows.forEach((row, index) => {
    const middle = TOP + 24 * index + 10;
    svg.append(draw("text", { x: left - 10, y: middle + 4, "text-anchor": "end" }, row.label));
    svg.append(draw("rect", { class: `mark ${row.kind}`, x: x(row.p50), y: middle - 2, width: Math.max(1, x(row.p99) - x(row.p50)), height: 4 }));
    svg.append(draw("rect", { class: row.kind, x: x(row.p50) - 2, y: middle - 8, width: 4, height: 16 }, draw("title", {}, `p50 ${milliseconds(row.p50)}`)));
    svg.append(draw("rect", { class: row.kind, x: x(row.p90) - 1, y: middle - 5, width: 2, height: 10 }, draw("title", {}, `p90 ${milliseconds(row.p90)}`)));
    svg.append(draw("text", { x: x(row.p99) + 6, y: middle + 4 }, milliseconds(row.p99)));
  });
  svg.append(draw("text", { x: left, y: height - 8 }, "p50 (bar), p90, p99 (end, written), logarithmic"));
  return svg;
}

// rows: [{label, value, shown}]
function bars(label, rows) {
  const height = TOP + 24 * rows.length, largest = Math.max(...rows.map(row => row.value)) || 1, left = 140;
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, role: "img", "aria-label": label });
  rows.forEach((row, index) => {
    const top = TOP / 2 + 24 * index, width = (WIDTH - left - 90) * row.value / largest;
    svg.append(draw("text", { x: left - 8, y: top + 14, "text-anchor": "end" }, row.label));
    svg.append(draw("rect", { class: "pass mark", x: left, y: top + 3, width: Math.max(1, width), height: 15 }));
    svg.append(draw("text", { x: left + Math.max(1, width) + 6, y: top + 15 }, row.shown));
  });
  return svg;
}

// layers: [{name, channels, kept, precision}]: a frame for what there was, filled with what is kept.
function layers(label, rows) {
  const width = Math.max(14, Math.min(40, Math.floor((WIDTH - LEFT) / rows.length))), tall = 160;
  const most = Math.max(...rows.map(row => row.channels));
  const svg = draw("svg", { viewBox: `0 0 ${LEFT + width * rows.length} ${tall + 20}`, width: LEFT + width * rows.length, role: "img", "aria-label": label, class: "layers" });
  svg.append(draw("text", { x: LEFT - 8, y: 20, "text-anchor": "end" }, most), draw("text", { x: LEFT - 8, y: tall + 10, "text-anchor": "end" }, 0));
  rows.forEach((row, index) => {
    const whole = tall * row.channels / most, kept = tall * row.kept / most, x = LEFT + width * index;
    const told = draw("title", {}, `${row.name}: ${row.kept} of ${row.channels} channels, ${row.precision}`);
    svg.append(draw("g", {}, told,
      draw("rect", { x, y: 10 + tall - whole, width: width - 3, height: whole }),
      draw("rect", { class: "kept", x, y: 10 + tall - kept, width: width - 3, height: kept, "fill-opacity": row.precision === "int8" ? 1 : .5 })));
  });
  return svg;
}

// points: [{label, value}], in their order.
function line(label, unit, points) {
  const height = 200, ys = points.map(p => p.value).concat(0);
  const y = scale(ys, height - BOTTOM, TOP, false), step = (WIDTH - LEFT - RIGHT) / Math.max(1, points.length - 1);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, role: "img", "aria-label": label });
  svg.append(draw("path", { class: "axis", d: `M${LEFT} ${TOP}V${height - BOTTOM}H${WIDTH - RIGHT}` }));
  svg.append(draw("text", { x: LEFT + 8, y: 12 }, unit));
  for (const value of ticks(ys, false)) svg.append(draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  svg.append(draw("path", { class: "line", d: "M" + points.map((p, i) => `${LEFT + step * i} ${y(p.value)}`).join("L") }));
  points.forEach((p, i) => {
    svg.append(draw("circle", { class: "pass", cx: LEFT + step * i, cy: y(p.value), r: 4 }, draw("title", {}, `${p.label}: ${short(p.value)} ${unit}`)));
    if (i % Math.ceil(points.length / 9) === 0) svg.append(draw("text", { x: LEFT + step * i, y: height - 14, "text-anchor": i ? i + 1 < points.length ? "middle" : "end" : "start" }, p.label));
  });
  return svg;
}
