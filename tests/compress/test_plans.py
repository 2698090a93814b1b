"""The decision table: which candidates a target is built, by precision and by whether the network normalises."""

import pytest

from edgegan.compress import plans as planning
from edgegan.compress.backends import builder, openvino
from edgegan.compress.plan import Plan, graph_name
from edgegan.core.errors import ArtifactError, MissingPackageError, TargetError
from edgegan.core.target import Target, load_target, names
from edgegan.quantize.layers import Layer
from edgegan.quantize.scheme import FloatParts

COMPOSED = [f"auto-{backend}{end}" for backend in ("onnxruntime", "openvino", "litert") for end in ("", "-int8")]
GRAPHS = ["native", "phase", "phase-nhwc", *COMPOSED]
"""Of a network that upsamples, where each backend's fastest layers give a form of its own."""

ORT_INT8 = "onnxruntime-phase-int8 onnxruntime-auto-int8"
ORT_FP32 = "onnxruntime-native-fp32 onnxruntime-phase-fp32 onnxruntime-auto-fp32"
OV_INT8 = (
    "openvino-native-int8 openvino-native-int8-outputs openvino-phase-int8 openvino-phase-int8-outputs "
    "openvino-auto-int8 openvino-auto-int8-outputs"
)
OV_INT8_NORMS = " ".join(
    f"openvino-{form}-int8{kept}{rest}"
    for form in ("native", "phase", "auto")
    for rest in ("", "-bf16")
    for kept in ("", "-outputs")
)
OV_BF16 = "openvino-native-bf16 openvino-phase-bf16 openvino-auto-bf16"
OV_FP32 = "openvino-native-fp32 openvino-phase-fp32 openvino-auto-fp32"
TFL_INT8 = "litert-phase-nhwc-int8 litert-auto-int8"
TFL_INT8_NORMS = (
    "litert-phase-nhwc-int8 litert-phase-nhwc-int8-norms litert-phase-nhwc-int8-layers "
    "litert-auto-int8 litert-auto-int8-norms litert-auto-int8-layers"
)
TFL_FP16 = "litert-phase-nhwc-fp16 litert-auto-fp16"
TFL_FP32 = "litert-phase-nhwc-fp32 litert-auto-fp32"
TRT_INT8 = "tensorrt-phase-int8"
TRT_INT8_NORMS = f"{TRT_INT8} tensorrt-phase-int8-outputs"
TRT_FP16, TRT_FP32 = "tensorrt-native-fp16 tensorrt-phase-fp16", "tensorrt-native-fp32"
RTX_INT8 = "tensorrt-rtx-phase-int8 tensorrt-rtx-phase-int8-fp16"
RTX_INT8_NORMS = f"{RTX_INT8} tensorrt-rtx-phase-int8-outputs tensorrt-rtx-phase-int8-outputs-fp16"
RTX_FLOAT = "tensorrt-rtx-native-fp16 tensorrt-rtx-native-fp32"

TABLE = {
    ("x86-cpu", "auto", False): f"{ORT_INT8} {ORT_FP32} {OV_INT8} {OV_BF16} {OV_FP32} {TFL_INT8} {TFL_FP32}",
    ("x86-cpu", "auto", True): f"{ORT_INT8} {ORT_FP32} {OV_INT8_NORMS} {OV_BF16} {OV_FP32} {TFL_INT8_NORMS} {TFL_FP32}",
    ("x86-cpu", "int8", False): f"{ORT_INT8} {OV_INT8} {TFL_INT8}",
    ("x86-cpu", "int8", True): f"{ORT_INT8} {OV_INT8_NORMS} {TFL_INT8_NORMS}",
    ("x86-cpu", "fp32", False): f"{ORT_FP32} {OV_FP32} {TFL_FP32}",
    ("mobile", "auto", False): f"{TFL_INT8} {TFL_FP16} {TFL_FP32}",
    ("mobile", "auto", True): f"{TFL_INT8_NORMS} {TFL_FP16} {TFL_FP32}",
    ("mobile", "int8", True): TFL_INT8_NORMS,
    ("mobile", "fp16", True): TFL_FP16,
    ("browser", "auto", False): f"{TFL_INT8} {TFL_FP16} {TFL_FP32} {ORT_INT8} {ORT_FP32}",
    ("browser", "auto", True): f"{TFL_INT8_NORMS} {TFL_FP16} {TFL_FP32} {ORT_INT8} {ORT_FP32}",
    ("mobile-gpu", "auto", False): f"{TFL_FP16} {TFL_FP32}",
    ("mobile-gpu", "auto", True): f"{TFL_FP16} {TFL_FP32}",
    ("jetson-orin", "auto", False): f"{TRT_INT8} {TRT_FP16} {TRT_FP32}",
    ("jetson-orin", "auto", True): f"{TRT_INT8_NORMS} {TRT_FP16} {TRT_FP32}",
    ("jetson-orin", "int8", True): TRT_INT8_NORMS,
    ("jetson-orin", "fp16", False): TRT_FP16,
    ("rtx-40", "auto", False): f"{RTX_INT8} {RTX_FLOAT}",
    ("rtx-40", "auto", True): f"{RTX_INT8_NORMS} {RTX_FLOAT}",
    ("rtx-40", "fp32", True): TRT_FP32.replace("tensorrt-", "tensorrt-rtx-"),
}


@pytest.fixture
def bfloat16(monkeypatch):
    monkeypatch.setattr(openvino, "computes_bfloat16", lambda: True)


