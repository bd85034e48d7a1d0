"""Test that Ctrl+C and SIGTERM stop a command, and what they leave."""

import os
import signal
import subprocess
import sys
import time

import onnx
import pytest
from onnx import TensorProto, helper

# A process in the background can inherit that SIGINT is ignored.
SIGNALLED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
number, moment = int(sys.argv.pop(1)), sys.argv.pop(1)
states = []

def send_once(event, arguments):
    if moment == "recording":
        now = event == "open" and str(arguments[0]).endswith(".wav")
    elif event == "os.rename" and ".checkpoint" in str(arguments[1]):
        states.append(arguments[1])
        now = len(states) == 2  # the first epoch is complete
    else:
        now = False
    if now and not sent:
        sent.append(True)
        os.kill(os.getpid(), number)

sent = []
sys.addaudithook(send_once)
from skheart.cli.main import main
sys.exit(main())
"""


def interrupted(folder, recordings, *, by, moment):
    """Interrupt a training at some moment, and return its messages."""
    command = [sys.executable, "-c", SIGNALLED, str(int(by)), moment, "train", "folder"]
    command += [str(recordings), "--epochs", "9", "-o", str(folder / "model.skheart")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert "skheart: interrupted" in done.stderr
    return done.stderr


def test_an_interrupt_before_the_training_leaves_nothing(folders, tmp_path):
    message = interrupted(tmp_path, folders, by=signal.SIGINT, moment="recording")
    assert "--resume" not in message
    assert not list(tmp_path.iterdir())


def test_an_interrupt_in_the_training_keeps_complete_epochs(folders, tmp_path):
    message = interrupted(tmp_path, folders, by=signal.SIGTERM, moment="state")
    assert "the same command with --resume resumes" in message
    (state,) = (tmp_path / "model.skheart.checkpoint").iterdir()
    assert state.suffix == ".npz"
    assert [path.name for path in tmp_path.iterdir()] == ["model.skheart.checkpoint"]


def endless_onnx(source, target):
    """Write a copy of an exported model that ends in an infinite loop."""
    model = onnx.load(source)
    condition = helper.make_tensor_value_info("condition", TensorProto.BOOL, [])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["condition_out"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            condition,
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("condition_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    name = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["endless" if x == name else x for x in node.output]
    for key, kind, value in (("n", TensorProto.INT64, 2**62), ("go", 9, True)):
        model.graph.initializer.append(helper.make_tensor(key, kind, [], [value]))
    model.graph.node.append(
        helper.make_node("Loop", ["n", "go", "endless"], [name], body=body)
    )
    onnx.save(model, target)


ANNOUNCED = """
import signal, sys
import onnxruntime
signal.signal(signal.SIGINT, signal.default_int_handler)
compute = onnxruntime.InferenceSession.run

def announce_and_compute(*arguments, **options):
    print("computing", file=sys.stderr, flush=True)
    return compute(*arguments, **options)

onnxruntime.InferenceSession.run = announce_and_compute
from skheart.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_native_code(murmur_onnx, folders, tmp_path, by):
    endless_onnx(murmur_onnx, tmp_path / "endless.onnx")
    recording = next((folders / "normal").iterdir())
    command = [sys.executable, "-c", ANNOUNCED, "predict", str(recording)]
    process = subprocess.Popen(
        [*command, "--model", str(tmp_path / "endless.onnx")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr.readline() == "computing\n"
        started = cpu_seconds(process.pid)
        while cpu_seconds(process.pid) < started + 0.5:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(by)
        _, error = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130
    assert "skheart: interrupted" in error


def cpu_seconds(pid):
    """Return the time that the threads of a process have computed."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
