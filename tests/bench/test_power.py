"""Power from trees as drivers lay them out, energies worked out by hand; a fake NVML at the level of its Python calls;
a real command."""

import shlex
import sys
import types
from pathlib import Path

import pytest

from edgegan.bench.power import find
from edgegan.bench.power.command import Command
from edgegan.bench.power.contract import Integrated, Unreadable
from edgegan.bench.power.hwmon import Hwmon
from edgegan.bench.power.meter import metered
from edgegan.bench.power.nvml import COUNTER, INTEGRATED, Nvml
from edgegan.bench.power.rapl import Rapl
from edgegan.bench.single import bench
from edgegan.core.errors import DeviceError, UsageError
from tests.validation import validate


class Clock:
    """Stands still between two reads unless moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def tree(root, **files):
    """Files below ``root``; ``__`` in a name is a slash."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def ina3221(root, folder, rails):
    """As the driver lays it out: labels, millivolts, milliamperes; shunts and their sum behind."""
    base = f"sys/class/hwmon/{folder}"
    files = {f"{base}/name": "ina3221", f"{base}/in7_label": "sum of shunt voltages", f"{base}/in7_input": 1234}
    for channel, (label, millivolts, milliamperes) in enumerate(rails, 1):
        files |= {
            f"{base}/in{channel}_label": label, f"{base}/in{channel}_input": millivolts,
            f"{base}/curr{channel}_input": milliamperes, f"{base}/in{channel + 3}_input": 40,
        }  # fmt: skip
    return tree(root, **files)


