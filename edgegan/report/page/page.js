// The page of a run, of several runs, of a search or of what artifacts cost, by what the data says that it is.

function figures(pairs) {
  return make("ul", { class: "figures" }, ...pairs.filter(([, value]) => value !== null).map(([name, value]) => make("li", {}, name, make("b", {}, value))));
}

function decision(report) {
  const result = report.result, base = report.baseline.latency_ms;
  if (!result) return make("p", { class: "warning" }, make("b", {}, `No candidate for ${report.target} passed the gate.`));
  const gain = isNumber(result.speedup) ? `, ${result.speedup.toFixed(1)} times as fast as the plain conversion (${milliseconds(base.p50)})` : "";
  const time = result.latency_ms ? `takes ${milliseconds(result.latency_ms.p50)}${gain}` : `is the first choice for ${report.target}, where it was not timed (${result.latency_ms_reason})`;
  return make("p", { class: "decision" }, make("b", {}, result.name), ` ${time}; its pictures have ${fixed(1)(result.quality.psnr_db)} dB to the float network's.`);
}

const CANDIDATE = [
  { head: "candidate", value: row => row.name, text: true },
  { head: "precision", value: row => row.precision, text: true },
  { head: "p50 ms", value: p50, show: row => fixed(3)(p50(row)) },
  { head: "p99 ms", value: row => row.latency_ms && row.latency_ms.p99, show: row => fixed(3)(row.latency_ms && row.latency_ms.p99) },
  { head: "mJ/image", value: energy, show: row => fixed(2)(energy(row)) },
  { head: "size", value: row => row.bytes, show: row => bytes(row.bytes) },
  { head: "PSNR dB", value: row => row.quality.psnr_db, show: row => fixed(1)(row.quality.psnr_db) },
  { head: "SSIM", value: row => row.quality.ssim, show: row => fixed(4)(row.quality.ssim) },
  { head: "LPIPS", value: row => row.quality.lpips, show: row => fixed(4)(row.quality.lpips) },
  { head: "fd_lite0", value: row => row.quality.fd_lite0, show: row => fixed(1)(row.quality.fd_lite0) },
  { head: "verdict", value: row => row.verdict, text: true },
];

function candidates(report) {
  const kind = row => report.result && row.name === report.result.name ? "chosen" : row.passed ? "" : "failed";
  const rows = report.candidates.map(row => ({ ...row, kind: kind(row), verdict: (kind(row) === "chosen" ? "chosen: " : "") + row.reason }));
  return [{ ...report.baseline, name: "plain conversion", precision: "fp32", kind: "", verdict: "baseline" }, ...rows];
}

function onFront(points) {
  return points.filter(p => !points.some(q => q.x <= p.x && q.y >= p.y && (q.x < p.x || q.y > p.y))).map(p => p.label);
}

const MOST_DB = 80;

function latencyAgainstQuality(report) {
  const points = candidates(report).filter(row => row.latency_ms && isNumber(row.quality.psnr_db)).map(row => ({
    x: row.latency_ms.p50, y: Math.min(MOST_DB, row.quality.psnr_db), size: row.bytes, label: row.name,
    kind: row.kind === "chosen" ? "good" : row.passed || row.verdict === "baseline" ? "pass" : "fail",
    told: `${row.name}: ${milliseconds(row.latency_ms.p50)}, ${fixed(1)(row.quality.psnr_db)} dB, ${bytes(row.bytes)}`,
  }));
  if (points.length < 2) return [];
  return [make("h2", {}, "Latency against quality"),
    scatter("latency against PSNR of every candidate, the area is the size", "ms, faster to the left", `PSNR, dB (at most ${MOST_DB})`, points, onFront(points))];
}

function distributions(report) {
  const rows = candidates(report).filter(row => row.latency_ms).map(row => ({
    label: row.name, p50: row.latency_ms.p50, p90: row.latency_ms.p90, p99: row.latency_ms.p99,
    kind: row.kind === "chosen" ? "good" : row.kind === "failed" ? "fail" : "pass",
  }));
  return rows.length ? [make("h2", {}, "Latency"), spans("latency of every candidate: p50, p90, p99", rows)] : [];
}

