"""Signatures that OpenSSL's own program makes and checks, and artifacts that others signed, or nobody."""

import base64
import json
import shutil
import subprocess

import pytest

pytest.importorskip("cryptography")
from edgegan.cli.app import run
from edgegan.core.errors import ArtifactError, UsageError
from edgegan.core.manifest import copy_artifact, manifest_path, read_manifest, signature_path
from edgegan.core.signing import sign, verify
from edgegan.runtime import load

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program here")


@pytest.fixture
def keys(tmp_path):
    """A private key and its public half, as openssl makes them."""

    def make(name, algorithm="ed25519"):
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}-public.pem"
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", algorithm, "-out", private], check=True, capture_output=True
        )
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
        return private, public

    return make


@needs_openssl
def test_openssl_takes_our_signature_and_we_take_openssls(null_artifact, keys, tmp_path):
    private, public = keys("ours")
    raw = tmp_path / "raw.sig"
    raw.write_bytes(base64.b64decode(sign(null_artifact, private).read_bytes()))
    check = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", raw, "-in"]
    subprocess.run([*check, manifest_path(null_artifact)], check=True)
    command = [
        "openssl",
        "pkeyutl",
        "-sign",
        "-rawin",
        "-inkey",
        private,
        "-out",
        raw,
        "-in",
        manifest_path(null_artifact),
    ]
    subprocess.run(command, check=True)
    signature_path(null_artifact).write_bytes(base64.b64encode(raw.read_bytes()))
    verify(null_artifact, public)
    with load(null_artifact, key=public) as generator:
        copy_artifact(generator.manifest, tmp_path / "copy")
    verify(tmp_path / "copy" / null_artifact.name, public)


@needs_openssl
def test_what_was_changed_or_signed_by_others_or_nobody_is_refused(null_artifact, keys):
    (private, public), (_, other) = keys("ours"), keys("theirs")
    with pytest.raises(ArtifactError, match="is not signed"):
        load(null_artifact, key=public)
    sign(null_artifact, private)
    with pytest.raises(ArtifactError, match="was not signed by the key"):
        load(null_artifact, key=other)
    path = manifest_path(null_artifact)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "another"}))
    assert read_manifest(null_artifact).content["model"] == "another", "hashes alone do not say who made it"
    with pytest.raises(ArtifactError, match="or its manifest was changed"):
        load(null_artifact, key=public)
    signature_path(null_artifact).write_text("nonsense")
    assert run(["inspect", str(null_artifact), "--key", str(public)]) == 6


@needs_openssl
def test_keys_of_other_kinds_are_refused(null_artifact, keys, tmp_path):
    private, public = keys("ours")
    rsa, _ = keys("rsa", "RSA")
    for key, told in (
        (public, "no private key"),
        (rsa, "no Ed25519 key; make one"),
        (tmp_path / "none.pem", "No such file"),
        (null_artifact, "no private key"),
    ):
        with pytest.raises(UsageError, match=told):
            sign(null_artifact, key)
    sign(null_artifact, private)
    with pytest.raises(UsageError, match="no public key"):
        verify(null_artifact, private)
    wanted = ["compress", "--target", "mobile", "--sign", str(public), "--out", str(tmp_path / "out")]
    assert run(wanted) == 2 and not (tmp_path / "out").exists(), "said before anything is loaded"
