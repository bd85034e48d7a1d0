"""Test the scorer in scikit-learn's model selection."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UndefinedMetricWarning, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (
    brier_score_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LearningCurveDisplay,
    StratifiedGroupKFold,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skheart.metrics import (
    auroc_scorer,
)


def test_scorer_has_a_name():
    """LearningCurveDisplay writes it on its axis."""
    X = np.arange(40.0).reshape(-1, 1)
    y = np.array(["Absent", "Present"])[np.arange(40) % 2]
    display = LearningCurveDisplay.from_estimator(
        LogisticRegression(), X, y, cv=2, train_sizes=[0.5, 1.0], scoring=auroc_scorer
    )
    assert "auroc" in display.ax_.get_ylabel().lower()
    assert auroc_scorer.__name__ == "auroc_scorer"


def test_scorer_prefers_decision_function_and_the_second_class(recordings):
    X, y, _ = recordings
    model = LogisticRegression().fit(X, y)
    expected = roc_auc_score(y == "normal", model.decision_function(X))
    assert 0.6 < expected < 1
    assert auroc_scorer(model, X, y) == pytest.approx(expected)

    class Inverted(LogisticRegression):
        def predict_proba(self, X):
            raise AssertionError("decision_function comes first")

    assert auroc_scorer(Inverted().fit(X, y), X, y) == pytest.approx(expected)
    neighbors = KNeighborsClassifier(7).fit(X, y)
    assert not hasattr(neighbors, "decision_function")
    expected = roc_auc_score(y == "normal", neighbors.predict_proba(X)[:, 1])
    assert auroc_scorer(neighbors, X, y) == pytest.approx(expected)


@pytest.mark.parametrize(
    "model", [LogisticRegression(), RandomForestClassifier(10, random_state=0)]
)
def test_scorer_in_cross_validate_equals_scikit_learn(recordings, model):
    X, y, patients = recordings
    cv = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    result = cross_validate(
        make_pipeline(StandardScaler(), model),
        X,
        y,
        groups=patients,
        cv=cv,
        scoring={"ours": auroc_scorer, "theirs": "roc_auc"},
        error_score="raise",
    )
    np.testing.assert_allclose(result["test_ours"], result["test_theirs"])
    assert len(set(result["test_ours"])) > 1


def test_scorer_beside_one_with_another_positive_class(recordings):
    X, y, _ = recordings
    model = KNeighborsClassifier(5)
    brier = make_scorer(
        brier_score_loss, response_method="predict_proba", pos_label="murmur"
    )
    alone = cross_validate(model, X, y, scoring=auroc_scorer)["test_score"]
    both = cross_validate(model, X, y, scoring={"a": brier, "b": auroc_scorer})
    assert alone.mean() > 0.6
    np.testing.assert_array_equal(both["test_b"], alone)


def test_scorer_in_grid_search(recordings):
    X, y, patients = recordings
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1e-3, 1.0]},
        scoring=auroc_scorer,
        cv=StratifiedGroupKFold(3),
        error_score="raise",
    ).fit(X, y, groups=patients)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert 0.6 < search.best_score_ <= 1
    expected = roc_auc_score(y == "normal", search.decision_function(X))
    assert search.score(X, y) == pytest.approx(expected)


@pytest.mark.parametrize(
    "model", [LogisticRegression(), RandomForestClassifier(10, random_state=0)]
)
def test_scorer_where_the_fold_lacks_one_of_three_classes(model):
    rng = np.random.default_rng(3)
    y = np.array(["Absent", "Present", "Unknown"] * 20)
    X = rng.normal(size=(60, 3)) + (y[:, None] == np.unique(y))
    model.fit(X[:30], y[:30])
    fold = np.arange(30, 60)[y[30:] != "Absent"]
    method = "decision_function"
    if not hasattr(model, method):
        method = "predict_proba"
    columns = getattr(model, method)(X[fold])
    expected = np.mean(
        [roc_auc_score(y[fold] == model.classes_[c], columns[:, c]) for c in (1, 2)]
    )
    assert auroc_scorer(model, X[fold], y[fold]) == pytest.approx(expected)
    expected = roc_auc_score(
        y[30:] == "Present", getattr(model, method)(X[30:])[:, 1]
    ) + sum(
        roc_auc_score(y[30:] == model.classes_[c], getattr(model, method)(X[30:])[:, c])
        for c in (0, 2)
    )
    assert auroc_scorer(model, X[30:], y[30:]) == pytest.approx(expected / 3)


@pytest.mark.parametrize(
    "model", [LogisticRegression(), RandomForestClassifier(10, random_state=0)]
)
def test_scorer_counts_chance_for_a_class_missing_in_training(model):
    rng = np.random.default_rng(4)
    y = np.array(["a", "b", "c"] * 20)
    X = rng.normal(size=(60, 3)) + (y[:, None] == np.unique(y))
    known = y != "b"
    model.fit(X[known], y[known])
    of_c = model.predict_proba(X)[:, 1]
    expected = (
        roc_auc_score(y == "a", -of_c) + 0.5 + roc_auc_score(y == "c", of_c)
    ) / 3
    text = (
        "The classifier was not trained on 'b', which y has; its AUROC there counts "
        "as 0.5."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$"):
        assert auroc_scorer(model, X, y) == pytest.approx(expected)


def test_scorer_of_a_classifier_trained_on_one_class():
    model = DummyClassifier(strategy="prior").fit(np.zeros((3, 1)), ["a"] * 3)
    with pytest.warns(UserWarning, match="not trained on 'b'"):
        assert auroc_scorer(model, np.zeros((4, 1)), ["a", "b", "b", "a"]) == 0.5
    with pytest.warns(UndefinedMetricWarning, match="got only 'a'"):
        assert np.isnan(auroc_scorer(model, np.zeros((2, 1)), ["a", "a"]))


def test_scorer_is_nan_for_a_fold_with_one_class():
    X = np.array([[0.0], [0.2], [1.0], [0.9], [0.1], [0.3]])
    y = np.array(["a", "a", "b", "b", "a", "a"])
    with pytest.warns(UndefinedMetricWarning, match="got only 'a'"):
        result = cross_validate(
            LogisticRegression(),
            X[[0, 2, 1, 3, 4, 5]],
            y[[0, 2, 1, 3, 4, 5]],
            cv=KFold(3),
            scoring=auroc_scorer,
            error_score="raise",
        )
    np.testing.assert_array_equal(result["test_score"], [1.0, 1.0, np.nan])


def test_scorer_error_messages(recordings):
    X, y, _ = recordings
    with pytest.raises(
        ValueError, match=r"fitted classifier with classes_, got Linear"
    ):
        auroc_scorer(LinearRegression().fit(X, y == "normal"), X, y)
    with pytest.raises(ValueError, match="fitted classifier with classes_"):
        auroc_scorer(LogisticRegression(), X, y)
    model = LogisticRegression().fit(X, y)
    text = (
        "y must have labels that the classifier was trained on, 'murmur', 'normal', "
        "got 0, 1."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        auroc_scorer(model, X, (y == "normal").astype(int))

    class PredictsOnly:
        classes_ = np.array(["murmur", "normal"])

    with pytest.raises(ValueError, match="decision_function or predict_proba, got"):
        auroc_scorer(PredictsOnly(), X, y)


def test_scorer_can_be_pickled(recordings):
    X, y, _ = recordings
    model = LogisticRegression().fit(X, y)
    again = pickle.loads(pickle.dumps(auroc_scorer))
    assert again(model, X, y) == auroc_scorer(model, X, y)
    assert repr(again) == "auroc_scorer"


def test_scorer_weights(recordings):
    X, y, _ = recordings
    model = LogisticRegression().fit(X, y)
    weight = np.random.default_rng(5).uniform(size=len(y))
    expected = roc_auc_score(
        y == "normal", model.decision_function(X), sample_weight=weight
    )
    found = auroc_scorer(model, X, y, sample_weight=weight)
    assert found == pytest.approx(expected)
    assert found != auroc_scorer(model, X, y)


@pytest.mark.parametrize("several", [False, True])
def test_scorer_with_metadata_routing(recordings, several):
    X, y, _ = recordings
    weight = np.random.default_rng(6).integers(0, 5, size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=False)
        scorer = auroc_scorer.set_score_request(sample_weight=True)
        theirs = sklearn.metrics.get_scorer("roc_auc")
        theirs.set_score_request(sample_weight=True)
        arguments = {"cv": KFold(3), "params": {"sample_weight": weight}}
        found = cross_validate(
            model,
            X,
            y,
            scoring={"score": scorer} if several else scorer,
            error_score="raise",
            **arguments,
        )
        expected = cross_validate(model, X, y, scoring=theirs, **arguments)
        plain = cross_validate(model, X, y, cv=KFold(3), scoring=auroc_scorer)
        # The request above did not change the shared scorer; scikit-learn 1.7 raises
        # a TypeError here.
        with pytest.raises((TypeError, UnsetMetadataPassedError)):
            cross_validate(model, X, y, scoring=auroc_scorer, **arguments)
    np.testing.assert_allclose(found["test_score"], expected["test_score"])
    assert (found["test_score"] != plain["test_score"]).all()
