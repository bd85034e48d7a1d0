"""Test that joblib, Dask and Ray compute the same results in several processes."""

from __future__ import annotations

import os
import signal

import joblib
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import make_heart_sounds

# Other packages warn when they start their workers.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(40, duration=(2.0, 3.0), random_state=0)


def threads_and_auroc(search, X, y):
    """Return the AUROC, and the number of threads of TensorFlow in this process."""
    import tensorflow as tf

    score = roc_auc_score(y, search.predict_proba(X)[:, 1])
    n_threads = tf.config.threading.get_intra_op_parallelism_threads()
    return {"auroc": score, "n_threads": n_threads, "process": os.getpid()}


# Workers cannot import the tests. A function of __main__ is pickled by value.
threads_and_auroc.__module__ = "__main__"


def search_of(sounds, *, n_jobs=None, scoring=threads_and_auroc):
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=2.0)),
            ("cnn", CNNClassifier(epochs=2, random_state=0)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"cnn__learning_rate": [1e-3, 4e-3]},
        cv=StratifiedGroupKFold(2),
        scoring=scoring,
        refit=False,
        error_score="raise",
        n_jobs=n_jobs,
    )
    return search.fit(sounds.data, sounds.target, groups=sounds.groups).cv_results_


@pytest.fixture(scope="module")
def serial(sounds):
    """Return spectrograms and scores computed in this process."""
    spectrograms = SpectrogramTransformer(duration=2.0).transform(sounds.data)
    return spectrograms, search_of(sounds)["mean_test_auroc"]


def check(results, serial, *, n_threads=1):
    """Check that other processes computed the same scores, each with some threads."""
    np.testing.assert_allclose(results["mean_test_auroc"], serial[1], atol=1e-6)
    for fold in range(2):
        assert os.getpid() not in results[f"split{fold}_test_process"]
        assert set(results[f"split{fold}_test_n_threads"]) == {n_threads}


@pytest.mark.usefixtures("fresh_workers")
def test_joblib_workers_share_the_cores(sounds, serial):
    share = max(1, joblib.cpu_count() // 2)
    check(search_of(sounds, n_jobs=2), serial, n_threads=share)


@pytest.fixture
def dask_cluster():
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        yield cluster


@pytest.mark.slow
def test_dask(sounds, serial, dask_cluster):
    with joblib.parallel_config(backend="dask"):
        transformer = SpectrogramTransformer(duration=2.0, n_jobs=2)
        np.testing.assert_array_equal(transformer.transform(sounds.data), serial[0])
        check(search_of(sounds, n_jobs=2), serial)


def test_dask_writes_one_cache(tmp_path, sounds, serial, dask_cluster):
    transformer = SpectrogramTransformer(
        duration=2.0, n_jobs=2, cache=tmp_path / "cache", lazy=True
    )
    with joblib.parallel_config(backend="dask"):
        spectrograms = transformer.transform(sounds.data)
    np.testing.assert_array_equal(spectrograms, serial[0])


def score_or_kill(search, X, y):
    """Kill the worker that scores first, and score in all others."""
    try:
        with open(os.environ["SKHEART_TEST_KILLED"], "x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return threads_and_auroc(search, X, y)
    os.kill(os.getpid(), signal.SIGKILL)


score_or_kill.__module__ = "__main__"


@pytest.mark.slow
def test_dask_search_survives_the_loss_of_a_worker(
    sounds, serial, tmp_path, monkeypatch, request
):
    monkeypatch.setenv("SKHEART_TEST_KILLED", str(tmp_path / "killed"))
    request.getfixturevalue("dask_cluster")  # its workers see the variable
    with joblib.parallel_config(backend="dask"):
        results = search_of(sounds, n_jobs=2, scoring=score_or_kill)
    killed = int((tmp_path / "killed").read_text())
    check(results, serial)
    processes = {
        int(process)
        for fold in range(2)
        for process in results[f"split{fold}_test_process"]
    }
    assert killed not in processes


@pytest.fixture
def ray_cluster(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a file to HOME
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray.util.joblib import register_ray

    # Of its own, also while another test runs one.
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_ray(sounds, serial):
    with joblib.parallel_config(backend="ray"):
        transformer = SpectrogramTransformer(duration=2.0, n_jobs=2)
        np.testing.assert_array_equal(transformer.transform(sounds.data), serial[0])
        check(search_of(sounds, n_jobs=2), serial)
