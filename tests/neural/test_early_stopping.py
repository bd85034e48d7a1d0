"""Test early stopping and the choice of the validation patients."""

import keras
import numpy as np
import pytest
import sklearn
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier
from skheart.metrics import auroc_scorer
from skheart.neural.split import split_patients, validation_split

sklearn_version = tuple(map(int, sklearn.__version__.split(".")[:2]))


def light_network(n_bands, n_frames, n_channels, n_outputs, dropout):
    """Build a network that is much faster to compile than the built-in ones."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((1, n_frames))(inputs))
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def quick(**parameters):
    settings = {"epochs": 4, "batch_size": 8, "crop_frames": 20, "random_state": 0}
    settings |= {"network": light_network, "learning_rate": 0.1}
    return CNNClassifier(**settings | parameters)


def test_validation_part_shares_no_patient(data):
    _, codes = data
    groups = np.repeat(np.arange(12), 4)
    parts = [
        validation_split(codes, groups, validation=0.2, seed=seed) for seed in range(5)
    ]
    for train, held_out in parts:
        assert not set(groups[train]) & set(groups[held_out])
        assert len(train) + len(held_out) == 48
        assert set(codes[train]) == set(codes[held_out]) == {0, 1}
    # Before version 1.8, scikit-learn hardly shuffles similar patients.
    if sklearn_version >= (1, 8):
        assert len({tuple(held_out) for _, held_out in parts}) > 1


def test_stops_and_restores_the_best_epoch(data):
    X, codes = data
    noise, groups = np.random.default_rng(1).permutation(codes), np.arange(48)
    splitter = StratifiedGroupKFold(5)
    classifier = quick(patience=2, epochs=40, validation=splitter)
    classifier.fit(X, noise, groups=groups)
    scores = classifier.history_["val_auroc"]
    assert len(scores) == len(classifier.history_["loss"]) < 40
    assert len(scores) - 1 - int(np.argmax(scores)) == 2
    _, held_out = next(splitter.split(X, noise, groups))
    auroc = roc_auc_score(noise[held_out], classifier.decision_function(X[held_out]))
    assert auroc == pytest.approx(max(scores))


def test_without_patience_there_is_no_validation(fitted):
    assert list(fitted.history_) == ["loss"]
    assert all(isinstance(value, float) for value in fitted.history_["loss"])
    assert len(fitted.history_["loss"]) == 4


def test_groups_through_metadata_routing(data, monkeypatch):
    X, codes = data
    groups = np.repeat(np.arange(12), 4)
    seen = []
    fit = CNNClassifier.fit

    def record_fit(self, X, y, sample_weight=None, *, groups=None):
        seen.append(groups)
        return fit(self, X, y, sample_weight, groups=groups)

    monkeypatch.setattr(CNNClassifier, "fit", record_fit)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [("cnn", quick(patience=1, epochs=1).set_fit_request(groups=True))]
        )
        GridSearchCV(
            pipeline,
            {"cnn__dropout": [0.0, 0.5]},
            cv=StratifiedGroupKFold(2),
            scoring=auroc_scorer,
            error_score="raise",
        ).fit(X, codes, groups=groups)
    assert [len(part) for part in seen] == [24, 24, 24, 24, 48]
    assert not set(seen[0]) & set(seen[1])


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.4, 0.5])
def test_fraction_is_kept(fraction):
    codes, groups = np.arange(400) % 2, np.arange(400) // 2
    train, held_out = split_patients(codes, groups, fraction=fraction, seed=0)
    assert len(held_out) == pytest.approx(400 * fraction, abs=8)
    assert len(train) + len(held_out) == 400
    assert not set(groups[train]) & set(groups[held_out])


def test_validation_auroc_is_weighted(data):
    X, codes = data[0], np.random.default_rng(1).permutation(data[1])
    weight = np.ones(48)
    weight[codes == 0] = np.linspace(0.1, 5, 24)
    splitter = StratifiedGroupKFold(3)
    classifier = quick(patience=3, epochs=3, validation=splitter)
    classifier.fit(X, codes, weight, groups=np.arange(48))
    _, held_out = next(splitter.split(X, codes, np.arange(48)))
    truth, scores = codes[held_out], classifier.decision_function(X[held_out])
    auroc = roc_auc_score(truth, scores, sample_weight=weight[held_out])
    assert auroc == pytest.approx(max(classifier.history_["val_auroc"]))
    assert auroc != roc_auc_score(truth, scores)


def test_too_few_patients(data):
    X, codes = data
    with pytest.raises(ValueError, match="use patience=None"):
        quick(patience=2).fit(X, codes, groups=codes)
    with pytest.raises(ValueError, match=r"validation=0\.2 cannot be split"):
        quick(patience=2).fit(X, codes, groups=np.zeros(48))


def test_a_splitter_chooses_the_part(data):
    X, codes = data
    splitter = StratifiedGroupKFold(3)
    groups = np.arange(48) // 2
    chosen = quick(validation=splitter, patience=9).fit(X, codes, groups=groups)
    _, held_out = next(splitter.split(X, codes, groups))
    last = int(np.argmax(chosen.history_["val_auroc"]))
    assert chosen.history_["val_auroc"][last] == pytest.approx(
        roc_auc_score(codes[held_out], chosen.decision_function(X[held_out]))
    )


def test_a_splitter_that_divides_patients_is_refused(data):
    X, codes = data
    with pytest.raises(ValueError, match="a patient of groups into the training"):
        quick(validation=StratifiedKFold(3, shuffle=True), patience=2).fit(
            X, codes, groups=np.arange(48) // 2
        )
