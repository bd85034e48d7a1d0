"""Test the HTTP interface of ``skheart serve``, as a program would use it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from skheart.cli.main import main
from skheart.report import describe_recording, description_schema

WEB = 'tox -e web runs these tests: they need "skheart[web]" and httpx'
pytest.importorskip("gradio", reason=WEB)
httpx = pytest.importorskip("httpx", reason=WEB)


def post(server, name, content, **others):
    return httpx.post(
        f"{server.address}/api/describe",
        files={"recording": (name, content)},
        timeout=120,
        **others,
    )


def test_health(server):
    answer = httpx.get(f"{server.address}/healthz").json()
    assert answer["status"] == "ok"
    assert answer["model"] == "murmur"
    assert answer["hash"].startswith("sha256:")


def test_the_answer_is_that_of_python(server, heart):
    answer = post(server, Path(heart).name, Path(heart).read_bytes())
    assert answer.status_code == 200
    found = answer.json()
    jsonschema.validate(found, description_schema())
    expected = json.loads(json.dumps(describe_recording("murmur", heart).as_dict()))
    assert found["file"] == Path(heart).name
    assert found["answer"] == expected["answer"]
    for name, value in expected["probabilities"].items():
        assert found["probabilities"][name] == pytest.approx(value, abs=1e-5)
    assert found["phases"] == expected["phases"]


def test_bad_input_gets_the_sentence_of_the_command_line(server, tmp_path, capsys):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 2000)
    for name in ("empty.wav", "text.wav", "silent.wav"):
        path = tmp_path / name
        answer = post(server, name, path.read_bytes())
        assert answer.status_code == 422
        main(["predict", "--format", "json", str(path)])
        (said,) = json.loads(capsys.readouterr().out)
        assert answer.json()["error"] == said["error"].replace(f"{tmp_path}/", "")
        assert str(server.folder) not in answer.text


def test_a_request_without_a_file_says_how(server):
    answer = httpx.post(f"{server.address}/api/describe", data={"location": "AV"})
    assert answer.status_code == 400
    assert 'form field "recording"' in answer.json()["error"]
    answer = httpx.post(f"{server.address}/api/describe", content=b"x")
    assert answer.status_code == 400


def test_location_and_prevalence(server, heart):
    content = Path(heart).read_bytes()
    answer = post(server, "a.wav", content, data={"location": "MV"})
    assert answer.json()["location"] == "MV"
    answer = post(server, "a.wav", content, data={"location": "toe"})
    assert answer.status_code == 422
    assert "location must be one of" in answer.json()["error"]
    answer = post(server, "a.wav", content, data={"prevalence": "many"})
    assert answer.status_code == 400


def test_names_of_files_do_not_leave_the_folder(server, heart):
    content = Path(heart).read_bytes()
    answer = post(server, "../../../etc/../a b;<c>.wav", content)
    assert answer.json()["file"] == "a b__c_.wav"


def test_twenty_at_once_and_nothing_is_kept(server, heart):
    content = Path(heart).read_bytes()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: post(server, f"{n}.wav", content), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert sorted(answer.json()["file"] for answer in answers) == sorted(
        f"{n}.wav" for n in range(20)
    )
    kept = [path for path in server.folder.rglob("*.wav") if path.stem.isdigit()]
    assert kept == []


def test_other_hosts_are_refused(server):
    answer = httpx.get(f"{server.address}/healthz", headers={"host": "evil.example"})
    assert answer.status_code == 421


def test_nothing_may_be_loaded_from_outside(server):
    policy = httpx.get(f"{server.address}/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_limits(start, tmp_path_factory, heart):
    folder = tmp_path_factory.mktemp("limits")
    limited = start(folder, "--max-size", "0.2", "--max-duration", "3")
    try:
        large = post(limited, "a.wav", os.urandom(400_000))
        assert large.status_code == 413
        assert "larger than 0.2 MB" in large.json()["error"]
        long = post(limited, "a.flac", Path(heart).read_bytes())
        assert long.status_code == 413
        assert "'a.flac' is longer than 3 seconds" in long.json()["error"]
    finally:
        limited.stop()
    assert list(folder.iterdir()) == []


def test_an_open_address_needs_a_password(start, tmp_path_factory, monkeypatch, capsys):
    monkeypatch.delenv("SKHEART_PASSWORD", raising=False)
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "SKHEART_PASSWORD" in capsys.readouterr().err
    folder = tmp_path_factory.mktemp("open")
    guarded = start(folder, "--host", "0.0.0.0", password="sesame")
    try:
        address = guarded.address.replace("0.0.0.0", "127.0.0.1")
        for name in ("/healthz", "/", "/api/describe", "/gradio_api/info"):
            assert httpx.get(f"{address}{name}").status_code == 401
            wrong = httpx.get(f"{address}{name}", auth=("any", "wrong"))
            assert wrong.status_code == 401
        right = httpx.get(f"{address}/healthz", auth=("any", "sesame"))
        assert right.status_code == 200
    finally:
        guarded.stop()


def test_a_port_that_is_in_use(server, capsys):
    port = server.address.rsplit(":", 1)[1]
    assert main(["serve", "--port", port]) == 2
    assert f"port {port}" in capsys.readouterr().err
