"""Import every module where none of the extras is installed; run by tox -e core."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import tempfile
from pathlib import Path

import soundfile

import skheart
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds

EXTRAS = ("fsspec", "matplotlib", "onnxruntime", "pandas", "tf2onnx")


def run() -> None:
    """Raise where a module cannot be imported, or a lack is not explained."""
    there = [name for name in EXTRAS if importlib.util.find_spec(name)]
    if there:
        sys.exit(f"{', '.join(there)} installed: this says nothing about the core.")
    names = [
        module.name for module in pkgutil.walk_packages(skheart.__path__, "skheart.")
    ]
    for name in names:
        importlib.import_module(name)
    for name in skheart.__all__:
        getattr(skheart, name)
    path = str(Path(tempfile.mkdtemp()) / "sound.wav")
    soundfile.write(path, make_heart_sounds(1, random_state=0).data[0], 2000)
    if main(["predict", path]):
        sys.exit("skheart predict needs an extra.")
    lacks = {
        "skheart[onnx]": lambda: skheart.OnnxClassifier(path).predict([path]),
        "skheart[plot]": lambda: skheart.SpectrogramDisplay.from_recording(path).plot(),
        "skheart[remote]": lambda: skheart.read_recording("memory://a.wav"),
    }
    for extra, call in lacks.items():
        try:
            call()
        except ImportError as error:
            if extra in str(error):
                continue
        sys.exit(f"It is not said that {extra} has to be installed.")
    print(f"{len(names)} modules imported without extras")


if __name__ == "__main__":
    run()
