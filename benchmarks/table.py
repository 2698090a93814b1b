"""Put the measured figures into README.md and docs/measured.md, from ``results/*.json``: python -m benchmarks.table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS
from benchmarks.quantize import BACKENDS, fastest_peer, mine
from benchmarks.real_size import TARGETS as DEPLOYED_FOR
from benchmarks.real_size import fastest_peer as fastest_deployed_peer
from benchmarks.rewrites import best
from benchmarks.zoo import SHIPPED, TARGETS

NAMED = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "litert": "LiteRT"}
ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.S)


def first_figures() -> str:
    """What the README shows: one small generator in full, generators of deployed size, how many aims are met."""
    count, missed = len(_aims()), len(_missed())
    told = f"Of the {count} aims that the benchmarks have, {count - missed} are met: [all figures](docs/measured.md)."
    return "\n\n".join([small(), pruning(), deployed(), told]) + "\n"


def all_figures() -> str:
    """What the page of figures shows."""
    parts = [small(), pruning(), budgets(), deployed(), families(), quantization(), few_bits()]
    parts += [training_under_rounding(), zoo(), public(), runs(), not_met()]
    return "\n\n".join(parts).replace("](docs/", "](") + "\n"


def small() -> str:
    """The zoo's first generator on a CPU: the vendors' own tools beside EdgeGAN."""
    lines = [
        "| `fashion-dcgan`, 32x32, batch 1, 2 threads | p50 ms | PSNR to float | command |",
        "| --- | --- | --- | --- |",
    ]
    for name in ("litert", "x86_cpu"):
        found = json.loads((RESULTS / f"{name}.json").read_text())
        for row in found["rows"]:
            ours = "**" if row["name"].startswith("EdgeGAN") else ""
            lines.append(
                f"| {ours}{row['name']}{ours} | {ours}{row['latency_ms']['p50']:.3f}{ours} | "
                f"{'exact' if row['psnr_db'] > 100 else format(row['psnr_db'], '.1f') + ' dB'} | `{found['command']}` |"
            )
    cpu = json.loads((RESULTS / "litert.json").read_text())["environment"]
    lines.append(f"\nMeasured on {cpu['cpu']}, {cpu['cores']} cores; the ratios carry further than the milliseconds.")
    return "\n".join(lines)


def pruning() -> str:
    """What half the channels cost, in one sentence for each number of pictures."""
    found = json.loads((RESULTS / "prune.json").read_text())
    last = list(found["fd_lite0"])[-1]
    told = ", ".join(
        f"{found['fd_lite0']['original'][n]:.1f} to {found['fd_lite0'][last][n]:.1f} ({found['fd_ratio'][last][n]:.2f} "
        f"times) at {n} pictures"
        for n in found["fd_ratio"][last]
    )
    return (
        f"Pruned to half its channels, {found['macs_ratio']:.2f} times fewer multiply-accumulates, distilled for "
        f"{found['distill_steps']} steps and quantized to int8, its `fd_lite0` against real test images goes from "
        f"{told}: `{found['command']}`."
    )


def budgets() -> str:
    """How far generators are pruned, trained for long."""
    lines = [
        "| pruned, float | fewer multiply-accumulates | whole network | pruned | trained on |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in json.loads((RESULTS / "budgets.json").read_text())["rows"]:
        if len(row["runs"]) > 1:
            continue
        run, gpu = row["runs"][0], row["measured"]["environment"]["gpu"]
        name, figure = row["family"].partition(",")[0], row["figure"]
        apart = f"{-run['kept']:+.2f} dB" if figure == "psnr_db" else f"{run['kept']:.2f} times"
        lines.append(
            f"| {name} | {run['macs_ratio']:.1f} times | {figure} {row['whole']:.1f} | {run[figure]:.1f} ({apart}) | "
            f"{gpu or 'CPU'}, {row['steps']} steps |"
        )
    return "\n".join([*lines, "\n`python -m benchmarks.budgets`"])


def deployed() -> str:
    """Generators of the size that people deploy, on every CPU backend, and what compressing each took."""
    found = json.loads((RESULTS / "real_size.json").read_text())
    heads = [f"{NAMED[b]}, best of its tools | with EdgeGAN" for b in BACKENDS]
    lines = [
        "| deployed size, at 35 dB | " + " | ".join(heads) + " | seconds to compress, by target |",
        "| --- | " + "--- | --- | " * len(BACKENDS) + "--- |",
    ]
    for row in found["rows"]:
        cells = [f"{row['family']}, {row['params'] / 1e6:.1f} M"]
        for backend in BACKENDS:
            peer, own = fastest_deployed_peer(row, backend), row["tools"].get(f"{backend} EdgeGAN")
            cells.append(f"{peer[1]:.1f}" if peer else "none holds it")
            ratio = f" ({peer[1] / own['p50_ms']:.2f}x)" if peer and own else ""
            cells.append(f"{own['p50_ms']:.1f}, {_decibels(own)}{ratio}" if own else "none holds it")
        cells.append(", ".join(f"{run['seconds']:.0f}" for run in map(row["compressing"].get, DEPLOYED_FOR)))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + (
        "\n\nMilliseconds and PSNR on two cores; compressed from a cold cache for "
        f"{', '.join(DEPLOYED_FOR)}, calibrated on photographs: `{found['command']}`."
    )


def families() -> str:
    """Float32 milliseconds of every family, what the tool makes of it and what EdgeGAN's best form takes."""
    found = json.loads((RESULTS / "rewrites.json").read_text())
    lines = [
        "| float32, batch 1, exact | litert-torch | EdgeGAN in LiteRT | ONNX Runtime | with EdgeGAN | OpenVINO | with "
        "EdgeGAN |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found["rows"]:
        cells = [row["family"]]
        for backend, peer in (
            ("litert", "litert-torch"),
            ("onnxruntime", "onnxruntime original"),
            ("openvino", "openvino original"),
        ):
            before, own = row["latency_ms"].get(peer), best(row, backend)
            ratio = f" ({before / own[1]:.2f}x)" if before and own else ""
            cells += [f"{before:.2f}" if before else "does not convert", f"{own[1]:.2f}{ratio}" if own else "fails"]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        "\n".join(lines)
        + f"\n\nMilliseconds, median; untrained networks of the size that people deploy: `{found['command']}`."
    )


