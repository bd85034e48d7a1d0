"""Run a LiteRT file with LiteRT for Microcontrollers, and measure its arena.

    python check_micro.py murmur.tflite

It needs numpy and tflite-micro (pip install --pre tflite-micro). The arena is the
memory for all that the runtime computes; the model itself stays in flash memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from tflite_micro import runtime

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
from classify import input_of  # the same rule for test vectors

_STEP = 1024
_SMALLEST = 32  # steps; in less, the runtime can crash


def starts(content: bytes, size: int) -> bool:
    """Return whether the model can run in an arena of so many bytes."""
    try:
        runtime.Interpreter.from_bytes(content, arena_size=size)
    except RuntimeError:
        return False
    return True


def arena(content: bytes) -> int:
    """Return the smallest arena, in bytes, to a multiple of 1024."""
    low, high = _SMALLEST, 2 * _SMALLEST
    while not starts(content, high * _STEP):
        low, high = high, 2 * high
        if high * _STEP > 1 << 28:
            sys.exit("The model does not run in 256 MB.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if starts(content, middle * _STEP) else (middle, high)
    return high * _STEP


def main(path: str) -> int:
    content = Path(path).read_bytes()
    notes = json.loads(Path(path + ".json").read_text(encoding="utf-8"))
    size = arena(content)
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=size)
    tests, n_wrong = notes["test_vectors"], 0
    for vector in tests["vectors"]:
        interpreter.set_input(input_of(vector), 0)
        interpreter.invoke()
        output = interpreter.get_output(0).ravel()
        expected = np.array(vector["expected"], dtype=float)  # None becomes NaN
        same = np.allclose(output, expected, 0, tests["tolerance"], equal_nan=True)
        print("as expected" if same else "WRONG", output.tolist())
        n_wrong += not same
    print(f"arena: {size} bytes")
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
