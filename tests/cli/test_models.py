"""Test ``skheart models``."""

import json
import re

from skheart import (
    __version__,
)
from skheart.cli.main import main


def test_describes_a_model_file(model, capsys):
    assert main(["models", str(model)]) == 0
    text = capsys.readouterr().out
    assert "classes: murmur, normal" in text
    assert re.search(r"trained on: folder, \d+ recordings of \d+ patients", text)
    assert f"skheart {__version__}" in text
    assert main(["models", str(model), "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["training"]["complete"]
    assert facts["bytes"] == model.stat().st_size
    assert facts["spectrogram"]["f_max"] == 900
    assert facts["n_parameters"] > 1000


def test_describes_an_onnx_file(model, tmp_path, capsys):
    path = tmp_path / "m.onnx"
    assert main(["export", "--model", str(model), "--onnx", str(path)]) == 0
    capsys.readouterr()
    assert main(["models", str(path)]) == 0
    text = capsys.readouterr().out
    assert "classes: murmur, normal" in text
    assert "trained on: not recorded" in text
    assert f"skheart {__version__}" in text


def test_describes_thresholds(model, folders, tmp_path, capsys):
    path = str(tmp_path / "tuned.skheart")
    command = ["tune", "--model", str(model), "folder", str(folders), "-q"]
    assert main([*command, "--sensitivity", "0.9", "-o", path]) == 0
    capsys.readouterr()
    assert main(["models", path]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"answers: murmur from a probability of [\d.e-]+ on, of patients from", text
    )
    assert re.search(r"thresholds chosen on: folder, \d+ recordings of \d+ p", text)
    assert main(["models", path, "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["decision"]["chosen"]["aim"] == {"sensitivity": 0.9}
    assert [part["use"] for part in facts["training"]["parts"]] == [None, "thresholds"]
