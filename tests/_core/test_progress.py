"""Test progress bars on terminals, in pipes and in notebooks."""

import os
import pty
import re
import subprocess
import sys

import pytest

PRINTING = """
from skheart._core.progress import progress_bar
with progress_bar("Reading", total=3, unit="recordings") as advance:
    for number in range(3):
        print(f"row {number}", flush=True)
        advance()
"""


def shown_on_a_terminal(program, *, stdout):
    """Return the output of a program, and what a terminal shows of its messages."""
    ours, theirs = pty.openpty()
    try:
        target = subprocess.PIPE if stdout == "pipe" else theirs
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=target, stderr=theirs
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the last program has closed the terminal
                break
            if not part:
                break
            shown += part
        output = process.communicate()[0]
        assert process.returncode == 0, shown
    finally:
        os.close(ours)
    return (output or b"").decode(), shown.decode()


def test_a_bar_on_the_terminal_leaves_the_output_alone():
    output, shown = shown_on_a_terminal(PRINTING, stdout="pipe")
    assert output == "row 0\nrow 1\nrow 2\n"
    assert "3/3" in shown
    assert "row" not in shown


def test_output_stands_above_the_bar():
    _, shown = shown_on_a_terminal(PRINTING, stdout="terminal")
    assert [f"row {number}" in shown for number in range(3)] == [True] * 3
    assert "3/3" in shown.partition("row 2")[2]


def test_in_a_pipe_only_the_last_state_is_written():
    done = subprocess.run(
        [sys.executable, "-c", PRINTING], capture_output=True, text=True
    )
    assert done.stdout == "row 0\nrow 1\nrow 2\n"
    assert len(done.stderr.splitlines()) == 1
    assert "Reading" in done.stderr
    assert "3/3 recordings" in done.stderr


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Return a function that runs a cell in a real kernel, and returns its texts."""
    from jupyter_client.manager import start_new_kernel

    home = tmp_path_factory.mktemp("jupyter")
    variables = {**os.environ, "JUPYTER_RUNTIME_DIR": str(home), "HOME": str(home)}
    variables.update(IPYTHONDIR=str(home), JUPYTER_PLATFORM_DIRS="1")
    # In a test, ipykernel would not show what native code writes.
    for name in ("TF_CPP_MIN_LOG_LEVEL", "PYTEST_CURRENT_TEST"):
        variables.pop(name, None)
    manager, client = start_new_kernel(kernel_name="python3", env=variables)

    def run(code):
        texts = {"stdout": "", "stderr": ""}

        def collect(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts[content["name"]] += content["text"]
            assert message["msg_type"] != "error", content["traceback"]

        client.execute_interactive(code, output_hook=collect, timeout=600)
        return texts

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("default")  # of Jupyter's packages
def test_notebooks_without_widgets(notebook):
    """TensorFlow starts in the cell, and none of its messages is shown."""
    texts = notebook(
        "import sys\n"
        "sys.modules['ipywidgets'] = None  # as if it were not installed\n"
        "from skheart import CNNClassifier, SpectrogramTransformer\n"
        "from skheart.datasets import make_heart_sounds\n"
        "sounds = make_heart_sounds(8, duration=3.0, random_state=0)\n"
        "X = SpectrogramTransformer(duration=3.0).fit_transform(sounds.data)\n"
        "classifier = CNNClassifier(epochs=3, random_state=0, verbose=1)\n"
        "print(classifier.fit(X, sounds.target).predict(X).shape)\n"
    )
    assert texts["stdout"] == "(8,)\n"
    states = texts["stderr"].removesuffix("\n").split("\r")
    assert states[0] == ""
    assert states[1].startswith("Training 0/3 epochs, 0:00")
    assert states[-1].startswith("Training 3/3 epochs, ")
    for state in states[1:]:
        assert re.fullmatch(
            r"Training \d/3 epochs, \d+:\d\d(, \d+:\d\d left)?(, loss [\d.]+)? *", state
        )
