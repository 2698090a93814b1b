// The page of what artifacts cost: edgegan bench --html.

const ARTIFACT = [
  { head: "artifact", value: row => row.artifact, text: true },
  { head: "backend", value: row => row.backend, text: true },
  { head: "precision", value: row => row.precision, text: true },
  { head: "p50 ms", value: p50, show: row => fixed(3)(p50(row)) },
  { head: "p90 ms", value: row => row.latency_ms.p90, show: row => fixed(3)(row.latency_ms.p90) },
  { head: "p99 ms", value: row => row.latency_ms.p99, show: row => fixed(3)(row.latency_ms.p99) },
  { head: "p99.9 ms", value: row => row.latency_ms.p99_9, show: row => fixed(3)(row.latency_ms.p99_9) },
  { head: "times as fast", value: row => row.ratio, show: row => row.ratio ? `${fixed(3)(row.ratio)} (${row.ratio_interval.map(fixed(3)).join(" to ")})` : "–" },
  { head: "images/s", value: row => row.throughput_ips, show: row => fixed(0)(row.throughput_ips) },
  { head: "load ms", value: row => row.load_ms, show: row => fixed(1)(row.load_ms) },
  { head: "first ms", value: row => row.first_inference_ms, show: row => fixed(2)(row.first_inference_ms) },
  { head: "peak MiB", value: row => row.memory.peak_rss_mib, show: row => fixed(0)(row.memory.peak_rss_mib) },
  { head: "arena MiB", value: row => row.memory.arena_mib, show: row => fixed(1)(row.memory.arena_mib) },
  { head: "GPU MiB", value: row => row.memory.device_mib, show: row => fixed(0)(row.memory.device_mib) },
  { head: "mJ/image", value: row => energy(row), show: row => fixed(2)(energy(row)) },
];

const LAYER = [
  { head: "layer", value: row => row.name, text: true },
  { head: "operator", value: row => row.operator, text: true },
  { head: "ms", value: row => row.ms, show: row => fixed(4)(row.ms) },
  { head: "share", value: row => row.share, show: row => `${fixed(1)(100 * row.share)} %` },
];

const MOST_LAYERS = 20;

function sweeps(rows) {
  if (!rows) return [];
  const by = (fixedBy, along, told) => [...new Set(rows.map(row => row[fixedBy]))].flatMap(value => {
    const points = rows.filter(row => row[fixedBy] === value).map(row => ({ label: row[along], value: row.throughput_ips }));
    return points.length > 1 ? [make("h3", {}, told(value)), line(`images a second, ${told(value)}`, `images/s by ${along}`, points)] : [];
  });
  return [make("h2", {}, "Sweep"), ...by("batch", "threads", value => `${value} a call, more threads`), ...by("threads", "batch", value => `${value} threads, more a call`)];
}

function profiled(row) {
  const profile = row.profile;
  if (!profile) return row.profile_reason ? [make("p", { class: "warning" }, `${row.artifact}: ${row.profile_reason}`)] : [];
  const heavy = [...profile.layers].sort((a, b) => b.ms - a.ms).slice(0, MOST_LAYERS);
  return [make("h2", {}, `Layers of ${row.artifact}`),
    make("p", { class: "faint" }, `${profile.source}, ${profile.calls} calls: ${milliseconds(profile.sum_ms)} in layers of ${milliseconds(profile.whole_ms)}.`),
    bars(`milliseconds of the layers of ${row.artifact} that take most`, heavy.map(layer => ({ label: (layer.operator || layer.name).slice(0, 20), value: layer.ms, shown: milliseconds(layer.ms) }))),
    sortable(`every layer of ${row.artifact}, in the order of execution; heads sort`, LAYER, profile.layers)];
}

function scenarioFigures(row) {
  const found = row.scenarios;
  if (!found) return [];
  const single = found.single_stream;
  return [make("h2", {}, `MLPerf's scenarios, ${row.artifact}`), figures([
    [`single stream, 90th percentile of ${single.queries}`, milliseconds(single.p90_ms)],
    ["below, at 99 %", isNumber(single.p90_bound_ms) ? milliseconds(single.p90_bound_ms) : null],
    ...found.offline.map(run => [`offline, ${run.sessions} × ${run.threads_per_session} threads`, `${fixed(0)(run.throughput_ips)} images/s`]),
  ])];
}

function benchPage({ bench }) {
  document.title = `${bench.artifact} — EdgeGAN`;
  const rows = [bench, ...(bench.compared || [])];
  return [
    make("h1", {}, rows.map(row => row.artifact).join(", ")),
    ...rows.flatMap(row => row.warnings.map(text => make("p", { class: "warning" }, `${row.artifact}: ${text}`))),
    sortable("every artifact; heads sort", ARTIFACT, rows),
    make("h2", {}, "Latency"), spans("latency of every artifact: p50, p90, p99", rows.map(row => ({ label: row.artifact, p50: row.latency_ms.p50, p90: row.latency_ms.p90, p99: row.latency_ms.p99, kind: "pass" }))),
    ...rows.filter(row => row.split).map(row => make("p", {}, `${row.artifact}: ${milliseconds(row.split.compute_ms)} of ${milliseconds(row.split.call_ms)} are the network's; copies and Python take the rest` + (row.split.device_ms ? `; ${milliseconds(row.split.device_ms.p50)} by the GPU's own clock.` : "."))),
    ...sweeps(bench.sweep), ...rows.flatMap(scenarioFigures), ...rows.flatMap(profiled), ...environment({ environment: bench.environment }),
  ];
}
