"""Test that TensorFlow starts without messages, unless the user wants them."""

import os
import subprocess
import sys

STARTING = """
import os, sys
import skheart.neural
os.write(2, b"before\\n")
{more}
from skheart import CNNClassifier
assert "tensorflow" in sys.modules
"""
INSIDE = """
import threading, time
def write():
    while "tensorflow.python" not in sys.modules:
        time.sleep(0.001)
    os.write(2, b"I am not TensorFlow\\n")
    done.set()
done = threading.Event()
threading.Thread(target=write).start()
"""


def messages(*, more="", level=None):
    """Return what a program writes to standard error while it starts TensorFlow."""
    variables = {**os.environ}
    variables.pop("TF_CPP_MIN_LOG_LEVEL", None)
    if level is not None:
        variables["TF_CPP_MIN_LOG_LEVEL"] = level
    done = subprocess.run(
        [sys.executable, "-c", STARTING.format(more=more)],
        capture_output=True,
        text=True,
        env=variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_nothing_of_tensorflow_is_written():
    assert messages() == "before\n"


def test_what_others_write_meanwhile_is_kept():
    assert messages(more=INSIDE) == "before\nI am not TensorFlow\n"


def test_the_user_can_have_the_messages():
    assert "oneDNN" in messages(level="0")


def test_a_package_that_fails_to_start_says_why(tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'a native message\\n')\n"
        "raise ImportError('not on this machine')\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", "import skheart.neural, tensorflow"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("a native message\n")
    assert "not on this machine" in done.stderr
