"""Test ``skheart export``."""

import pytest

from skheart.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing to write"),
        (["--onnx", "a.tflite"], "--onnx must name a file that ends in .onnx"),
        (["--litert", "a"], "--litert must name a file that ends in .tflite"),
        (["--onnx", "z", "--litert", "z"], "must name a file that ends in"),
        (["--onnx", "a.onnx", "--half"], "--half is for --litert only"),
        (["--onnx", "a.onnx", "--duration", "5"], "--duration is for --litert"),
        (["--onnx", "a.onnx", "--calibration", "x"], "--calibration is for --litert"),
        (
            ["--litert", "a.tflite", "--calibration", "x.wav"],
            "--calibration needs --part network",
        ),
        (["--onnx", "there.onnx"], "'there.onnx' exists; pass --force"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.onnx").write_text("mine")
    assert main(["export", "--model", "murmur", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_text() == "mine"
