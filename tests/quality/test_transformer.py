"""QualityTransformer: containers, recordings that cannot be used, real recordings."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils.estimator_checks import parametrize_with_checks

from skheart._core.provenance import known_training, seen_in
from skheart.datasets import load_circor2022, load_pascal, make_heart_sounds
from skheart.quality import QUALITY_INDICES, QualityTransformer, assess_quality
from skheart.segmentation import RhythmTransformer, load_segmenter

N_COLUMNS = 1 + len(QUALITY_INDICES)


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(8, duration=(4.0, 7.0), random_state=0)


@pytest.fixture
def paths(sounds, tmp_path):
    found = []
    for number, waveform in enumerate(sounds.data):
        found.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(found[-1], waveform, 2000, subtype="FLOAT")
    return found


def test_columns_are_those_of_the_function(sounds):
    features = QualityTransformer().fit_transform(sounds.data)
    assert features.shape == (8, N_COLUMNS)
    assert features.dtype == np.float64
    for row, waveform in zip(features, sounds.data, strict=True):
        found = assess_quality(waveform, sample_rate=2000)
        np.testing.assert_allclose(row, [found.quality, *found.indices.values()])
    names = QualityTransformer().get_feature_names_out()
    assert list(names) == ["quality", *QUALITY_INDICES]


def test_all_containers_give_the_same(sounds, paths):
    expected = QualityTransformer().fit_transform(sounds.data)
    for X in (
        paths,
        [Path(path) for path in paths],
        np.array(paths),
        [Path(path).read_bytes() for path in paths],
        [(2000, waveform) for waveform in sounds.data],
        [{"array": x, "sampling_rate": 2000} for x in sounds.data],
    ):
        np.testing.assert_allclose(QualityTransformer().fit_transform(X), expected)
    rows = np.stack([x[:8000] for x in sounds.data])
    np.testing.assert_allclose(
        QualityTransformer().fit_transform(rows),
        QualityTransformer().fit_transform(list(rows)),
    )


def test_the_rate_of_arrays():
    fast = make_heart_sounds(3, sample_rate=4000, duration=5.0, random_state=0)
    given = QualityTransformer(input_sample_rate=4000).fit_transform(fast.data)
    expected = [assess_quality(x, sample_rate=4000).quality for x in fast.data]
    np.testing.assert_allclose(given[:, 0], expected)
    assert (QualityTransformer().fit_transform(fast.data)[:, 0] != expected).any()
    with pytest.raises(ValueError, match="input_sample_rate must be a positive number"):
        QualityTransformer(input_sample_rate=-1).fit(fast.data)


def test_threads_give_the_same(sounds):
    X = list(sounds.data) * 5
    one = QualityTransformer().transform(X)
    np.testing.assert_array_equal(QualityTransformer(n_jobs=2).transform(X), one)


def test_what_cannot_be_used_stops_no_batch(sounds, paths, tmp_path):
    good = sounds.data[0]
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    damaged = tmp_path / "damaged.wav"
    damaged.write_bytes(Path(paths[1]).read_bytes()[:5000])
    low = tmp_path / "low.wav"
    soundfile.write(low, good[::4], 500)
    X = [
        paths[0],
        np.zeros(9000),
        np.full(9000, np.nan),
        good[:1500],
        np.zeros(0),
        str(text),
        str(damaged),
        str(low),
        None,
        np.zeros((3, 4)),
        paths[1],
    ]
    for n_jobs in (1, 2):
        features = QualityTransformer(n_jobs=n_jobs).fit_transform(X)
        assert features.shape == (len(X), N_COLUMNS)
        assert (features[1:-1, 0] == 0).all()
        assert np.isnan(features[1:-1, 1:]).all()
        assert np.isfinite(features[[0, -1]]).all()


def test_rows_of_an_array_may_hold_nan(sounds):
    rows = np.stack([x[:8000] for x in sounds.data])
    rows[2, 17] = np.nan
    features = QualityTransformer().fit_transform(rows)
    assert features[2, 0] == 0
    assert np.isfinite(np.delete(features, 2, axis=0)).all()


def test_a_missing_file_is_an_error(paths):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.wav"):
        QualityTransformer().transform([paths[0], "nowhere.wav"])


def test_one_recording_is_an_error(paths):
    with pytest.raises(ValueError, match="several recordings"):
        QualityTransformer().transform(paths[0])


def test_in_a_union_and_as_a_copy(sounds):
    union = make_union(QualityTransformer(), RhythmTransformer())
    model = make_pipeline(union, SimpleImputer(), LogisticRegression(max_iter=5000))
    assert model.fit(sounds.data, sounds.target).predict(sounds.data).shape == (8,)
    transformer = QualityTransformer(input_sample_rate=4000, n_jobs=2)
    again = pickle.loads(pickle.dumps(clone(transformer)))
    assert again.get_params() == transformer.get_params()


@parametrize_with_checks([QualityTransformer()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# Real recordings ---------------------------------------------------------------------


def test_real_hearts_are_better_than_artifacts_and_noise(shared_data):
    circor = load_circor2022(shared_data)
    training = known_training(load_segmenter().card_["training"])
    status = seen_in(
        training, "circor2022", circor.groups, lambda key: [None] * len(circor.groups)
    )
    # The table was not fitted to these patients either.
    rows = np.flatnonzero(status == "unseen")[::8]
    hearts = QualityTransformer(n_jobs=2).transform(circor.data[rows])[:, 0]
    assert np.median(hearts) > 0.5
    noise = [
        np.random.default_rng(seed).normal(size=12_000) * np.linspace(0, 1, 12_000)
        for seed in range(10)
    ]
    pascal = load_pascal(shared_data)
    artifacts = pascal.data[pascal.target == "artifact"]
    for X in (noise, artifacts):
        other = QualityTransformer(n_jobs=2).transform(X)[:, 0]
        truth = np.r_[np.ones(len(hearts)), np.zeros(len(other))]
        assert roc_auc_score(truth, np.r_[hearts, other]) > 0.9