def quantization() -> str:
    """Every family at its gate on every CPU backend: the backend's own tools beside EdgeGAN's choice."""
    found = json.loads((RESULTS / "quantize.json").read_text())
    lines = [
        "| at a PSNR gate | gate | "
        + " | ".join(f"{NAMED[b]}, best of its tools | with EdgeGAN" for b in BACKENDS)
        + " |",
        "| --- | --- | " + "--- | --- | " * len(BACKENDS),
    ]
    for row in found["rows"]:
        cells = [row["family"] + ("" if row["model"] == "seeded weights" else ", trained"), f"{row['gate_db']:g} dB"]
        for backend in BACKENDS:
            peer, own = fastest_peer(row, backend), mine(row, backend)
            cells.append(f"{peer[1]['p50_ms']:.2f}, {_decibels(peer[1])}" if peer else "none holds it")
            cells.append(
                f"{own[1]['p50_ms']:.2f}, {_decibels(own[1])}"
                + (f" ({peer[1]['p50_ms'] / own[1]['p50_ms']:.2f}x)" if peer else "")
                if own
                else "none holds it"
            )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + (
        "\n\nMilliseconds and PSNR of the fastest that holds the gate; which tools, and which of them fail it: "
        f"`{found['command']}`."
    )


def few_bits() -> str:
    """What PSNR does not show as bits are taken away."""
    found = json.loads((RESULTS / "recall.json").read_text())
    lines = [
        "| LiteRT, weights in | " + " | ".join(kinds := list(dict.fromkeys(r["bits"] for r in found["rows"]))) + " |",
        "| --- | " + "--- | " * len(kinds),
    ]
    for model in dict.fromkeys(r["model"] for r in found["rows"]):
        rows = {r["bits"]: r for r in found["rows"] if r["model"] == model}
        lines.append(
            f"| {model} | "
            + " | ".join(
                f"{_decibels(rows[k])}, `fd_lite0` {rows[k]['fd_lite0']:.1f}, precision "
                f"{rows[k]['precision_lite0']:.2f}, "
                f"recall {rows[k]['recall_lite0']:.2f}"
                for k in kinds
            )
            + " |"
        )
    told = (
        f"\n\n{found['samples']} pictures against real test images, calibration only: recall goes first: "
        f"`{found['command']}`."
    )
    return "\n".join(lines) + told


