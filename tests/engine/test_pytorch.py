"""What PyTorch compiles ahead of time, on the CPU: the same compiler and package, another device."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgegan.core.cache import cache_folder
from edgegan.core.errors import ArtifactError, DeviceError
from edgegan.engine.makers import PyTorchMaker
from edgegan.engine.measure import measured
from edgegan.engine.variants import make_all
from edgegan.export.bundle import unpack_bundle
from edgegan.runtime import load
from edgegan.runtime.preflight import machine_name

HALF = "tensorrt-native-fp16"


@pytest.mark.slow
def test_float_variants_become_packages_that_hold_the_gate(bundle, tmp_path, monkeypatch):
    (tmp_path / "u").mkdir()
    whole = unpack_bundle(bundle, tmp_path / "u")
    named = {each.name: each for each in whole.variants}
    given = replace(whole, variants=tuple(named[name] for name in ("baseline", HALF, "tensorrt-native-int8")))
    root = tmp_path / "engines"
    maker = PyTorchMaker({"platform": machine_name()}, "2", (1, 1, 1), device="cpu")
    rows = {row.name: row for row in make_all(given, [maker], root, lambda *_: None)}
    assert [row.error for row in rows.values()] == [None, None, "pytorch does not compute in int8"]
    candidates, outcomes = measured(given, list(rows.values()), root, 0.3, lambda *_: None)
    half = next(row for row in candidates if row.built.precision == "fp16")
    assert half.passed and half.p50_ms and half.psnr_db > 50
    assert np.abs(outcomes["baseline"].images - whole.images).max() < 1e-4

    package = root / rows["baseline"].runs
    with load(package) as gen:
        assert gen.run({name: value[:2] for name, value in whole.inputs.items()})["image"].shape[0] == 2
    manifest = package.with_name(f"{package.name}.json")
    content = json.loads(manifest.read_text())
    for change, error, told in (
        ({"device": "cuda"}, DeviceError, "no NVIDIA GPU"),
        ({"platform": "linux-riscv"}, ArtifactError, "was built on linux-riscv; build it again"),
    ):
        manifest.write_text(json.dumps(content | {"build": content["build"] | change}))
        with pytest.raises(error, match=told):
            load(package)
    manifest.write_text(json.dumps(content))
    (cache_folder() / "packages.json").unlink()
    with pytest.raises(ArtifactError, match="holds machine code that was not made on this machine"):
        load(package)
    monkeypatch.setenv("EDGEGAN_RUN_PACKAGES", "1")
    load(package).close()


def test_a_free_batch_is_told():
    from edgegan.core.errors import TargetError

    with pytest.raises(TargetError, match="one batch"):
        PyTorchMaker({}, "2", (1, 4, 8)).make(None, None)
