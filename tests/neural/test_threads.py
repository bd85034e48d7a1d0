"""Test the number of threads that TensorFlow uses."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("setting", "expected"), [("None", 1), pytest.param("2", 2, marks=pytest.mark.slow)]
)
def test_threads_of_a_new_process(setting, expected):
    program = (
        "import numpy as np\n"
        "from skheart import CNNClassifier\n"
        "from skheart.neural.threads import limit_threads\n"
        f"limit_threads({setting})\n"
        "X = np.random.default_rng(0).standard_normal((8, 4, 10))\n"
        "c = CNNClassifier(epochs=1)\n"
        "c.fit(X, np.arange(8) % 2)\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.split()[-1] == str(expected)
