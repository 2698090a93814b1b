"""What is changed of the exporter's ways changes none of what it makes."""

from onnxscript.rewriter._matcher import SimplePatternMatcher

from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import TENSORRT
from tests.conftest import PHOTO
from tests.export.inputs import calibration
from tests.subjects import TinyResidual, randomized


def test_patterns_of_several_ends_are_looked_for_as_before(tmp_path, monkeypatch):
    graph = capture(randomized(TinyResidual()), PHOTO)
    quantized = pt2e.quantize(graph, TENSORRT, calibration(graph)).value
    files = [
        export_onnx(each, tmp_path / f"{name}.onnx").read_bytes() for name, each in (("f", graph), ("q", quantized))
    ]
    monkeypatch.setattr(SimplePatternMatcher, "match", SimplePatternMatcher.match.__wrapped__)
    again = [
        export_onnx(each, tmp_path / f"{name}2.onnx").read_bytes() for name, each in (("f", graph), ("q", quantized))
    ]
    assert again == files
