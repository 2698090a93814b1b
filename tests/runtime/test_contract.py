"""One contract over every backend that this machine can execute."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from edgegan.core.backends import BACKENDS
from edgegan.core.errors import ArtifactError, DeviceError, GeneratorError, MissingPackageError, UsageError
from edgegan.core.manifest import describe, write_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.models import cgan
from edgegan.runtime import load
from tests.artifacts import EXECUTED, artifact
from tests.conftest import LATENT, PHOTO, make_null
from tests.subjects import TinyCyclegan, TinyDcgan, randomized


@pytest.fixture(scope="module")
def dcgan_at_two():
    return capture(randomized(TinyDcgan()), LATENT, batch=2)


@pytest.fixture(scope="module", params=EXECUTED)
def latent(request, tmp_path_factory, dcgan_at_two):
    return artifact(request.param, tmp_path_factory.mktemp(request.param), dcgan_at_two)


def test_it_computes_what_the_network_computes(latent, dcgan_at_two):
    z = np.random.default_rng(0).standard_normal((5, 8, 1, 1)).astype(np.float32)
    with load(latent, threads=1) as gen:
        got = gen.run({"z": z})["image"]
    assert got.shape == (5, 3, 16, 16) and got.dtype == np.float32
    if gen.manifest.backend != "null":
        np.testing.assert_allclose(got, dcgan_at_two.run({"z": z}), atol=1e-4)


def test_results_are_the_callers_own(latent):
    with load(latent) as gen:
        z = np.random.default_rng(0).standard_normal((4, 8, 1, 1)).astype(np.float32)
        first = gen.run({"z": z[:2]})["image"]
        kept = first.copy()
        gen.run({"z": z[2:]})
        assert (first == kept).all()


def test_a_seed_is_a_picture(latent):
    with load(latent) as gen:
        a, b, c = gen.sample(3, seed=5), gen.sample(3, seed=5), gen.sample(5, seed=5)
    assert (
        a.dtype == np.uint8
        and a.shape == (3, 16, 16, 3)
        and (a == b).all()
        and (np.abs(a.astype(int) - c[:3]) <= 1).all()
    )


@pytest.mark.parametrize(
    "inputs,told",
    [
        ({"z": np.zeros((2, 9, 1, 1), np.float32)}, "9.*8"),
        ({"z": np.zeros((3, 8), np.float32)}, "shape"),
        ({}, "missing"),
        ({"z": np.zeros((2, 8, 1, 1), np.float32), "w": np.zeros(1)}, "'w'"),
        ({"z": np.zeros((0, 8, 1, 1), np.float32)}, "at least 1"),
    ],
)
def test_mistakes_are_named(latent, inputs, told):
    with load(latent) as gen, pytest.raises(UsageError, match=told):
        gen.run(inputs)


def test_other_dtypes_and_layouts_in_memory_are_converted(latent):
    z = np.random.default_rng(0).standard_normal((2, 8, 1, 1))
    with load(latent) as gen:
        wanted = gen.run({"z": z.astype(np.float32)})["image"]
        assert np.allclose(gen.run({"z": z})["image"], wanted)
        assert np.allclose(gen.run({"z": np.asfortranarray(z.astype(np.float32))})["image"], wanted)


def test_a_closed_generator_says_so(latent):
    gen = load(latent)
    gen.close()
    gen.close()
    with pytest.raises(UsageError, match="closed"):
        gen.sample(1)


def test_two_generators_live_side_by_side(latent):
    with load(latent) as a, load(latent) as b:
        assert (np.abs(a.sample(2, seed=1).astype(int) - b.sample(2, seed=1)) <= 1).all()


def test_it_runs_in_another_thread(latent):
    with load(latent) as gen:
        found = []
        thread = threading.Thread(target=lambda: found.append(gen.sample(1, seed=3)))
        thread.start()
        thread.join()
        assert (np.abs(found[0].astype(int) - gen.sample(1, seed=3)) <= 1).all()


def test_threads_that_share_one_do_not_disturb_each_other(latent):
    with load(latent) as gen:
        inputs = [gen.sample_inputs(1, seed=seed) for seed in range(4)]
        wanted = [gen.images(given) for given in inputs]
        wrong = []

        def draw(index):
            for _ in range(50):
                if not np.allclose(gen.images(inputs[index]), wanted[index], atol=1e-5):
                    wrong.append(index)

        threads = [threading.Thread(target=draw, args=(index,)) for index in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not wrong


@pytest.mark.parametrize("backend", EXECUTED[1:])
def test_a_broken_file_with_a_true_hash_is_an_artifact_error(backend, tmp_path):
    path = tmp_path / f"g{BACKENDS[backend].suffix}"
    path.write_bytes(b"not an artifact" * 20)
    write_manifest(
        path,
        describe(
            artifact=path,
            backend=backend,
            backend_version="x",
            target="x86-cpu",
            precision="fp32",
            spec=LATENT,
            output_shape=(3, 16, 16),
            batch=1,
            model="m",
            weights_sha256="0",
            build={},
        ),
    )
    with pytest.raises(ArtifactError, match=path.name):
        load(path)


@pytest.mark.parametrize("backend", ["tensorrt-rtx", "tensorrt"])
def test_a_plan_without_a_driver_says_so_in_one_sentence(backend, tmp_path):
    from edgegan.runtime.cuda import require_driver

    try:
        require_driver()
    except DeviceError:
        pass
    else:
        pytest.skip("this machine has an NVIDIA driver")
    path = tmp_path / "g.plan"
    path.write_bytes(b"plan")
    write_manifest(
        path,
        describe(
            artifact=path,
            backend=backend,
            backend_version="x",
            target="rtx-40",
            precision="fp16",
            spec=LATENT,
            output_shape=(3, 16, 16),
            batch=1,
            model="m",
            weights_sha256="0",
            build={"compute_capability": "8.9"},
        ),
    )
    with pytest.raises((DeviceError, MissingPackageError), match="driver") as caught:
        load(path)
    assert caught.value.exit_code in (5, 8) and "\n" not in str(caught.value)


@pytest.mark.gpu
def test_a_plan_runs_on_a_gpu(tmp_path, dcgan_at_two):
    from edgegan.core.files import write_bytes
    from edgegan.export.tensorrt.device import build_device_engine
    from edgegan.runtime.cuda import require_driver

    try:
        require_driver()
    except DeviceError as exc:
        pytest.skip(f"needs an NVIDIA GPU: {exc}")
    onnx = export_onnx(dcgan_at_two, tmp_path / "graph.onnx")
    engine = build_device_engine(onnx, "fp32")
    write_bytes(tmp_path / "g.plan", engine.plan)
    write_manifest(
        tmp_path / "g.plan",
        describe(
            artifact=tmp_path / "g.plan",
            backend="tensorrt",
            backend_version="x",
            target="desktop-gpu",
            precision="fp32",
            spec=LATENT,
            output_shape=(3, 16, 16),
            batch=2,
            model="m",
            weights_sha256="0",
            build=engine.manifest({}),
        ),
    )
    z = np.random.default_rng(0).standard_normal((2, 8, 1, 1)).astype(np.float32)
    with load(tmp_path / "g.plan") as gen:
        np.testing.assert_allclose(gen.run({"z": z})["image"], dcgan_at_two.run({"z": z}), atol=1e-2)


def test_images_go_in_and_out(tmp_path):
    graph = capture(randomized(TinyCyclegan()), PHOTO)
    photo = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with load(artifact("onnxruntime", tmp_path, graph)) as gen:
        one, many = gen(image=photo[0]), gen(image=photo)
        assert one.shape == (16, 16, 3) and many.shape == (3, 16, 16, 3) and (one == many[0]).all()
        with pytest.raises(UsageError, match="uint8"):
            gen(image=photo.astype(np.float32))


def test_classes_are_chosen_by_index(tmp_path):
    spec = GeneratorSpec(inputs=(*LATENT.inputs, TensorSpec(name="y", kind="onehot", shape=(4,), classes=4)))
    with load(make_null(tmp_path / "g.null", spec)) as gen:
        assert gen.sample(2, y=3).shape == (2, 16, 16, 3)
        with pytest.raises(UsageError, match=r"0\.\.3"):
            gen.sample(2, y=4)
        with pytest.raises(UsageError, match="no input 'q'"):
            gen.sample(2, q=1)


def test_importing_the_runtime_is_light():
    blocked = (
        "torch",
        "onnx",
        "onnxruntime",
        "openvino",
        "ai_edge_litert",
        "litert_torch",
        "tensorrt",
        "tensorrt_rtx",
        "torchao",
        "jax",
        "tensorflow",
        "typer",
        "rich",
    )
    code = f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\nimport edgegan.runtime"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).returncode == 0


def test_a_missing_vendor_library_names_its_extra(tmp_path, dcgan_at_two):
    path = artifact("onnxruntime", tmp_path, dcgan_at_two)
    code = (
        "import sys; sys.modules['onnxruntime'] = None\nfrom edgegan.runtime import load, "
        f"MissingPackageError\ntry: load({str(path)!r})\nexcept MissingPackageError as e: print(e)"
    )
    assert "edgegan[onnxruntime]" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout


def test_errors_of_load_have_one_root():
    assert (
        issubclass(ArtifactError, GeneratorError)
        and issubclass(MissingPackageError, GeneratorError)
        and issubclass(DeviceError, GeneratorError)
    )


@pytest.mark.parametrize("backend", EXECUTED)
def test_an_artifact_that_ends_in_pixels_samples_the_same_pictures(backend, tmp_path, dcgan_at_two):
    (tmp_path / "float").mkdir()
    plain = load(artifact(backend, tmp_path / "float", dcgan_at_two), threads=1)
    with load(artifact(backend, tmp_path, dcgan_at_two, pixels=True), threads=1) as gen:
        got, wanted = gen.sample(5, seed=4), plain.sample(5, seed=4)
        z = np.random.default_rng(0).standard_normal((2, 8, 1, 1)).astype(np.float32)
        assert gen.run({"z": z})["image"].dtype == np.uint8 and gen.run({"z": z})["image"].shape == (2, 16, 16, 3)
        assert np.abs(gen.images({"z": z}) - plain.images({"z": z})).max() <= 1.01 / 255
    assert got.dtype == np.uint8 and np.abs(got.astype(int) - wanted).max() <= 1 and (got == wanted).mean() > 0.99


def test_a_class_index_reaches_every_backend(tmp_path):
    """LiteRT keeps labels in 32 bits, the others in 64."""
    torch.manual_seed(0)
    spec = GeneratorSpec(
        inputs=(
            TensorSpec(name="z", kind="latent", shape=(8,)),
            TensorSpec(name="label", kind="label", shape=(), classes=10),
        )
    )
    graph = capture(cgan.Generator(latent=8, embedding=4, features=4, size=8).eval(), spec)
    wanted = graph.run(sample_inputs(spec.inputs, 3, 1))
    for backend in EXECUTED[1:]:
        with load(artifact(backend, tmp_path, graph), threads=1) as gen:
            np.testing.assert_allclose(gen.run(sample_inputs(spec.inputs, 3, 1))["image"], wanted, atol=1e-4)
            assert gen.sample(2, seed=0, label=7).shape == (2, 8, 8, 1)


def test_a_prepared_call_computes_the_same_without_copies(latent):
    with load(latent, threads=1) as gen:
        inputs = sample_inputs(gen.inputs, gen.batch, 0)
        before = gen.run(inputs)["image"]
        prepared = gen.prepare(inputs)
        for _ in range(3):
            prepared.call()
        assert prepared.device_ms is None
        assert np.array_equal(gen.run(inputs)["image"], before)
        with pytest.raises(UsageError, match="has shape"):
            gen.prepare({"z": inputs["z"][:1]})
