"""Past one process: the same results from joblib's workers, Dask and Ray."""

from __future__ import annotations

import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import make_heart_sounds

# What other packages warn of while they start is theirs.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(40, duration=(2.0, 3.0), random_state=0)


def threads_and_auroc(search, X, y):
    """Score, and say how many threads TensorFlow computes with in this process."""
    import tensorflow as tf

    score = roc_auc_score(y, search.predict_proba(X)[:, 1])
    n_threads = tf.config.threading.get_intra_op_parallelism_threads()
    return {"auroc": score, "n_threads": n_threads, "process": os.getpid()}


# Workers cannot import the tests: what is said to be of no module is sent whole.
threads_and_auroc.__module__ = "__main__"


def search_of(sounds, **parameters):
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=2.0)),
            ("cnn", CNNClassifier(epochs=2, random_state=0)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"cnn__learning_rate": [1e-3, 4e-3, 8e-3]},
        cv=StratifiedGroupKFold(2),
        scoring=threads_and_auroc,
        refit=False,
        error_score="raise",
        **parameters,
    )
    return search.fit(sounds.data, sounds.target, groups=sounds.groups).cv_results_


@pytest.fixture(scope="module")
def serial(sounds):
    """Results of one process."""
    spectrograms = SpectrogramTransformer(duration=2.0).transform(sounds.data)
    return spectrograms, search_of(sounds)["mean_test_auroc"]


def check(results, serial, *, n_threads=1):
    """The same scores, from other processes, of which each has its share of cores."""
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


@pytest.mark.slow
def test_dask_loses_a_worker_and_not_the_search(sounds, serial, dask_cluster):
    killed = []

    def kill():
        # In the middle: the first fits take seconds, since TensorFlow starts.
        worker = dask_cluster.workers[0]
        while not dask_cluster.scheduler.workers or not any(
            state.processing for state in dask_cluster.scheduler.workers.values()
        ):
            time.sleep(0.05)
        time.sleep(2)
        killed.append(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with joblib.parallel_config(backend="dask"):
        results = search_of(sounds, n_jobs=2)
    thread.join()
    assert killed
    check(results, serial)
    processes = {
        int(process)
        for fold in range(2)
        for process in results[f"split{fold}_test_process"]
    }
    assert not processes & set(killed)


@pytest.fixture
def ray_cluster(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # it would leave a file at home
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
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
