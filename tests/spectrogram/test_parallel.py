"""Test that threads and processes change nothing, and the progress bar."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

import skheart
from skheart import SpectrogramTransformer
from skheart.spectrogram.blas import single_blas_thread


def transformer(**parameters):
    return SpectrogramTransformer(**{"duration": 1.0, **parameters})


def test_number_of_threads_changes_nothing(paths):
    many = paths * 8
    one = transformer(n_jobs=1).fit_transform(many)
    np.testing.assert_array_equal(transformer(n_jobs=2).fit_transform(many), one)
    np.testing.assert_array_equal(transformer().fit_transform(many), one)


def test_threads_can_be_set_with_joblib(paths):
    with joblib.parallel_config(n_jobs=2):
        around = transformer().fit_transform(paths * 8)
    np.testing.assert_array_equal(around, transformer().fit_transform(paths * 8))


def test_verbose_shows_a_bar_on_standard_error(waveforms, capfd):
    transformer(verbose=1).fit_transform(waveforms)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Spectrograms" in err
    assert "5/5 recordings" in err


def test_silent_by_default(waveforms, capfd):
    transformer().fit_transform(waveforms)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("fresh_workers")
def test_results_do_not_depend_on_batches_or_workers(waveforms):
    many = waveforms * 9
    expected = [transformer().transform([waveform])[0] for waveform in waveforms] * 9
    for n_jobs in (1, 2):
        given = transformer(n_jobs=n_jobs).transform(many)
        np.testing.assert_array_equal(given, expected)
    with joblib.parallel_config("loky", n_jobs=2):
        np.testing.assert_array_equal(transformer().transform(many), expected)


def test_matrix_products_use_one_thread_inside_the_block_only():
    def limits():
        pools = ThreadpoolController().info()
        return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]

    before = limits()
    assert before
    inside = []
    for ends_last in (False, True):
        started, over = threading.Event(), threading.Event()

        def overlap(started=started, over=over):
            with single_blas_thread():
                started.set()
                over.wait()

        thread = threading.Thread(target=overlap)
        with single_blas_thread():
            inside += limits()
            thread.start()
            started.wait()
            if not ends_last:
                over.set()
                thread.join()
            inside += limits()
        if ends_last:  # only the block of the other thread is still active
            inside += limits()
            over.set()
            thread.join()
        assert limits() == before
    assert set(inside) == {1}


def test_concurrent_calls_are_identical(waveforms):
    longer = [np.tile(waveform, 20) for waveform in waveforms]
    expected = transformer(duration=20.0).transform(longer)
    different = []

    def repeat(n_calls):
        for number in range(n_calls):
            X = longer[: 1 + number % 5]
            given = transformer(duration=20.0).transform(X)
            different.append(not np.array_equal(given, expected[: len(X)]))

    threads = [threading.Thread(target=repeat, args=(n,)) for n in (60, 100, 140)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(different) == 300
    assert not any(different)


def test_without_a_folder_for_compiled_code(tmp_path):
    """As with a package installed for all users, and a user without a home folder."""
    package = tmp_path / "skheart"
    skipped = shutil.ignore_patterns("__pycache__", "weights")
    shutil.copytree(Path(skheart.__file__).parent, package, ignore=skipped)
    (package / "spectrogram" / "__pycache__").write_text("no folder")
    nowhere = str(package / "__init__.py" / "x")
    code = (
        "import sys, numpy as np\n"
        "from skheart import SpectrogramTransformer\n"
        "X = np.random.default_rng(0).normal(size=(2, 4000)).astype(np.float32)\n"
        "print(SpectrogramTransformer(duration=2.0).transform(X).shape)\n"
        "assert 'librosa' not in sys.modules\n"
        "from skheart.spectrogram import kernels\n"
        "assert kernels.__file__.startswith(sys.argv[1])\n"
    )
    environment = {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "NUMBA_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(package)],
        env=os.environ | environment | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.returncode) == ("(2, 40, 101)", 0), done.stderr