def training_under_rounding() -> str:
    """What ``--qat`` wins back at weights of 4 bits."""
    found = json.loads((RESULTS / "qat.json").read_text())
    spans = {
        key: f"{min(r[key] for r in found['rows']):.1f}-{max(r[key] for r in found['rows']):.1f}"
        for key in ("unpruned w4 calibrated", "unpruned w4 trained", "pruned w4 calibrated", "pruned w4 trained")
    }
    return (
        "Trained under rounding (`--qat`), `fashion-dcgan` with weights of 4 bits goes from "
        f"{spans['unpruned w4 calibrated']} dB to {spans['unpruned w4 trained']}, pruned 8 times from"
        f" {spans['pruned w4 calibrated']} to {spans['pruned w4 trained']}, over {len(found['rows'])} seeds: "
        f"`{found['command']}`."
    )


def _decibels(figures: dict[str, float]) -> str:
    return "exact" if figures["psnr_db"] > 75 else f"{figures['psnr_db']:.0f} dB"


def public() -> str:
    """How good the zoo's training is, beside somebody else's implementation."""
    found = json.loads((RESULTS / "public_dcgan.json").read_text())
    told = ", ".join(
        f"{name} {row['fd_lite0']['mean']:.1f}"
        for name, row in found["generators"].items()
        if row["training_images"] == found["generators"]["torchgan DCGAN"]["training_images"]
    )
    seen = found["generators"]["torchgan DCGAN"]["training_images"]
    return f"Trained on {seen} images each, `fd_lite0` against real test images: {told}: `{found['command']}`."


def zoo() -> str:
    """Every shipped generator: how good it is, and what becomes of it for four targets."""
    made = json.loads((RESULTS / "zoo.json").read_text())
    lines = [
        "| zoo | what | weights | `fd_lite0` | " + " | ".join(f"for {target}" for target in TARGETS) + " |",
        "| --- | --- | --- | --- | " + "--- | " * len(TARGETS),
    ]
    for model in SHIPPED:
        assert model.card is not None
        rows = made["models"][model.name]["targets"]
        cells = [
            f"{rows[target]['precision']}, {rows[target]['psnr_db']:.0f} dB"
            if rows[target]["passed"]
            else "does not pass"
            for target in TARGETS
        ]
        samples = f"[{model.name}](docs/training/{model.name}/samples.png)"
        lines.append(
            f"| {samples} | {model.task} | {model.card['bytes'] / 1e6:.1f} MB, {model.card['licence']} | "
            f"{model.card['figures']['fd_lite0']['mean']:.1f} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines) + (
        "\n\nWhat `edgegan compress NAME --target T` chooses without another flag, and its PSNR to the float "
        "network; for rtx-40 and jetson-orin ONNX Runtime stands in, on the graph that TensorRT is given: "
        f"`{made['command']}`. `edgegan models NAME` shows a card with recipe, figures, licence and hash."
    )


def runs() -> str:
    """Which benchmark ran when, on what, and how many of its aims it met."""
    lines = ["| benchmark | measured | on | aims met |", "| --- | --- | --- | --- |"]
    for found in _results().values():
        machine = found["environment"]
        met = found.get("aims", {}).values()
        lines.append(
            f"| `{found['command']}` | {_measured(found)} | {machine['cpu']}, {machine['cores']} cores | "
            f"{f'{sum(met)} of {len(met)}' if met else 'none set'} |"
        )
    return "\n".join(lines)


def not_met() -> str:
    """Every aim of every benchmark that was missed, as its last run printed it."""
    return "\n".join(["Aims that are not met:\n", *_missed()]) if _missed() else "Every aim is met."


def _measured(found: dict[str, Any]) -> str:
    """The day, or the days of a benchmark whose rows are measured one by one."""
    days = sorted({row["measured"]["date"] for row in found.get("rows", []) if row.get("measured")})
    if days:
        return " to ".join(dict.fromkeys((days[0], days[-1])))
    return str(found.get("date") or f"at {found['commit']}" if "commit" in found else "before days were kept")


def _results() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def _aims() -> list[str]:
    return [f"- {name}: {aim}" for name, found in _results().items() for aim in found.get("aims", {})]


def _missed() -> list[str]:
    return [
        f"- {name}: {aim}"
        for name, found in _results().items()
        for aim, met in found.get("aims", {}).items()
        if not met
    ]


PAGES = {ROOT / "README.md": first_figures, ROOT / "docs" / "measured.md": all_figures}


def filled(page: Path) -> str:
    """A page of ``PAGES`` with the figures as they stand in the results."""
    return BLOCK.sub(lambda m: m[1] + PAGES[page]() + m[2], page.read_text())


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page))
        print(page.relative_to(ROOT))
