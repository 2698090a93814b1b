"""Clocks, temperatures and load from trees as Linux lays them out, and what they make doubtful."""

import pytest

from edgegan.bench.clocks import clocks, doubts


def write(root, files):
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")


ORIN = {
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": 1190400,
    "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": 2201600,
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "schedutil",
    "sys/class/devfreq/17000000.gpu/cur_freq": 306000000,
    "sys/class/devfreq/17000000.gpu/max_freq": 1300500000,
    "sys/class/devfreq/17000000.gpu/governor": "nvhost_podgov",
    "sys/class/devfreq/13e10000.host1x/cur_freq": 1,
    "sys/class/devfreq/13e10000.host1x/max_freq": 2,
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": 48500,
    "var/lib/nvpmodel/status": "pmode:0000",
    "proc/loadavg": "0.42 0.30 0.20 1/300 1234",
}


def test_a_jetson_is_read(tmp_path):
    write(tmp_path, ORIN)
    found = clocks(tmp_path)
    assert found["cpu"]["policy0"] == {"mhz": 1190.4, "max_mhz": 2201.6, "governor": "schedutil"}
    assert found["gpu"] == {"17000000.gpu": {"mhz": 306.0, "max_mhz": 1300.5, "governor": "nvhost_podgov"}}
    assert found["celsius"] == {"cpu-thermal": 48.5}
    assert found["power_mode"] == "pmode:0000" and found["load"] == 0.42
    told = doubts(found, found, cores=8)
    assert len(told) == 2 and all("sudo jetson_clocks holds it" in sentence for sentence in told)
    assert "306 of 1300 MHz" in told[1]


@pytest.mark.parametrize("change,told", [
    ({"sys/class/devfreq/17000000.gpu/cur_freq": 918000000}, "went from 1300 to 918 MHz while it was timed"),
    ({"sys/class/thermal/thermal_zone0/temp": 97000}, "hot: cpu-thermal 97 °C"),
])  # fmt: skip
def test_what_changes_while_it_is_timed_is_told(tmp_path, change, told):
    held = {
        "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "performance",
        "sys/class/devfreq/17000000.gpu/governor": "performance",
        "sys/class/devfreq/17000000.gpu/cur_freq": 1300500000,
    }
    write(tmp_path, ORIN | held)
    before = clocks(tmp_path)
    assert doubts(before, before, cores=8) == []
    write(tmp_path, change)
    (sentence,) = doubts(before, clocks(tmp_path), cores=8)
    assert told in sentence


def test_a_busy_machine_is_told(tmp_path):
    write(tmp_path, {"proc/loadavg": "3.90 1 1 1/1 1"})
    found = clocks(tmp_path)
    assert doubts(found, found, cores=4) == ["the machine was busy before: a load of 3.9 on 4 cores"]
    assert doubts(found, found, cores=8) == []


def test_what_cannot_be_read_is_left_out(tmp_path):
    write(tmp_path, {"sys/class/thermal/thermal_zone0/temp": "no number"})
    assert clocks(tmp_path) == {"cpu": {}, "gpu": {}, "celsius": {}}
