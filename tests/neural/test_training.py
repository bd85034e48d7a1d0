"""Test the tools of scikit-learn around the classifier, on real recordings."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedGroupKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_html_repr

import skheart
from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import load_pascal
from skheart.metrics import auroc_score, auroc_scorer


@pytest.fixture(scope="module")
def pascal(shared_data):
    """Return recordings of 24 patients of PASCAL, set B: normal or murmur."""
    corpus = load_pascal(
        shared_data / "pascal", subsets="b", classes=("normal", "murmur")
    )
    murmur = np.unique(corpus.groups[corpus.target == "murmur"])[:12]
    normal = np.setdiff1d(corpus.groups, murmur)[:12]
    kept = np.isin(corpus.groups, np.r_[murmur, normal])
    return corpus.data[kept], corpus.target[kept], corpus.groups[kept]


def pipeline_of(**parameters):
    settings = {"epochs": 3, "crop_frames": 100, "random_state": 0} | parameters
    return Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=3.0, n_bands=24)),
            ("cnn", CNNClassifier(**settings)),
        ]
    )


def by_patient(n_splits=2):
    return StratifiedGroupKFold(n_splits, shuffle=True, random_state=0)


# Both levels of a nested search -----------------------------------------------------


def test_patients_and_weights_at_both_levels_of_a_nested_search(pascal, monkeypatch):
    paths, target, patients = pascal
    weight = np.linspace(0.5, 2.0, len(paths)).astype(np.float32)
    fits, transformed = [], []
    fit, transform = CNNClassifier.fit, SpectrogramTransformer.transform

    def record_fit(self, X, y, sample_weight=None, *, groups=None):
        fits.append((groups, sample_weight))
        return fit(self, X, y, sample_weight, groups=groups)

    def record_transform(self, X):
        transformed.append(list(X))
        return transform(self, X)

    monkeypatch.setattr(CNNClassifier, "fit", record_fit)
    monkeypatch.setattr(SpectrogramTransformer, "transform", record_transform)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = pipeline_of(patience=2, validation=0.25)
        pipeline["cnn"].set_fit_request(groups=True, sample_weight=True)
        pipeline["cnn"].set_score_request(sample_weight=True)
        scorer = auroc_scorer.set_score_request(sample_weight=True)
        search = GridSearchCV(
            pipeline,
            {"cnn__learning_rate": [1e-3, 4e-3]},
            scoring=scorer,
            cv=by_patient(),
            error_score="raise",
        )
        results = cross_validate(
            search,
            paths,
            target,
            params={"groups": patients, "sample_weight": weight},
            scoring=scorer,
            cv=by_patient(3),
            error_score="raise",
        )
    assert np.isfinite(results["test_score"]).all()

    expected = []
    patient_of = dict(zip(paths, patients, strict=True))
    for train, test in by_patient(3).split(paths, target, patients):
        assert not set(patients[train]) & set(patients[test])
        inner = by_patient().split(paths[train], target[train], patients[train])
        folds = [(train[one], train[other]) for one, other in inner]
        for part, held in folds * 2:  # two candidates
            assert not set(patients[part]) & set(patients[held])
            assert not set(patients[part]) & set(patients[test])
            expected.append(part)
        expected.append(train)  # the best candidate, on all of them
    assert len(fits) == len(expected) == 15
    for (groups, given), rows in zip(fits, expected, strict=True):
        np.testing.assert_array_equal(groups, patients[rows])
        np.testing.assert_array_equal(given, weight[rows])
    # Each fit transforms its recordings; the score after it, those of other patients.
    assert len(transformed) == 2 * len(fits)
    for (groups, _), fitted, scored in zip(
        fits, transformed[::2], transformed[1::2], strict=True
    ):
        assert {patient_of[path] for path in fitted} == set(groups)
        assert not {patient_of[path] for path in scored} & set(groups)


# Cross-validation -------------------------------------------------------------------


def test_cross_val_predict(pascal):
    paths, target, patients = pascal
    given = cross_val_predict(
        pipeline_of(), paths, target, groups=patients, cv=by_patient(),
        method="predict_proba",
    )  # fmt: skip
    assert given.shape == (len(paths), 2)
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)
    for train, test in by_patient().split(paths, target, patients):
        fitted = pipeline_of().fit(paths[train], target[train])
        np.testing.assert_allclose(
            given[test], fitted.predict_proba(paths[test]), atol=1e-6
        )
    assert 0 < auroc_score(target, given, labels=["murmur", "normal"]) < 1


def test_learning_curve(pascal):
    paths, target, patients = pascal
    sizes, trained, tested = learning_curve(
        pipeline_of(),
        paths,
        target,
        groups=patients,
        cv=by_patient(),
        train_sizes=[0.6, 1.0],
        scoring=auroc_scorer,
        error_score="raise",
    )
    assert sizes[0] < sizes[1]
    train, test = next(by_patient().split(paths, target, patients))
    fitted = pipeline_of().fit(paths[train], target[train])
    expected = [
        auroc_scorer(fitted, paths[part], target[part]) for part in (train, test)
    ]
    np.testing.assert_allclose([trained[1, 0], tested[1, 0]], expected, atol=1e-6)


def test_halving_search(pascal):
    paths, target, patients = pascal
    search = HalvingGridSearchCV(
        pipeline_of(),
        {"cnn__learning_rate": [1e-3, 2e-3, 4e-3]},
        resource="cnn__epochs",
        min_resources=1,
        max_resources=3,
        factor=3,
        scoring=auroc_scorer,
        cv=by_patient(),
        random_state=0,
        error_score="raise",
    ).fit(paths, target, groups=patients)
    assert search.n_resources_ == [1, 3]
    assert search.best_estimator_["cnn"].epochs == 3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.predict(paths[:5])) <= {"murmur", "normal"}


def test_permutation_test_score(pascal):
    paths, target, patients = pascal
    one_each = np.unique(patients, return_index=True)[1]
    X, y, pipeline = paths[one_each], target[one_each], pipeline_of(epochs=1)
    settings = {"cv": 2, "scoring": auroc_scorer}
    score, permuted, p = permutation_test_score(
        pipeline, X, y, n_permutations=3, random_state=0, **settings
    )
    expected = cross_val_score(pipeline, X, y, **settings)
    assert score == pytest.approx(expected.mean(), abs=1e-6)
    assert len(set(permuted)) > 1
    assert p == (1 + np.sum(permuted >= score)) / 4


# Around the pipeline ----------------------------------------------------------------


def wrapped(name):
    pipeline = pipeline_of()
    return {
        "Pipeline": pipeline,
        "GridSearchCV": GridSearchCV(
            pipeline, {"cnn__dropout": [0.2, 0.4]}, cv=2, scoring=auroc_scorer
        ),
        "CalibratedClassifierCV": CalibratedClassifierCV(pipeline, cv=2),
        "TunedThresholdClassifierCV": TunedThresholdClassifierCV(
            pipeline, scoring="balanced_accuracy", cv=2
        ),
        "VotingClassifier": VotingClassifier(
            [("one", pipeline), ("other", pipeline_of(random_state=1))], voting="soft"
        ),
    }[name]


WRAPPERS = [
    "Pipeline",
    "GridSearchCV",
    "CalibratedClassifierCV",
    "TunedThresholdClassifierCV",
    "VotingClassifier",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPERS)
def test_meta_estimators_can_be_loaded_in_another_process(pascal, tmp_path, name):
    paths, target, _ = pascal
    fitted = wrapped(name).fit(paths, target)
    expected = fitted.predict_proba(paths[:6])
    assert set(fitted.predict(paths)) <= {"murmur", "normal"}
    joblib.dump(fitted, tmp_path / "model.joblib")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    code = (
        "import sys, pickle, joblib, numpy as np\n"
        "one = joblib.load(sys.argv[1] + '/model.joblib')\n"
        "other = pickle.load(open(sys.argv[1] + '/model.pickle', 'rb'))\n"
        "for number, model in enumerate((one, other)):\n"
        "    given = model.predict_proba(sys.argv[2:])\n"
        "    np.save(f'{sys.argv[1]}/{number}.npy', given)\n"
        "assert list(one.classes_) == ['murmur', 'normal']\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *paths[:6]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    for number in range(2):
        given = np.load(tmp_path / f"{number}.npy")
        np.testing.assert_allclose(given, expected, atol=1e-6)


@pytest.mark.parametrize("step", ["spectrogram", "cnn"])
def test_a_pickle_of_another_version_warns(pascal, monkeypatch, step):
    paths = pascal[0]
    fitted = pipeline_of(epochs=1).fit(paths[:12], np.arange(12) % 2)
    with monkeypatch.context() as earlier:
        earlier.setattr("skheart._core.versions.__version__", "0.0.7")
        written = pickle.dumps(fitted[step])
    with pytest.warns(UserWarning, match=r"pickled with skheart 0\.0\.7 .*loaded with"):
        loaded = pickle.loads(written)
    assert loaded.get_params().keys() == fitted[step].get_params().keys()
    with monkeypatch.context() as earlier:
        earlier.setattr("keras.__version__", "3.1.4")
        written = pickle.dumps(fitted["cnn"])
    now = rf"Keras 3\.1\.4 and is loaded with skheart {skheart.__version__} and Keras 3"
    with pytest.warns(UserWarning, match=now):
        pickle.loads(written)
    again = pickle.loads(pickle.dumps(fitted))  # without a warning
    np.testing.assert_array_equal(
        again.predict_proba(paths[:3]), fitted.predict_proba(paths[:3])
    )


def test_set_output_and_names(pascal):
    paths, target, _ = pascal
    flat = SpectrogramTransformer(duration=3.0, n_bands=8, flatten=True)
    flat.set_output(transform="pandas")
    frame = flat.fit_transform(paths[:4])
    assert list(frame.columns) == flat.get_feature_names_out().tolist()
    regression = Pipeline([("s", flat), ("l", LogisticRegression(max_iter=50, C=1e-3))])
    regression.fit(paths, target)
    assert regression[-1].feature_names_in_.tolist() == list(frame.columns)


def test_clone_and_html(pascal):
    paths, target, _ = pascal
    fitted = pipeline_of(epochs=1).fit(paths, target)
    copy = clone(fitted)
    assert copy["cnn"].get_params() == fitted["cnn"].get_params()
    assert not copy.__sklearn_is_fitted__()
    for estimator in (copy, fitted, fitted["cnn"]):
        page = estimator_html_repr(estimator)
        assert "CNNClassifier" in page
    assert "Fitted" in estimator_html_repr(fitted)


# Threads, processes, seeds ----------------------------------------------------------


def test_predictions_in_eight_threads(pascal, in_eight_threads):
    paths, target, _ = pascal
    fitted = pipeline_of().fit(paths, target)
    expected = fitted.predict_proba(paths)
    # After loading, no graph is compiled yet when the threads start.
    loaded = pickle.loads(pickle.dumps(fitted))
    for several in in_eight_threads(
        lambda: [loaded.predict_proba(paths) for _ in range(3)]
    ):
        for result in several:
            np.testing.assert_allclose(result, expected, atol=1e-6)


REPEATED = """
import sys
import numpy as np
from sklearn.pipeline import Pipeline
from skheart import CNNClassifier, SpectrogramTransformer
out, n_jobs, *paths = sys.argv[1:]
target = np.arange(len(paths)) % 2
pipeline = Pipeline([
    ("spectrogram", SpectrogramTransformer(duration=3.0, n_jobs=int(n_jobs))),
    ("cnn", CNNClassifier(epochs=2, crop_frames=100, augment=0.5, patience=2,
                          random_state=5)),
])
pipeline.fit(paths, target, cnn__groups=[str(n) for n in range(len(paths))])
np.save(out, pipeline.predict_proba(paths))
"""


@pytest.mark.slow
def test_results_are_equal_in_every_process(pascal, tmp_path):
    paths, _, _ = pascal
    given = []
    for number, (n_jobs, seed) in enumerate([(1, "0"), (2, "1"), (-1, "random")]):
        out = tmp_path / f"{number}.npy"
        subprocess.run(
            [sys.executable, "-c", REPEATED, str(out), str(n_jobs), *paths[:24]],
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        given.append(np.load(out))
    np.testing.assert_allclose(given[1], given[0], atol=1e-6)
    np.testing.assert_allclose(given[2], given[0], atol=1e-6)
    assert np.ptp(given[0][:, 0]) > 1e-4


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_workers")
def test_results_are_equal_for_any_n_jobs(pascal):
    paths, target, patients = pascal
    scores = [
        GridSearchCV(
            pipeline_of(epochs=2),
            {"cnn__dropout": [0.1, 0.4]},
            scoring=auroc_scorer,
            cv=by_patient(),
            n_jobs=n_jobs,
            error_score="raise",
        )
        .fit(paths, target, groups=patients)
        .cv_results_["mean_test_score"]
        for n_jobs in (None, 2)
    ]
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-6)


WRITER = """
import sys
import numpy as np
from skheart import SpectrogramTransformer, load_pretrained, save_model
pipeline = load_pretrained(sys.argv[2])
for _ in range(int(sys.argv[3])):
    save_model(pipeline, sys.argv[1])
"""


@pytest.mark.slow
def test_two_processes_write_one_model_file(tmp_path):
    path = tmp_path / "model.skheart"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "25"])
        for name in ("murmur", "murmur3")
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            seen.add(len(skheart.load_model(path).classes_))
    assert [writer.returncode for writer in writers] == [0, 0]
    seen.add(len(skheart.load_model(path).classes_))
    assert seen <= {2, 3}
    assert [p.name for p in Path(tmp_path).iterdir()] == ["model.skheart"]
