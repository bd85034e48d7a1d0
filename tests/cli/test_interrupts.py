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
number, n_states = int(sys.argv.pop(1)), 0

def signal_at_second_state(event, arguments):
    global n_states
    if event == "os.rename" and ".checkpoint" in str(arguments[1]):
        n_states += 1
        if n_states == 2:
            os.kill(os.getpid(), number)

sys.addaudithook(signal_at_second_state)
from skheart.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_nothing(folders, tmp_path, by):
    command = [sys.executable, "-c", SIGNALLED, str(int(by)), "train", "folder"]
    command += [str(folders), "-o", str(tmp_path / "model.skheart"), "--epochs", "9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert "skheart: interrupted" in done.stderr
    assert not list(tmp_path.iterdir())


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