function stages(report) {
  const timed = report.stages.filter(stage => isNumber(stage.seconds));
  if (!timed.length) return [];
  return [make("h2", {}, "Where the time went"), bars("seconds of each stage", timed.map(stage => ({ label: stage.name, value: stage.seconds, shown: seconds(stage.seconds) }))),
    make("details", {}, make("summary", {}, "What each stage noted"), ...report.stages.filter(stage => stage.notes.length).map(stage =>
      make("div", {}, make("h3", {}, stage.name), make("ul", {}, ...stage.notes.map(note => make("li", {}, note))))))];
}

function environment(report) {
  const own = report.environment, versions = Object.entries(own.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return [make("h2", {}, "Environment"), make("p", {}, `${own.cpu}, ${own.threads} of ${own.cores} cores, ${own.gpu || "no GPU"}, ${own.os}, Python ${own.python}`),
    make("p", { class: "faint" }, versions),
    ...(report.command ? [make("h2", {}, "To reproduce"), make("pre", { tabindex: "0" }, report.command)] : [])];
}

function looks(report, figure) {
  return report.training.filter(look => isNumber(look[figure])).map(look => ({ label: `${look.step}`, value: look[figure] }));
}

function runPage({ report, before, after, sound }) {
  const result = report.result, base = report.baseline;
  document.title = `${report.model} for ${report.target} — EdgeGAN`;
  return [
    make("h1", {}, `${report.model} for ${report.target}`),
    decision(report),
    ...report.warnings.map(text => make("p", { class: "warning" }, text)),
    result && figures([
      ["latency, p50", milliseconds(p50(result))],
      ["size", `${bytes(base.bytes)} → ${bytes(result.bytes)}`],
      ["multiply-accumulates", `${millions(base.macs)} → ${millions(result.macs)}`],
      ["PSNR to the float network", `${fixed(1)(result.quality.psnr_db)} dB`],
      ["fd_lite0", fixed(1)(result.quality.fd_lite0)],
      result.power ? [`energy an image, ${result.power.scope}`, `${short(energy(result))} mJ`] : ["", null],
    ]),
    ...(before && after ? [make("h2", {}, "Pictures"), comparison(before, after)] : before ? [make("h2", {}, "Pictures"), make("img", { src: before, alt: "pictures of the original network" })] : []),
    ...(sound ? [make("h2", {}, "Sound"), make("p", {}, "For each input the original, then the compressed network; 22,050 samples a second are assumed."), make("audio", { controls: "", src: sound })] : []),
    make("h2", {}, "Candidates"), sortable("every candidate; heads sort", CANDIDATE, candidates(report)),
    ...latencyAgainstQuality(report), ...distributions(report),
    ...(report.training && report.training.length > 1 ? [make("h2", {}, "Training"), line("PSNR to the original over the steps of distillation", "dB to the original", looks(report, "psnr_db")),
      line("loss over the steps of distillation", "loss", looks(report, "loss"))] : []),
    ...(report.layers ? [make("h2", {}, "Layers"), make("p", { class: "faint" }, "From input to output: channels that are kept of those there were; int8 full, other precisions pale."), layers("channels kept and precision of each layer", report.layers)] : []),
    ...stages(report), ...environment(report),
  ];
}

const RUN = [
  { head: "run", value: row => row.name, text: true },
  { head: "model", value: row => row.report.model, text: true },
  { head: "target", value: row => row.report.target, text: true },
  { head: "chosen", value: row => row.result && row.result.name, text: true },
  { head: "p50 ms", value: row => row.result && p50(row.result), show: row => fixed(3)(row.result && p50(row.result)) },
  { head: "speedup", value: row => row.result && row.result.speedup, show: row => fixed(1)(row.result && row.result.speedup) },
  { head: "mJ/image", value: row => row.result && energy(row.result), show: row => fixed(2)(row.result && energy(row.result)) },
  { head: "size", value: row => row.result && row.result.bytes, show: row => bytes(row.result && row.result.bytes) },
  { head: "PSNR dB", value: row => row.result && row.result.quality.psnr_db, show: row => fixed(1)(row.result && row.result.quality.psnr_db) },
  { head: "fd_lite0", value: row => row.result && row.result.quality.fd_lite0, show: row => fixed(1)(row.result && row.result.quality.fd_lite0) },
  { head: "commit", value: row => row.report.environment.commit || null, show: row => (row.report.environment.commit || "–").slice(0, 10), text: true },
];

function history(runs) {
  const groups = Map.groupBy ? Map.groupBy(runs, run => `${run.report.model} for ${run.report.target}`) : new Map();
  return [...groups].flatMap(([name, members]) => {
    const timed = members.filter(run => run.result && run.result.latency_ms);
    if (timed.length < 2) return [];
    const at = run => (run.report.environment.commit || run.name).slice(0, 10);
    return [make("h3", {}, name),
      line(`p50 of ${name} over the runs`, "ms", timed.map(run => ({ label: at(run), value: p50(run.result) }))),
      line(`PSNR of ${name} over the runs`, "dB", timed.map(run => ({ label: at(run), value: Math.min(MOST_DB, run.result.quality.psnr_db) })))];
  });
}

function runsPage({ runs }) {
  const rows = runs.map(run => ({ ...run, result: run.report.result, kind: run.report.result ? "" : "failed" }));
  document.title = `${runs.length} runs — EdgeGAN`;
  const past = history(rows);
  return [
    make("h1", {}, `${runs.length} runs side by side`),
    sortable("every run; heads sort", RUN, rows),
    ...(past.length ? [make("h2", {}, "History"), ...past] : []),
    make("h2", {}, "Pictures"),
    make("div", { class: "runs" }, ...rows.map(run => make("section", {}, make("h3", {}, run.name), decision(run.report),
      run.samples && make("img", { src: run.samples, alt: `samples of ${run.name}, the original above`, style: "max-width:100%" })))),
  ];
}

const COST_NAMES = { latency_ms: "ms", energy_mj: "mJ an image", macs: "multiply-accumulates" };
const TRIAL = [
  { head: "trial", value: row => row.number },
  { head: "pruned", value: row => row.params.prune, show: row => fixed(2)(row.params.prune) },
  { head: "criterion", value: row => row.params.criterion, text: true },
  { head: "allocation", value: row => row.params.allocation, show: row => fixed(2)(row.params.allocation) },
  { head: "precision", value: row => row.params.precision, text: true },
  { head: "p50 ms", value: row => row.latency_ms, show: row => fixed(3)(row.latency_ms) },
  { head: "mJ/image", value: row => row.energy_mj, show: row => fixed(2)(row.energy_mj) },
  { head: "MACs", value: row => row.macs, show: row => millions(row.macs) },
  { head: "size", value: row => row.bytes, show: row => bytes(row.bytes) },
  { head: "PSNR dB", value: row => row.psnr_db, show: row => fixed(1)(row.psnr_db) },
  { head: "fd_lite0", value: row => row.fd_lite0, show: row => fixed(1)(row.fd_lite0) },
  { head: "state", value: row => row.state + (row.state_reason ? `: ${row.state_reason}` : ""), text: true },
];

function searchPage({ search }) {
  document.title = `Search over ${search.model} — EdgeGAN`;
  const kind = row => search.front.includes(row.number) ? "chosen" : row.state === "complete" ? "" : "failed";
  const rows = search.trials.map(row => ({ ...row, kind: kind(row) }));
  const sign = search.quality === "fd_lite0" ? -1 : 1;
  const points = rows.filter(row => row.state === "complete" && isNumber(row[search.cost]) && isNumber(row[search.quality])).map(row => ({
    x: row[search.cost], y: sign * row[search.quality], size: row.bytes, label: row.number, kind: row.kind === "chosen" ? "good" : "pass",
    told: `trial ${row.number}: ${short(row[search.cost])} ${COST_NAMES[search.cost]}, ${search.quality} ${short(row[search.quality])}`,
  }));
  return [
    make("h1", {}, `${search.model} for ${search.target}: ${search.trials.length} trials`),
    make("p", { class: "decision" }, `${search.front.length} trials that no other beats in both cost and quality; edgegan search … --pick N writes the artifact of one.`),
    ...(points.length > 1 ? [scatter("cost against quality of every trial, the area is the size", COST_NAMES[search.cost], sign < 0 ? "−fd_lite0" : "PSNR to the original, dB", points, search.front)] : []),
    make("h2", {}, "Trials"), sortable("every trial, those of the front marked; heads sort", TRIAL, rows),
  ];
}

const PAGES = { run: runPage, runs: runsPage, search: searchPage, bench: benchPage };
const content = JSON.parse(document.getElementById("data").textContent);
document.getElementById("page").replaceChildren(...PAGES[content.kind](content).filter(Boolean));