def planned(target, precision, has_statistics, graphs=GRAPHS, **options):
    parts = {FloatParts.STATISTICS, FloatParts.SUMS} if has_statistics else set()
    return [plan.name for plan in planning.plans(target, precision, graphs, parts, **options)[0]]


@pytest.mark.parametrize(("target", "precision", "has_statistics"), TABLE)
def test_the_decision_table(bfloat16, target, precision, has_statistics):
    wanted = TABLE[target, precision, has_statistics].split()
    assert planned(load_target(target), precision, has_statistics) == wanted


@pytest.mark.parametrize("name", names())
def test_targets_of_one_kind_are_planned_alike(bfloat16, name):
    target = load_target(name)
    alike = [
        other for other in map(load_target, ("x86-cpu", "mobile", "mobile-gpu", "jetson-orin", "rtx-40", "browser"))
    ]
    twin = next(o for o in alike if (o.runtimes, set(o.precisions)) == (target.runtimes, set(target.precisions)))
    for has_statistics in (False, True):
        assert set(planned(target, "auto", has_statistics)) == set(TABLE[twin.name, "auto", has_statistics].split())


def test_without_bfloat16_there_are_no_such_candidates(monkeypatch):
    monkeypatch.setattr(openvino, "computes_bfloat16", lambda: False)
    found = planned(load_target("x86-cpu"), "auto", True)
    assert not [name for name in found if "bf16" in name] and "openvino-auto-int8-outputs" in found


def test_sums_alone_may_stay_in_float():
    target = load_target("mobile")
    found = [plan.name for plan in planning.plans(target, "int8", GRAPHS, {FloatParts.SUMS})[0]]
    forms = ("phase-nhwc", "auto")
    assert found == [f"litert-{form}-int8{end}" for form in forms for end in ("", "-sums")]


def test_of_a_large_network_composed_forms_alone_are_built(bfloat16):
    found = planned(load_target("x86-cpu"), "auto", False, is_large=True)
    assert found and all("-auto-" in name for name in found)
    plain = ["native", "phase", "phase-nhwc"]
    assert planned(load_target("x86-cpu"), "auto", False, plain, is_large=True) == planned(
        load_target("x86-cpu"), "auto", False, plain
    ), "without a composed form the others stand"


def test_of_a_large_network_that_nothing_times_here_the_rest_of_int8_is_in_float16():
    assert planned(load_target("rtx-40"), "int8", True, is_large=True) == [
        "tensorrt-rtx-phase-int8-fp16",
        "tensorrt-rtx-phase-int8-outputs-fp16",
    ]


def test_a_network_without_choices_has_one_form():
    graphs = ["native", "native-nhwc", "phase-nhwc"]
    assert planned(load_target("jetson-orin"), "int8", False, graphs) == ["tensorrt-native-int8"]
    assert planned(load_target("mobile"), "fp32", False, graphs) == ["litert-phase-nhwc-fp32"]
    assert planned(load_target("mobile"), "fp32", False, graphs, formulation="native") == ["litert-native-nhwc-fp32"]


def test_weights_of_four_bits_stand_beside_those_of_eight_where_they_run(bfloat16):
    found, notes = planning.plans(load_target("x86-cpu"), "int8", GRAPHS, (), weight_bits=4)
    narrow = [plan.name for plan in found if plan.weight_bits == 4]
    assert narrow == ["litert-phase-nhwc-int8-w4", "litert-auto-int8-w4"]
    assert [note.split(":")[0] for note in notes] == [
        "no 4-bit weights on onnxruntime",
        "no 4-bit weights on openvino",
    ]


def nothing(**changed):
    """A target of the backend without a vendor."""
    settings = {"runtimes": ("null",), "precisions": ("int8", "fp32"), "runs_here": True} | changed
    return Target(name="nothing", description="", **settings)


def test_planning_needs_no_vendor():
    assert planned(nothing(), "auto", True) == [
        "null-native-int8",
        "null-phase-int8",
        "null-native-fp32",
        "null-phase-fp32",
    ]


def test_what_cannot_be_planned_is_told(monkeypatch):
    monkeypatch.setattr(type(builder("null")), "variants", lambda *_: ())
    with pytest.raises(TargetError, match="no backend of nothing runs int8"):
        planned(nothing(), "int8", False)
    from edgegan.compress.backends.contract import Requirement

    monkeypatch.setattr(type(builder("null")), "requirement", Requirement("no-such-package", "no_such", "void"))
    with pytest.raises(MissingPackageError, match=r"edgegan\[void\]"):
        planned(nothing(), "int8", False)
    with pytest.raises(ArtifactError, match="there is no backend 'nil'"):
        planned(nothing(runtimes=("nil",)), "int8", False)


def test_names_tell_sets_of_layers_apart():
    layers = [Layer(i, f"conv2d_{i}", "conv2d", (1,), 1, (1, 1)) for i in range(4)]
    plan = Plan(
        backend="litert",
        formulation="auto",
        precision="int8",
        raised_layers=frozenset(layers[1:3]),
        rest_precision="int16",
    )
    other = Plan(
        backend="litert",
        formulation="auto",
        precision="int8",
        raised_layers=frozenset(layers[:2]),
        rest_precision="int16",
    )
    assert plan.name == "litert-auto-int8-mixed2-3a31-int16" and other.name != plan.name
    assert plan.exceptions == {"conv2d_1": "int16", "conv2d_2": "int16"}
    assert (
        graph_name("litert", "auto", "int8") == "auto-litert-int8" and graph_name("litert", "phase", "int8") == "phase"
    )