def test_orin_agx_by_its_module_rails(tmp_path):
    ina3221(
        tmp_path,
        "hwmon1",
        [("VDD_GPU_SOC", 12000, 1500), ("VDD_CPU_CV", 12000, 500), ("VIN_SYS_5V0", 5000, 800)],
    )
    ina3221(tmp_path, "hwmon2", [("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 5000, 200), ("NC", 0, 0)])
    tree(tmp_path, **{"sys/class/hwmon/hwmon0/name": "tmp451"})
    clock = Clock()
    source = Hwmon(tmp_path, clock)
    clock.now += 2.0
    tree(tmp_path, **{"sys/class/hwmon/hwmon1/curr1_input": 2500})
    energy = source.joules()
    assert energy == {
        "VDD_GPU_SOC": pytest.approx(2 * (18.0 + 30.0) / 2, rel=1e-12), "VDD_CPU_CV": pytest.approx(12.0),
        "VIN_SYS_5V0": pytest.approx(8.0), "VDDQ_VDD2_1V8AO": pytest.approx(2.0),
    }  # fmt: skip
    assert sum(energy[rail] for rail in source.whole) == pytest.approx(68.0)
    assert "module" in source.scope and "not the wall socket" in source.scope


def test_orin_nx_is_its_input_and_the_other_rails_lie_within(tmp_path):
    ina3221(tmp_path, "hwmon3", [("VDD_IN", 5000, 1000), ("VDD_CPU_GPU_CV", 5000, 300), ("VDD_SOC", 5000, 200)])
    clock = Clock()
    source = Hwmon(tmp_path, clock)
    clock.now += 10.0
    assert source.joules()["VDD_IN"] == pytest.approx(50.0) and source.whole == {"VDD_IN"}


def test_thor_is_the_boards_input_in_microwatts(tmp_path):
    ina3221(tmp_path, "hwmon1", [("VDD_GPU", 10000, 900), ("VDD_CPU_SOC_MSS", 10000, 700), ("VIN_SYS_5V0", 5000, 900)])
    tree(tmp_path, **{"sys/class/hwmon/hwmon4/name": "ina238", "sys/class/hwmon/hwmon4/power1_input": 31_500_000})
    tree(tmp_path, **{"sys/class/hwmon/hwmon5/name": "ucsi_source_psy_1", "sys/class/hwmon/hwmon5/in0_input": 5000})
    clock = Clock()
    source = Hwmon(tmp_path, clock)
    clock.now += 4.0
    assert source.whole == {"VIN"} and source.joules()["VIN"] == pytest.approx(126.0) and "board" in source.scope


def test_a_channel_that_answers_with_an_error_is_skipped(tmp_path):
    ina3221(tmp_path, "hwmon1", [("GPU", 1000, 2000), ("CPU", 1000, 1000), ("SOC", 1000, 500)])
    broken = tmp_path / "sys/class/hwmon/hwmon1/curr2_input"
    broken.unlink()
    broken.mkdir()
    source = Hwmon(tmp_path, Clock())
    assert source.skipped == ["CPU"] and source.whole == {"GPU", "SOC"}


def test_the_same_chip_by_two_ways_counts_once(tmp_path):
    real = ina3221(tmp_path, "../../bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3", [("VDD_IN", 5000, 1000)])
    (tmp_path / "sys/class/hwmon").mkdir(parents=True, exist_ok=True)
    (tmp_path / "sys/class/hwmon/hwmon3").symlink_to(real / "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3")
    clock = Clock()
    source = Hwmon(tmp_path, clock)
    clock.now += 1.0
    assert source.joules() == {"VDD_IN": pytest.approx(5.0)}


def rapl(root, package, cores, dram):
    base = "sys/class/powercap/intel-rapl:0"
    return tree(
        root,
        **{
            f"{base}/name": "package-0", f"{base}/energy_uj": package, f"{base}/max_energy_range_uj": 262143328850,
            f"{base}/intel-rapl:0:0/name": "core", f"{base}/intel-rapl:0:0/energy_uj": cores,
            f"{base}/intel-rapl:0:0/max_energy_range_uj": 262143328850,
            f"{base}/intel-rapl:0:1/name": "dram", f"{base}/intel-rapl:0:1/energy_uj": dram,
            f"{base}/intel-rapl:0:1/max_energy_range_uj": 65712999613,
        },
    )  # fmt: skip


def test_rapl_counts_on_where_its_counter_wraps(tmp_path):
    source = Rapl(rapl(tmp_path, 262143328850 - 1_000_000, 5_000_000, 100))
    rapl(tmp_path, 499_999, 6_500_000, 2_000_100)
    assert source.joules() == {"package-0": 1.5, "core": 1.5, "dram": 2.0} and source.whole == {"package-0", "dram"}
    rapl(tmp_path, 2_499_999, 6_500_000, 2_000_100)
    assert source.joules()["package-0"] == pytest.approx(3.5, rel=1e-12)


def test_a_counter_without_permission_names_the_rule(tmp_path, monkeypatch):
    rapl(tmp_path, 1, 1, 1)
    read = Path.read_text

    def refused(self, *args, **kwargs):
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(Unreadable, match="udev"):
        Rapl(tmp_path)


class NotSupported(Exception):
    pass


def fake_nvml(clock, energy=True, instant=True, average=True):
    """Its Python calls: a counter of 50 W in steps of 0.1 s, instantaneous power of 45 W, an average of 40."""

    def supported(given, value):
        if not given:
            raise NotSupported
        return value

    field = types.SimpleNamespace(
        nvmlReturn=0 if instant else 3, value=types.SimpleNamespace(uiVal=45_000), fieldId=186
    )
    return types.SimpleNamespace(
        NVMLError=Exception, NVMLError_NotSupported=NotSupported, NVML_SUCCESS=0, NVML_FI_DEV_POWER_INSTANT=186,
        nvmlInit=lambda: None, nvmlShutdown=lambda: None, nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=lambda gpu: supported(energy, 1000 + int(clock.now * 10) * 5000),
        nvmlDeviceGetFieldValues=lambda gpu, ids: [field],
        nvmlDeviceGetPowerUsage=lambda gpu: supported(average, 40_000),
    )  # fmt: skip


@pytest.mark.parametrize(
    "given,whole,energies",
    [
        ({}, COUNTER, {COUNTER: 500.0, INTEGRATED: 450.0}),
        ({"energy": False}, INTEGRATED, {INTEGRATED: 450.0}),
        ({"energy": False, "instant": False}, INTEGRATED, {INTEGRATED: 400.0}),
    ],
)
def test_nvml_tells_its_counter_and_integrated_power(monkeypatch, given, whole, energies):
    clock = Clock()
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(clock, **given))
    source = Nvml(clock)
    clock.now += 10.0
    assert source.joules() == pytest.approx(energies) and source.whole == {whole}


def test_nvml_that_knows_nothing_and_nvml_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(Clock(), energy=False, instant=False, average=False))
    with pytest.raises(Unreadable, match="neither energy nor power"):
        Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(Unreadable, match="pip install"):
        Nvml()


def test_readings_become_energy_by_the_trapezoidal_rule():
    clock = Clock()
    energy = Integrated(clock)
    assert energy.add({"a": 2.0}) == {"a": 0.0}
    clock.now += 3.0
    assert energy.add({"a": 4.0}) == {"a": 9.0}


def test_a_command_that_prints_watts(null_artifact):
    """5 W whatever is run, so that an image costs 5 W over images a second."""
    found = bench(null_artifact, threads=1, seconds=0.02, power_seconds=0.6, power_command="echo power: 5.0 W")
    power = found["power"]
    validate("bench", found | {"quality": None, "quality_reason": "-"})
    assert power["source"] == "command" and "echo" in power["scope"]
    assert [power[key] for key in ("gross_w", "idle_w", "peak_w")] == pytest.approx([5.0, 5.0, 5.0], rel=2e-3)
    assert power["net_w"] == pytest.approx(0.0, abs=0.02)
    assert power["energy_mj_per_inference"] * power["images_per_joule"] == pytest.approx(1000.0)
    assert power["seconds"] >= 0.6


@pytest.mark.parametrize("command", ["echo nothing", "false", shlex.quote("/no/such/meter")])
def test_a_command_that_prints_no_watts_is_an_error(command):
    with pytest.raises(DeviceError, match="power-command"):
        Command(command)


def test_an_empty_command_is_a_usage_error():
    with pytest.raises(UsageError):
        Command(" ")


def test_a_meter_that_fails_on_the_way_is_an_error():
    class Failing:
        name, scope, resolution, whole = "failing", "nothing", 0.01, frozenset({"a"})
        reads = 0

        def joules(self):
            self.reads += 1
            if self.reads > 4:
                raise DeviceError("the meter went away")
            return {"a": float(self.reads)}

        def close(self):
            pass

    with pytest.raises(DeviceError, match="went away"):
        metered(Failing(), lambda: None, 1, seconds=0.3)


def test_a_counter_that_stands_still_is_no_figure(tmp_path):
    with pytest.raises(Unreadable, match="did not move"):
        metered(Rapl(rapl(tmp_path, 1, 1, 1)), lambda: None, 1, seconds=0.05)


def test_which_source_is_read(tmp_path, monkeypatch):
    """The target's own where it has one, else what this machine has; why not, where none is."""
    monkeypatch.setenv("EDGEGAN_SYS_ROOT", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(Unreadable, match=r"power of jetson-orin is read by ina3221.*Measure on the device"):
        find.opened("jetson-orin", "tensorrt")
    with pytest.raises(Unreadable, match="no source of power"):
        find.opened("a target of one's own", "litert")
    rapl(tmp_path, 1, 1, 1)
    assert find.opened("x86-cpu", "openvino").name == "rapl" == find.opened("mobile", "litert").name
    ina3221(tmp_path, "hwmon1", [("VDD_IN", 5000, 1000)])
    assert find.opened("jetson-orin-nx", "tensorrt").name == "ina3221" == find.opened("mobile", "litert").name
    assert find.opened("jetson-orin-nx", "tensorrt", "echo 1").name == "command"
    found = find.reasons()
    assert found["rapl"] is None and found["ina3221"] is None and "pip install" in found["nvml"]
