import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgegan.core.errors import ArtifactError, GeneratorError
from edgegan.core.manifest import manifest_path, read_manifest


def test_what_was_written_is_read(null_artifact):
    manifest = read_manifest(null_artifact)
    assert manifest.backend == "null" and manifest.spec.inputs[0].shape == (8, 1, 1) and manifest.batch == 1
    assert manifest.content["outputs"][0]["shape"][0] is None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_flipped_byte_of_the_artifact_is_noticed(null_artifact, data):
    whole = null_artifact.read_bytes()
    index, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    null_artifact.write_bytes(whole[:index] + bytes([whole[index] ^ (1 << bit)]) + whole[index + 1 :])
    with pytest.raises(ArtifactError, match="damaged"):
        read_manifest(null_artifact)
    null_artifact.write_bytes(whole)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_mangled_manifest_is_an_error_of_ours_or_harmless(null_artifact, data):
    path = manifest_path(null_artifact)
    content = json.loads(path.read_text())
    before = path.read_text()
    key = data.draw(st.sampled_from(sorted(content)))
    content[key] = data.draw(
        st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2), st.just({}))
    )
    path.write_text(json.dumps(content))
    try:
        manifest = read_manifest(null_artifact)
        assert manifest.spec.inputs and manifest.output_shape is not None
    except GeneratorError:
        pass
    finally:
        path.write_text(before)


def test_a_file_outside_the_folder_is_refused(null_artifact):
    path = manifest_path(null_artifact)
    content = json.loads(path.read_text())
    content["files"].append({"name": "../secret", "sha256": "0" * 64, "bytes": 1})
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="outside"):
        read_manifest(null_artifact)
