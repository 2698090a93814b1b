"""The service under pressure, and what it says of itself: real servers, real sockets, a real browser."""

import http.client
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from edgegan.runtime import load
from tests.browser import browser, needs_browser, watched
from tests.conftest import LATENT, PHOTO, make_null
from tests.media.test_run import larger, picture, whole

__all__ = ["larger"]


@contextmanager
def serving(artifact, *options):
    process = subprocess.Popen(
        [sys.executable, "-m", "edgegan.cli.app", "serve", str(artifact), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield re.search(r"http://\S+", process.stdout.readline())[0], process
    finally:
        process.kill()
        process.communicate()


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status, answer.read().decode()


def post(url, body):
    """Status, headers and body, whatever the status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()


def ready(url):
    end = time.time() + 30
    while time.time() < end:
        try:
            if get(url + "ready")[0] == 200:
                return
        except urllib.error.HTTPError as refused:
            assert refused.code == 503 and refused.headers["Retry-After"]
        time.sleep(0.05)
    raise AssertionError("never ready")


def test_many_clients_get_their_own_pictures_or_are_told_to_come_again(tmp_path):
    artifact = make_null(tmp_path / "g.null", LATENT)
    answers = []
    with serving(artifact, "--workers", "2", "--max-waiting", "40") as (url, _):
        ready(url)

        def ask(seed):
            for turn in range(5):
                answers.append((seed, *post(url + "images", json.dumps({"count": 8, "seed": seed + turn}).encode())))

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(40)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        _, told = get(url + "metrics")
    statuses = {status for _, status, _, _ in answers}
    assert statuses <= {200, 503} and 200 in statuses and len(answers) == 200
    assert all(headers["retry-after"] == "1" for _, status, headers, _ in answers if status == 503)
    counted = {name: float(value) for name, value in re.findall(r"^(edgegan\S+) (\S+)$", told, re.M)}
    done = sum(1 for _, status, _, _ in answers if status == 200)
    assert counted['edgegan_requests_total{path="/images",status="200"}'] == done
    assert counted["edgegan_refused_total"] == 200 - done and counted["edgegan_waiting_pictures"] == 0
    assert counted["edgegan_batch_pictures_sum"] >= 8 * done and counted["edgegan_workers"] == 2
    assert counted["edgegan_batch_wait_seconds"] == 0.002


def test_requests_that_come_together_are_each_answered_as_alone(tmp_path, dcgan_graph):
    from tests.artifacts import artifact as real

    made = real("onnxruntime", tmp_path, dcgan_graph)
    with load(made) as gen:
        wanted = [gen.sample(1, seed=seed)[0] for seed in range(24)]
    found = {}
    with serving(made) as (url, _):
        ready(url)

        def ask(seed):
            found[seed] = post(url + "images", json.dumps({"seed": seed}).encode())

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(24)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for seed, (status, _, body) in found.items():
        assert status == 200
        with Image.open(io.BytesIO(body)) as image:
            assert np.array_equal(np.asarray(image), wanted[seed])


def test_a_photograph_of_any_size(larger):
    pixels = picture(90, 61)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    with serving(larger) as (url, _):
        status, _, body = post(url + "image", buffer.getvalue())
        assert status == 200
        with Image.open(io.BytesIO(body)) as image:
            assert np.abs(np.asarray(image).astype(int) - whole(pixels)).max() <= 1
        with Image.open(io.BytesIO(post(url + "image?fit=crop", buffer.getvalue())[2])) as image:
            assert image.size == (48, 48)
        status, _, body = post(url + "image?fit=stretch", buffer.getvalue())
        assert status == 422 and "--fit stretch" in json.loads(body)["error"]


def test_limits(tmp_path, larger):
    with serving(larger, "--max-mib", "1", "--timeout", "1", "--max-megapixels", "0.01") as (url, _):
        port = int(re.search(r":(\d+)/", url)[1])
        assert post(url + "image", b"x" * (2 << 20))[0] == 413
        buffer = io.BytesIO()
        Image.fromarray(picture(90, 61)).save(buffer, "PNG")
        status, _, body = post(url + "image", buffer.getvalue())
        assert status == 413 and "megapixels" in json.loads(body)["error"]
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            slow.settimeout(20)
            assert b" 408 " in slow.recv(100)
        for body in (
            b"[" * 100_000,
            b'{"count": 1e999}',
            b'{"seed": -1}',
            b'{"truncation": "x"}',
            b'{"fixed": {"seed": 1}}',
        ):
            assert post(url + "images", body)[0] == 422
        assert get(url + "health") == (200, '{"status":"ok"}')


def test_a_connection_that_is_cut_harms_nobody(tmp_path):
    with serving(make_null(tmp_path / "g.null", LATENT)) as (url, _):
        ready(url)
        port = int(re.search(r":(\d+)/", url)[1])
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", port)) as cut:
                cut.sendall(b'POST /images HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"count": 64')
        assert post(url + "images", b"{}")[0] == 200


def test_answers_do_not_wait_for_an_acknowledgement(tmp_path):
    """Forty milliseconds an answer is what a listening socket without a named protocol costs."""
    with serving(make_null(tmp_path / "g.null", LATENT)) as (url, _):
        ready(url)
        connection = http.client.HTTPConnection("127.0.0.1", int(re.search(r":(\d+)/", url)[1]))
        times = []
        for _ in range(20):
            began = time.monotonic()
            connection.request("POST", "/images", body=b"{}")
            connection.getresponse().read()
            times.append(time.monotonic() - began)
        connection.close()
    assert min(times) < 0.03


def test_what_the_service_says_of_itself(tmp_path):
    with serving(make_null(tmp_path / "g.null", PHOTO), "--log") as (url, process):
        ready(url)
        described = json.loads(get(url + "openapi.json")[1])
        assert described["openapi"].startswith("3.1") and set(described["paths"]) >= {"/images", "/image", "/metrics"}
        assert "POST /images" in get(url + "docs")[1]
        post(url + "images", b"{")
        process.terminate()
        lines = [json.loads(line) for line in process.communicate()[1].splitlines() if line.startswith("{")]
    last = next(line for line in lines if line["path"] == "/images")
    assert last["status"] == 422 and last["method"] == "POST" and last["ms"] > 0


@needs_browser
@pytest.mark.parametrize("spec", [LATENT, PHOTO], ids=["samples", "pictures"])
def test_the_page_in_a_browser(tmp_path, spec):
    with serving(make_null(tmp_path / "g.null", spec)) as (url, _), browser() as chromium:
        for look in ({}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}):
            with watched(chromium, **look) as seen:
                seen.page.goto(url)
                seen.page.wait_for_function("document.getElementById('what').textContent.includes('tiny')")
                if spec is LATENT:
                    seen.page.get_by_role("button", name="Draw").click()
                else:
                    Image.fromarray(picture()).save(tmp_path / "a.png")
                    seen.page.set_input_files("input[type=file]", str(tmp_path / "a.png"))
                    seen.page.get_by_role("button", name="Translate").click()
                seen.page.wait_for_selector("#result:not([hidden])")
                assert seen.violations() == [] and seen.errors == [] and seen.foreign(url) == []
                seen.page.goto(url + "docs")
                assert seen.violations() == [] and seen.foreign(url) == []


def test_a_token_is_asked_for_where_one_is_set(tmp_path):
    artifact = make_null(tmp_path / "g.null", LATENT)

    def asked(url, path, **headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers), timeout=30) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers

    with serving(artifact, "--token", "geheim") as (url, _):
        ready(url)
        assert asked(url, "")[0] == asked(url, "health")[0] == 200
        for path in ("manifest", "metrics", "docs", "openapi.json", "nowhere"):
            code, headers = asked(url, path)
            assert code == 401 and headers["WWW-Authenticate"] == "Bearer"
            assert asked(url, path, Authorization="Bearer falsch")[0] == 401
            assert asked(url, path, Authorization="Bearer geheim")[0] == (404 if path == "nowhere" else 200)
        code, _, body = post(url + "images", b"{}")
        assert code == 401 and b"Authorization: Bearer TOKEN" in body


@needs_browser
def test_the_page_takes_the_token_from_its_address(tmp_path):
    artifact = make_null(tmp_path / "g.null", LATENT)
    with serving(artifact, "--token", "geheim") as (url, _), browser() as chromium:
        ready(url)
        with watched(chromium) as seen:
            seen.page.goto(url + "#token=geheim")
            seen.page.wait_for_function("document.getElementById('what').textContent.includes('null')")
            seen.page.get_by_role("button", name="Draw").click()
            seen.page.wait_for_selector("#result:not([hidden])")
            assert seen.page.inner_text("#told") == "" and seen.errors == []
        with watched(chromium) as seen:
            seen.page.goto(url)
            seen.page.wait_for_function("document.getElementById('told').textContent.includes('asks for its token')")
            assert seen.page.locator("#result:not([hidden])").count() == 0
