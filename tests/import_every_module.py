"""Import every module and predict without any optional package; for tox -e core."""

from __future__ import annotations

import importlib
import importlib.util
import io
import pkgutil
import sys
import tempfile
from pathlib import Path

import soundfile

import skheart
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds

EXTRAS = ("av", "fsspec", "matplotlib", "onnxruntime", "pandas", "tf2onnx")


def run() -> None:
    """Exit with a message if an import, a command or an error message is wrong."""
    installed = [name for name in EXTRAS if importlib.util.find_spec(name)]
    if installed:
        sys.exit(f"Run this without optional packages; found {', '.join(installed)}.")
    names = [
        module.name for module in pkgutil.walk_packages(skheart.__path__, "skheart.")
    ]
    for name in names:
        importlib.import_module(name)
    path = str(Path(tempfile.mkdtemp()) / "sound.wav")
    soundfile.write(path, make_heart_sounds(1, random_state=0).data[0], 2000)
    if main(["predict", path]):
        sys.exit("skheart predict failed without optional packages.")
    calls = {
        "skheart[onnx]": lambda: skheart.OnnxClassifier(path).predict([path]),
        "skheart[plot]": lambda: skheart.SpectrogramDisplay.from_recording(path).plot(),
        "skheart[remote]": lambda: skheart.read_recording("memory://a.wav"),
    }
    for extra, call in calls.items():
        try:
            call()
        except ImportError as error:
            if extra in str(error):
                continue
        sys.exit(f"No ImportError named {extra}, which is needed.")
    phone = io.BytesIO(b"\0\0\0\x14ftypM4A ")
    try:
        skheart.read_recording(phone)
    except skheart.RecordingError as error:
        if "skheart[formats]" not in str(error):
            sys.exit(f"This error does not name skheart[formats]: {error}")
    print(f"{len(names)} modules imported without optional packages")


if __name__ == "__main__":
    run()
