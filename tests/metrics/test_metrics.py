"""Scores, the scorer, the interval and pooling, against formulas and other code."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UndefinedMetricWarning, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (
    brier_score_loss,
    make_scorer,
    recall_score,
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

from skheart import metrics
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    auroc_scorer,
    cinc2016_score,
    cinc2016_sensitivity_specificity,
    circor2022_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)


def message(text):
    """Return a pattern that matches the whole of `text`."""
    return "^" + re.escape(text) + "$"


@pytest.fixture
def scores():
    """Return 60 labels of three classes, scores with ties, and weights."""
    rng = np.random.default_rng(0)
    y = rng.choice(["Absent", "Present", "Unknown"], size=60, p=[0.5, 0.3, 0.2])
    raw = rng.normal(size=(60, 3)) + 1.2 * (y[:, None] == np.unique(y))
    y_score = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return y, y_score, rng.uniform(0.1, 3, size=60)


@pytest.fixture
def recordings():
    """Return noisy features, two text labels and patients with three recordings."""
    rng = np.random.default_rng(1)
    patients = np.arange(40).repeat(3)
    y = np.where(patients % 2 == 0, "murmur", "normal")
    X = rng.normal(size=(120, 4)) + (y == "murmur")[:, None]
    return X, y, patients


# auroc_score -------------------------------------------------------------------------


@pytest.mark.parametrize("decimals", [1, 8], ids=["ties", "no ties"])
@pytest.mark.parametrize("weighted", [False, True])
def test_auroc_of_two_classes_equals_scikit_learn(scores, decimals, weighted):
    y, y_score, weight = scores
    y, score = y == "Present", y_score[:, 1].round(decimals)
    weight = weight if weighted else None
    assert (len(np.unique(score)) < len(score)) == (decimals == 1)
    expected = roc_auc_score(y, score, sample_weight=weight)
    assert auroc_score(y, score, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("average", ["macro", "weighted", None])
def test_auroc_of_three_classes_equals_scikit_learn(scores, average):
    y, y_score, _ = scores
    expected = roc_auc_score(y, y_score, multi_class="ovr", average=average)
    np.testing.assert_allclose(auroc_score(y, y_score, average=average), expected)


def test_auroc_weights_with_three_classes_equal_scikit_learn(scores):
    y, y_score, weight = scores
    expected = roc_auc_score(y, y_score, multi_class="ovr", sample_weight=weight)
    found = auroc_score(y, y_score, sample_weight=weight)
    assert found == pytest.approx(expected)
    assert found != pytest.approx(auroc_score(y, y_score))


def test_auroc_counts_pairs():
    # Pairs (positive, negative): 3 > 1, 3 > 2, 2 > 1 right, 2 = 2 half: 3.5 of 4.
    assert auroc_score([0, 0, 1, 1], [1, 2, 3, 2]) == 3.5 / 4
    assert auroc_score([0, 0, 1, 1], [4, 4, 4, 4]) == 0.5
    assert auroc_score([0, 0, 1, 1], [3, 4, 1, 2]) == 0.0
    assert auroc_score([0, 1], [-np.inf, np.inf]) == 1.0


def test_auroc_does_not_round_above_one():
    # 0.2 * 0.2 + 0.8 * 0.2 is more than (0.2 + 0.8) * 0.2 in floating point.
    assert auroc_score([0, 1, 1], [1, 2, 3], sample_weight=[0.2, 0.2, 0.8]) == 1.0


@pytest.mark.parametrize(
    "names",
    [
        (0, 1),
        (-1, 1),
        (False, True),
        (0.0, 2.5),
        ("Absent", "Present and long"),
    ],
)
def test_auroc_takes_labels_of_any_kind(names):
    codes = [0, 1, 0, 1, 0]
    score = [0.1, 0.3, 0.4, 0.8, 0.2]  # one of six pairs in the wrong order
    labels = [names[c] for c in codes]
    for y in (labels, np.array(labels, dtype=object), pd.Series(labels)):
        assert auroc_score(y, score) == pytest.approx(5 / 6)


def test_auroc_reads_the_second_of_two_columns():
    y = ["a", "b", "b", "a"]
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    assert auroc_score(y, proba) == 0.75
    assert auroc_score(y, proba[:, 1], labels=["a", "b"]) == 0.75


def test_auroc_labels_are_in_the_order_of_the_columns(scores):
    y, y_score, _ = scores
    order = [2, 0, 1]
    shuffled = auroc_score(y, y_score[:, order], labels=np.unique(y)[order])
    assert shuffled == pytest.approx(auroc_score(y, y_score))
    # Columns are in sorted order; scores of one class are those of the positive one.
    y = ["murmur", "normal", "normal"]
    score_of_murmur = [0.9, 0.2, 0.1]
    assert auroc_score(y, score_of_murmur) == 1.0
    found = auroc_confidence_interval(y * 5, score_of_murmur * 5, n_resamples=50)
    assert found.auroc == 1.0
    assert auroc_score(y, np.c_[score_of_murmur, score_of_murmur]) == 0.0
    assert auroc_score(y, score_of_murmur, labels=["normal", "murmur"]) == 1.0
    assert auroc_score(y, score_of_murmur, labels=["murmur", "normal"]) == 0.0
    with pytest.raises(ValueError, match="labels must name the positive class"):
        auroc_score(["a", "b"], [0.1, 0.2])


def test_auroc_leaves_out_classes_that_are_absent(scores):
    y, y_score, _ = scores
    kept = y != "Unknown"
    y, y_score = y[kept], y_score[kept]
    labels = ["Absent", "Present", "Unknown"]
    absent = roc_auc_score(y == "Absent", y_score[:, 0])
    present = roc_auc_score(y == "Present", y_score[:, 1])
    assert absent != pytest.approx(present)
    mean = auroc_score(y, y_score, labels=labels)
    assert mean == pytest.approx((absent + present) / 2)
    each = auroc_score(y, y_score, labels=labels, average=None)
    np.testing.assert_allclose(each, [absent, present, np.nan])
    share = (y == "Absent").mean()
    weighted = auroc_score(y, y_score, labels=labels, average="weighted")
    assert weighted == pytest.approx(share * absent + (1 - share) * present)


def test_auroc_of_one_class_warns_and_is_nan():
    text = (
        "AUROC needs recordings of two classes in y_true, got only 'normal'; the "
        "score is NaN."
    )
    with pytest.warns(UndefinedMetricWarning, match=message(text)) as record:
        assert np.isnan(auroc_score(["normal"] * 3, [0.1, 0.2, 0.3]))
    assert record[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="only 1;"):
        assert np.isnan(auroc_score([0, 1, 1], [1, 2, 3], sample_weight=[0, 1, 1]))
    with pytest.warns(UndefinedMetricWarning, match="got none;"):
        assert np.isnan(auroc_score([0, 1], [1, 2], sample_weight=[0, 0]))
    with pytest.warns(UndefinedMetricWarning):
        each = auroc_score([2], np.ones((1, 3)), labels=[1, 2, 3], average=None)
    assert each.shape == (3,)
    assert np.isnan(each).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"y_score": [0.1, np.nan, 0.2]},
            "y_score must have no NaN, got NaN for 1 of 3 recordings; a network whose "
            "training diverged gives NaN.",
        ),
        (
            {"y_score": [0.1, 0.2]},
            "y_true and y_score must have the same length, got 3 and 2.",
        ),
        (
            {"y_score": np.ones((3, 3))},
            "y_score must have shape (3,) or (3, 2) for the classes 'a', 'b', got "
            "(3, 3); labels= names the columns.",
        ),
        (
            {"y_score": np.ones((3, 1))},
            "y_score must have shape (3,) or (3, 2) for the classes 'a', 'b', got "
            "(3, 1); labels= names the columns.",
        ),
        (
            {"labels": ["a", "b", "c"]},
            "y_score must have shape (3, 3) for the classes 'a', 'b', 'c', got (3,); "
            "labels= names the columns.",
        ),
        (
            {"y_score": np.ones((3, 2, 1))},
            "y_score must have shape (n_recordings,) or (n_recordings, n_classes), "
            "got shape (3, 2, 1).",
        ),
        (
            {"y_score": ["low", "low", "high"]},
            "y_score must be an array of numbers, got ['low', 'low', 'high'].",
        ),
        (
            {"y_true": [["a"], ["b"], ["b"]]},
            "y_true must have shape (n_recordings,), one entry a recording, got shape "
            "(3, 1).",
        ),
        (
            {"y_true": []},
            "y_true must hold at least one entry, got none.",
        ),
        (
            {"y_true": [0.0, np.nan, 1.0]},
            "y_true must have no missing entry, got NaN at row 1.",
        ),
        (
            {"y_true": ["a", None, "b"]},
            "y_true must hold labels of one kind, got NoneType and str.",
        ),
        (
            {"labels": ["a", "c"]},
            "y_true must hold only the labels ['a', 'c'], got 'b'.",
        ),
        (
            {"labels": ["a", "a"]},
            "labels must be two or more different labels in the order of the columns "
            "of y_score, got ['a', 'a'].",
        ),
        (
            {"sample_weight": [1, 2]},
            "sample_weight must have shape (3,), one weight a recording, got shape "
            "(2,).",
        ),
        (
            {"sample_weight": [1, -2, 1]},
            "sample_weight must be finite and not negative, got -2.",
        ),
        (
            {"average": "micro"},
            "average must be one of 'macro', 'weighted', None, got 'micro'.",
        ),
    ],
)
def test_auroc_says_what_is_wrong(arguments, text):
    arguments = {"y_true": ["a", "b", "b"], "y_score": [0.1, 0.2, 0.3], **arguments}
    with pytest.raises(ValueError, match=message(text)):
        auroc_score(arguments.pop("y_true"), arguments.pop("y_score"), **arguments)


def test_auroc_rejects_empty_scores():
    with pytest.raises(ValueError, match="same length, got 2 and 0"):
        auroc_score([0, 1], [])


# auroc_scorer ------------------------------------------------------------------------


def test_scorer_has_the_name_that_displays_write():
    """LearningCurveDisplay labels its axis with it."""
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


def test_scorer_is_not_misled_by_another_scorer_with_another_positive_class(
    recordings,
):
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
def test_scorer_with_three_classes_of_which_the_fold_lacks_one(model):
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
def test_scorer_gives_chance_for_a_class_that_training_lacked(model):
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
    with pytest.warns(UserWarning, match=message(text)):
        assert auroc_scorer(model, X, y) == pytest.approx(expected)


def test_scorer_of_a_classifier_that_knows_one_class():
    model = DummyClassifier(strategy="prior").fit(np.zeros((3, 1)), ["a"] * 3)
    with pytest.warns(UserWarning, match="not trained on 'b'"):
        assert auroc_scorer(model, np.zeros((4, 1)), ["a", "b", "b", "a"]) == 0.5
    with pytest.warns(UndefinedMetricWarning, match="got only 'a'"):
        assert np.isnan(auroc_scorer(model, np.zeros((2, 1)), ["a", "a"]))


def test_scorer_gives_nan_for_a_fold_with_one_class():
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


def test_scorer_says_what_is_wrong(recordings):
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
    with pytest.raises(ValueError, match=message(text)):
        auroc_scorer(model, X, (y == "normal").astype(int))

    class PredictsOnly:
        classes_ = np.array(["murmur", "normal"])

    with pytest.raises(ValueError, match="decision_function or predict_proba, got"):
        auroc_scorer(PredictsOnly(), X, y)


def test_scorer_survives_pickle(recordings):
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
def test_scorer_takes_part_in_metadata_routing(recordings, several):
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
        # The shared scorer was not changed by the request above; scikit-learn 1.7
        # raises a TypeError there.
        with pytest.raises((TypeError, UnsetMetadataPassedError)):
            cross_validate(model, X, y, scoring=auroc_scorer, **arguments)
    np.testing.assert_allclose(found["test_score"], expected["test_score"])
    assert (found["test_score"] != plain["test_score"]).all()


# sensitivity and specificity ---------------------------------------------------------

# Of 5 with a murmur 3 are found; of 4 without 1 is called a murmur.
TRUE = ["murmur"] * 5 + ["normal"] * 4
PREDICTED = ["murmur"] * 3 + ["normal"] * 2 + ["normal"] * 3 + ["murmur"]


def test_rates_of_two_classes():
    assert sensitivity_score(TRUE, PREDICTED, pos_label="murmur") == 3 / 5
    assert specificity_score(TRUE, PREDICTED, pos_label="murmur") == 3 / 4
    assert sensitivity_score(TRUE, PREDICTED, pos_label="normal") == 3 / 4
    assert specificity_score(TRUE, PREDICTED, pos_label="normal") == 3 / 5


def test_rates_take_the_positive_class_that_follows_from_the_words():
    assert sensitivity_score(TRUE, PREDICTED) == 3 / 5
    assert specificity_score(TRUE, PREDICTED) == 3 / 4
    y_true = np.where(np.array(TRUE) == "murmur", "Present", "Absent")
    y_pred = np.where(np.array(PREDICTED) == "murmur", "Present", "Absent")
    assert sensitivity_score(y_true, y_pred) == 3 / 5
    assert specificity_score(y_true, y_pred) == 3 / 4
    assert sensitivity_score(y_true == "Present", y_pred == "Present") == 3 / 5


def test_rates_weights():
    weight = [1, 1, 1, 3, 4, 1, 2, 3, 6]
    found = sensitivity_score(TRUE, PREDICTED, pos_label="murmur", sample_weight=weight)
    assert found == 3 / 10
    found = specificity_score(TRUE, PREDICTED, pos_label="murmur", sample_weight=weight)
    assert found == 6 / 12


def test_rates_of_three_classes():
    y_true = ["a", "a", "a", "a", "b", "b", "c", "c"]
    y_pred = ["a", "a", "a", "b", "b", "c", "a", "c"]
    each = sensitivity_score(y_true, y_pred, average=None)
    np.testing.assert_allclose(each, recall_score(y_true, y_pred, average=None))
    macro = sensitivity_score(y_true, y_pred, average="macro")
    assert macro == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    # Not a: 4, of which 1 is called a. Not b: 6, 1 called b. Not c: 6, 1 called c.
    each = specificity_score(y_true, y_pred, average=None)
    np.testing.assert_allclose(each, [3 / 4, 5 / 6, 5 / 6])
    macro = specificity_score(y_true, y_pred, average="macro")
    assert macro == pytest.approx((3 / 4 + 5 / 6 + 5 / 6) / 3)
    assert sensitivity_score(y_true, y_pred, pos_label="a") == 3 / 4
    # Only predicted, so it has no sensitivity and does not count.
    each = sensitivity_score(["a", "b"], ["a", "c"], average=None)
    np.testing.assert_array_equal(each, [1, 0, np.nan])
    assert sensitivity_score(["a", "b"], ["a", "c"], average="macro") == 0.5


def test_rates_that_are_undefined_warn_and_are_nan():
    text = (
        "sensitivity needs a positive recording in y_true, got only 'normal'; the "
        "score is NaN."
    )
    for y_pred in (["normal", "normal"], ["normal", "murmur"]):
        with pytest.warns(UndefinedMetricWarning, match=message(text)) as record:
            score = sensitivity_score(["normal"] * 2, y_pred, pos_label="murmur")
        assert np.isnan(score)
        assert record[0].filename == __file__
    assert specificity_score(["normal"], ["normal"], pos_label="murmur") == 1.0
    with pytest.warns(UndefinedMetricWarning, match="needs a negative recording"):
        assert np.isnan(specificity_score(["a"], ["a"], pos_label="a"))
    text = "specificity needs pos_label where only 'a' occurs; the score is NaN."
    with pytest.warns(UndefinedMetricWarning, match=message(text)):
        assert np.isnan(specificity_score(["a"], ["a"]))
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(specificity_score(["a"], ["a"], average="macro"))


@pytest.mark.parametrize("score", [sensitivity_score, specificity_score])
def test_rates_say_what_is_wrong(score):
    text = "pos_label must be one of 'murmur', 'normal', got 'Murmur'."
    with pytest.raises(ValueError, match=message(text)):
        score(TRUE, PREDICTED, pos_label="Murmur")
    text = (
        "pos_label must name the positive class, which does not follow from the labels "
        "'a', 'b', 'c'."
    )
    with pytest.raises(ValueError, match=message(text)):
        score(["a", "b", "c"], ["a", "b", "c"])
    text = "pos_label must be None with average='macro', got 'murmur'."
    with pytest.raises(ValueError, match=message(text)):
        score(TRUE, PREDICTED, pos_label="murmur", average="macro")
    with pytest.raises(ValueError, match="y_true and y_pred must have the same length"):
        score(TRUE, PREDICTED[1:])
    with pytest.raises(ValueError, match="labels of one kind, got int and str"):
        score(["a", "b"], [0, 1])


# auroc_confidence_interval -----------------------------------------------------------


def naive_interval(y_true, y_score, groups, *, labels, confidence, n_resamples, seed):
    """Do what the docstring says, one resample after another, with scikit-learn."""
    rng = np.random.RandomState(seed)
    patients = np.unique(groups)
    aurocs = []
    while len(aurocs) < n_resamples:
        drawn = patients[rng.randint(len(patients), size=len(patients))]
        rows = np.concatenate([np.flatnonzero(groups == p) for p in drawn])
        if set(y_true[rows]) != set(y_true):
            continue
        if y_score.ndim == 1:
            aurocs.append(roc_auc_score(y_true[rows] == labels[1], y_score[rows]))
        else:
            areas = [
                roc_auc_score(y_true[rows] == label, y_score[rows, c])
                for c, label in enumerate(labels)
                if label in y_true
            ]
            aurocs.append(np.mean(areas))
    tail = 100 * (1 - confidence) / 2
    return np.percentile(aurocs, [tail, 100 - tail])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("largest", [1, 500, 1_000_000])
def test_interval_equals_a_naive_bootstrap(scores, n_classes, largest, monkeypatch):
    monkeypatch.setattr("skheart.metrics.interval._LARGEST_DRAW", largest)
    y, y_score, _ = scores
    y, y_score = y[:24], y_score[:24].round(1)  # ties, and resamples that lack a class
    labels = np.array(["Absent", "Present", "Unknown", "never"])[: n_classes + 1]
    if n_classes == 2:
        y = np.where(y == "Unknown", "Present", "Absent")
        labels, y_score = np.array(["Absent", "Present"]), y_score[:, 2]
    else:
        y_score = np.column_stack([y_score, y_score[:, 0]])
    groups = np.arange(24) // 2
    options = {"labels": labels, "confidence": 0.8, "n_resamples": 60}
    expected = naive_interval(y, y_score, groups, seed=7, **options)
    found = auroc_confidence_interval(
        y, y_score, groups=groups, random_state=7, **options
    )
    np.testing.assert_allclose(found[1:], expected, rtol=1e-12)
    assert found.auroc == auroc_score(y, y_score, labels=labels)


def test_interval_without_groups_draws_recordings(scores):
    y, y_score, _ = scores
    y = y == "Present"
    options = {"n_resamples": 50, "random_state": 0}
    found = auroc_confidence_interval(y, y_score[:, 1], **options)
    same = auroc_confidence_interval(y, y_score[:, 1], groups=np.arange(60), **options)
    assert found == same
    assert found.low < found.auroc < found.high


def test_interval_is_as_wide_for_recordings_made_twice(scores):
    y, y_score, _ = scores
    y, score, patients = y == "Present", y_score[:, 1], np.arange(60)
    once = auroc_confidence_interval(y, score, groups=patients, random_state=0)
    twice = auroc_confidence_interval(
        y.repeat(2), score.repeat(2), groups=patients.repeat(2), random_state=0
    )
    np.testing.assert_allclose(twice, once)
    fooled = auroc_confidence_interval(y.repeat(2), score.repeat(2), random_state=0)
    assert fooled.high - fooled.low < 0.85 * (once.high - once.low)


def test_interval_takes_labels_and_patients_in_any_order(scores):
    y, y_score, _ = scores
    y, score = y == "Present", y_score[:, 1]
    patients = np.array([f"p{i // 2:02d}" for i in range(60)])
    order = np.random.default_rng(8).permutation(60)
    expected = auroc_confidence_interval(y, score, groups=patients, random_state=0)
    found = auroc_confidence_interval(
        y[order], score[order], groups=patients[order], random_state=0
    )
    np.testing.assert_allclose(found, expected)


def test_interval_covers_the_true_value():
    # Normal scores one apart: the true AUROC is Phi(1 / sqrt(2)) = 0.7602. With 90 %
    # intervals of 100 samples, fewer than 80 or all 100 hits have odds below 1:500.
    rng = np.random.default_rng(9)
    y = np.arange(120) % 2
    hits = 0
    for seed in range(100):
        score = rng.normal(loc=y)
        _, low, high = auroc_confidence_interval(
            y, score, confidence=0.9, n_resamples=200, random_state=seed
        )
        hits += low <= 0.7602 <= high
    assert 80 <= hits < 100


def test_interval_narrows_with_confidence(scores):
    y, y_score, _ = scores
    wide, narrow = (
        auroc_confidence_interval(
            y == "Present", y_score[:, 1], confidence=c, random_state=0
        )
        for c in (0.99, 0.5)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


def test_interval_of_perfect_separation_is_a_point():
    interval = auroc_confidence_interval(
        [0] * 9 + [1] * 9, np.arange(18.0), n_resamples=100, random_state=0
    )
    assert interval == (1.0, 1.0, 1.0)


def test_interval_seeds(scores):
    y, y_score, _ = scores
    arguments = (y == "Present", y_score[:, 1])
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    first, same, other = (
        auroc_confidence_interval(*arguments, n_resamples=100, random_state=seed)
        for seed in (0, np.random.RandomState(0), 1)
    )
    assert first == same
    assert first.auroc == other.auroc
    assert first.low != other.low
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_interval_is_a_tuple_that_cannot_be_changed(scores):
    y, y_score, _ = scores
    interval = auroc_confidence_interval(
        y == "Present", y_score[:, 1], n_resamples=20, random_state=0
    )
    auroc, low, high = interval
    assert (auroc, low, high) == (interval.auroc, interval.low, interval.high)
    assert all(type(value) is float for value in interval)
    with pytest.raises(AttributeError):
        interval.low = 0.0


def test_interval_of_one_class_warns_and_is_nan():
    with pytest.warns(UndefinedMetricWarning, match="got only 'a'"):
        interval = auroc_confidence_interval(["a"] * 4, [1, 2, 3, 4])
    assert np.isnan(interval).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"groups": ["p"] * 6}, "groups must name two patients or more, got 1."),
        (
            # Two of three patients: drawing neither or only those is most likely.
            {"groups": [1, 1, 1, 2, 2, 3]},
            "groups must name enough patients of every class for a bootstrap, got 3 "
            "patients of which more than half of the resamples lack a class.",
        ),
        (
            {"groups": [1, 2]},
            "y_true, y_score and groups must have the same length, got 6, 6 and 2.",
        ),
        (
            {"confidence": 1.0},
            "confidence must be a positive number, below 1, got 1.0.",
        ),
        ({"n_resamples": 0}, "n_resamples must be a positive integer, got 0."),
    ],
)
def test_interval_says_what_is_wrong(arguments, text):
    y = ["a", "a", "a", "b", "b", "c"]
    with pytest.raises(ValueError, match=message(text)):
        auroc_confidence_interval(y, np.eye(6)[:, 3:], random_state=0, **arguments)


# Challenge scores --------------------------------------------------------------------


def challenge_table():
    """Return recordings of these counts (answers abnormal, unsure, normal).

    ============= ==== ==== ====
    truth, quality   a    q    n
    ============= ==== ==== ====
    abnormal good    5    1    2
    abnormal poor    1    1    0
    normal good      3    2   10
    normal poor      1    1    3
    ============= ==== ==== ====
    """
    counts = {
        ("abnormal", 1): (5, 1, 2),
        ("abnormal", 0): (1, 1, 0),
        ("normal", 1): (3, 2, 10),
        ("normal", 0): (1, 1, 3),
    }
    rows = [
        (truth, answer, quality)
        for (truth, quality), numbers in counts.items()
        for answer, n in zip(("abnormal", "unsure", "normal"), numbers, strict=True)
        for _ in range(n)
    ]
    return zip(*rows, strict=True)


def test_cinc2016_score_by_hand():
    y_true, y_pred, quality = challenge_table()
    # 10 abnormal, 8 good and 2 poor; 20 normal, 15 good and 5 poor.
    sensitivity = 0.8 * 5 / (5 + 1 + 2) + 0.2 * (1 + 1) / (1 + 1 + 0)  # 0.7
    specificity = 0.75 * 10 / (3 + 2 + 10) + 0.25 * (3 + 1) / (1 + 1 + 3)  # 0.7
    found = cinc2016_sensitivity_specificity(y_true, y_pred, quality)
    assert found == pytest.approx((sensitivity, specificity))
    score = cinc2016_score(y_true, y_pred, quality)
    assert score == pytest.approx((sensitivity + specificity) / 2)
    # Were all of good quality: 6 of 10 and 13 of 20.
    found = cinc2016_sensitivity_specificity(y_true, y_pred)
    assert found == pytest.approx((0.6, 0.65))
    assert cinc2016_score(y_true, y_pred) == pytest.approx(0.625)


def test_cinc2016_score_takes_the_codes_of_the_challenge():
    y_true, y_pred, quality = map(list, challenge_table())
    codes = {"abnormal": 1, "unsure": 0, "normal": -1}
    expected = cinc2016_score(y_true, y_pred, quality)
    found = cinc2016_score(
        np.array([codes[word] for word in y_true]),
        np.array([codes[word] for word in y_pred], dtype=float),
        np.array(quality, dtype=bool),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("answers", "quality", "expected"),
    [
        (["abnormal", "abnormal", "normal"], None, 1.0),
        (["normal", "normal", "abnormal"], None, 0.0),
        (["abnormal", "abnormal", "abnormal"], None, 0.5),
        (["unsure", "unsure", "unsure"], [1, 1, 1], 0.0),
        (["unsure", "unsure", "unsure"], [0, 0, 0], 1.0),
        # An abnormal recording of good quality missed, the poor one unsure: 1/2 and 1.
        (["unsure", "unsure", "normal"], [1, 0, 0], 0.75),
        # The poor recordings answered wrongly: no credit.
        (["abnormal", "normal", "abnormal"], [1, 0, 0], 0.25),
    ],
)
def test_cinc2016_score_extremes(answers, quality, expected):
    y_true = ["abnormal", "abnormal", "normal"]
    assert cinc2016_score(y_true, answers, quality) == expected


def test_cinc2016_score_of_one_class_warns_and_is_nan():
    text = (
        "The challenge's score needs a recording that is abnormal in y_true, got none; "
        "the score is NaN."
    )
    with pytest.warns(UndefinedMetricWarning, match=message(text)) as record:
        found = cinc2016_sensitivity_specificity(["normal"] * 2, ["normal", "unsure"])
    assert record[0].filename == __file__
    np.testing.assert_array_equal(found, [np.nan, 0.5])
    with pytest.warns(UndefinedMetricWarning, match="that is normal in y_true"):
        assert np.isnan(cinc2016_score([1], [1]))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            (["unsure"], ["normal"]),
            "y_true must hold only 'normal', 'abnormal', -1, 1, got 'unsure'.",
        ),
        (([0], [1]), "y_true must hold only 'normal', 'abnormal', -1, 1, got 0."),
        (
            (["normal"], ["Normal"]),
            "y_pred must hold only 'normal', 'abnormal', -1, 1, 'unsure', 0, got "
            "'Normal'.",
        ),
        ((["normal"], ["normal"], [2]), "quality must hold only 0, 1, got 2."),
        (
            (["normal"], ["normal"], [1, 0]),
            "y_true, y_pred and quality must have the same length, got 1, 1 and 2.",
        ),
    ],
)
def test_cinc2016_score_says_what_is_wrong(arguments, text):
    with pytest.raises(ValueError, match=message(text)):
        cinc2016_score(*arguments)


def test_circor2022_score_by_hand():
    # Present: 3 of 4 right; Unknown: 1 of 2; Absent: 5 of 6.
    y_true = ["Present"] * 4 + ["Unknown"] * 2 + ["Absent"] * 6
    y_pred = (
        ["Present", "Present", "Present", "Absent"]
        + ["Unknown", "Present"]
        + ["Absent"] * 5
        + ["Unknown"]
    )
    expected = (5 * 3 + 3 * 1 + 1 * 5) / (5 * 4 + 3 * 2 + 1 * 6)
    assert circor2022_score(y_true, y_pred) == expected
    # Abnormal: 1 of 2 right; Normal: 2 of 3.
    y_true = np.array(["Abnormal"] * 2 + ["Normal"] * 3)
    y_pred = np.array(["Abnormal", "Normal", "Normal", "Normal", "Abnormal"])
    expected = (5 * 1 + 1 * 2) / (5 * 2 + 1 * 3)
    assert circor2022_score(y_true, y_pred, task="outcome") == expected


def test_circor2022_score_extremes():
    y_true = ["Present", "Unknown", "Absent"]
    assert circor2022_score(y_true, y_true) == 1.0
    assert circor2022_score(y_true, ["Absent", "Absent", "Present"]) == 0.0
    assert circor2022_score(y_true, ["Present"] * 3) == 5 / 9


@pytest.mark.parametrize(
    ("labels", "task", "text"),
    [
        (
            ["present"],
            "murmur",
            "y_true must hold only 'Present', 'Unknown', 'Absent', got 'present'.",
        ),
        (
            ["Unknown"],
            "outcome",
            "y_true must hold only 'Abnormal', 'Normal', got 'Unknown'.",
        ),
        (
            ["Normal"],
            "outcomes",
            "task must be one of 'murmur', 'outcome', got 'outcomes'.",
        ),
    ],
)
def test_circor2022_score_says_what_is_wrong(labels, task, text):
    with pytest.raises(ValueError, match=message(text)):
        circor2022_score(labels, labels, task=task)


# pool_by_group -----------------------------------------------------------------------

SCORES = [0.9, 0.1, 0.2, 0.3, 0.1]
PATIENTS = ["p2", "p1", "p2", "p1", "p2"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", [0.2, 0.4]),
        ("median", [0.2, 0.2]),
        ("max", [0.3, 0.9]),
        (np.min, [0.1, 0.1]),
        (lambda scores: scores[0], [0.1, 0.9]),
    ],
)
def test_pool_by_group(how, expected):
    pooled, patients, labels = pool_by_group(SCORES, PATIENTS, how=how)
    np.testing.assert_allclose(pooled, expected)
    assert patients.tolist() == ["p1", "p2"]
    assert labels is None
    # Columns are pooled one by one.
    both = np.column_stack([SCORES, np.zeros(5)])
    pooled = pool_by_group(both, PATIENTS, how=how).y_score
    np.testing.assert_allclose(pooled, np.column_stack([expected, [0, 0]]))


def test_pool_by_group_pools_each_class_in_its_own_way():
    scores = np.column_stack([SCORES, SCORES, SCORES])
    pooled = pool_by_group(scores, PATIENTS, how=("mean", "max", np.min)).y_score
    np.testing.assert_allclose(pooled, [[0.2, 0.3, 0.1], [0.4, 0.9, 0.1]])
    alone = pool_by_group(SCORES, PATIENTS, how=["max"]).y_score
    np.testing.assert_allclose(alone, [0.3, 0.9])


def test_pool_by_group_gives_a_callable_the_recordings_in_their_order():
    patients = np.random.default_rng(10).integers(3, size=300)
    pooled = pool_by_group(np.arange(300.0), patients, how=lambda scores: scores[0])
    _, first = np.unique(patients, return_index=True)
    np.testing.assert_array_equal(pooled.y_score, first)


def test_pool_by_group_pools_by_the_mean_unless_told():
    pooled = pool_by_group(SCORES, PATIENTS)
    np.testing.assert_allclose(pooled.y_score, [0.2, 0.4])


@pytest.mark.parametrize("kind", [int, str, object])
def test_pool_by_group_sorts_patients(kind):
    groups = np.array([30, 4, 30, 12]).astype(kind)
    pooled = pool_by_group([1.0, 2.0, 5.0, 7.0], groups)
    # As text "12" < "30" < "4".
    expected = [12, 30, 4] if kind is str else [4, 12, 30]
    assert pooled.groups.astype(int).tolist() == expected
    by_patient = dict(zip(pooled.groups.astype(int), pooled.y_score, strict=True))
    assert by_patient == {4: 2.0, 12: 7.0, 30: 3.0}


def test_pool_by_group_pools_labels():
    y_true = np.array(["Present", "Absent", "Present", "Absent", "Present"])
    pooled = pool_by_group(SCORES, PATIENTS, y_true=y_true)
    assert pooled.y_true.tolist() == ["Absent", "Present"]
    assert auroc_score(pooled.y_true, pooled.y_score) == 1.0


def test_pool_by_group_takes_the_positive_label_of_any_recording():
    y_true = ["Absent", "Absent", "Present", "Absent", "Absent"]
    pooled = pool_by_group(SCORES, PATIENTS, y_true=y_true, pos_label="Present")
    assert pooled.y_true.tolist() == ["Absent", "Present"]
    text = (
        "y_true must be the same for all recordings of a patient, got 'Absent', "
        "'Present' for patient 'p2'; pos_label= names a label that counts if any "
        "recording has it."
    )
    with pytest.raises(ValueError, match=message(text)):
        pool_by_group(SCORES, PATIENTS, y_true=y_true)
    y_true[0] = "Unknown"
    y_true[2] = "Unknown"
    with pytest.raises(ValueError, match="got 'Absent', 'Unknown' for patient 'p2'"):
        pool_by_group(SCORES, PATIENTS, y_true=y_true, pos_label="Present")


def test_pool_by_group_leaves_one_recording_as_it_is():
    pooled = pool_by_group([[0.2, 0.8]], [7], y_true=["a"])
    np.testing.assert_array_equal(pooled.y_score, [[0.2, 0.8]])
    assert pooled.groups.tolist() == [7]
    assert pooled.y_true.tolist() == ["a"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"how": "min"},
            "how must be one of 'mean', 'median', 'max', got 'min'.",
        ),
        (
            {"how": ("mean", "max")},
            "how must name one way of pooling for each of the 1 columns of y_score, "
            "got 2; a single way, as how='mean', pools them all.",
        ),
        (
            {"how": ["least"]},
            "how must be one of 'mean', 'median', 'max', got 'least'.",
        ),
        (
            {"how": lambda scores: scores.tolist()},
            "how must return one number for the scores of a patient, got [0.1, 0.3].",
        ),
        (
            {"pos_label": "Present"},
            "pos_label must come with y_true, got pos_label='Present' alone.",
        ),
        (
            {"y_true": ["a"]},
            "y_score, groups and y_true must have the same length, got 5, 5 and 1.",
        ),
    ],
)
def test_pool_by_group_says_what_is_wrong(arguments, text):
    with pytest.raises(ValueError, match=message(text)):
        pool_by_group(SCORES, PATIENTS, **arguments)


def test_pool_by_group_rejects_nan():
    with pytest.raises(
        ValueError, match="y_score must have no NaN, got NaN for 1 of 2"
    ):
        pool_by_group([[0.1, np.nan], [0.2, 0.8]], [1, 2])


# The module --------------------------------------------------------------------------


def test_metrics_does_not_import_a_deep_learning_library():
    code = (
        "import sys, skheart.metrics\n"
        "heavy = {'tensorflow', 'keras', 'scikeras', 'librosa', 'soundfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr.strip()) == ("[]", "")


def test_public_names_are_documented_and_sorted():
    assert metrics.__all__ == sorted(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__.strip()
