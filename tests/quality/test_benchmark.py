"""The labels, sounds and the fit that the table of the package comes from."""

import sys
from pathlib import Path

import numpy as np
import pytest

from skheart.quality.table import combined

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Make the modules of the benchmarks importable, as they are for each other."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def test_other_sounds_are_sounds():
    from _other_sounds import KINDS, draw_other

    for kind in KINDS:
        for seed in range(6):
            waveform, rate = draw_other(np.random.default_rng(seed), kind)
            again, _ = draw_other(np.random.default_rng(seed), kind)
            np.testing.assert_array_equal(waveform, again)
            assert 5 * rate - 1 <= len(waveform) <= 20 * rate
            assert np.isfinite(waveform).all()
            assert 0.01 < np.abs(waveform).max() < 1


def test_beeps_are_at_the_rate_of_hearts():
    from _other_sounds import beeps

    for seed in range(10):
        waveform = beeps(np.random.default_rng(seed), 40_000, 2000.0)
        loud = np.abs(waveform).reshape(-1, 20).max(axis=1) > 0.1  # every 10 ms
        n = int(np.sum(np.diff(loud.astype(int)) == 1))
        assert 20 / 60 * 40 * 0.7 < n < 2.2 * 20 / 60 * 150
        assert loud.mean() < 0.8


def test_speech_has_a_voice_and_resonances():
    from _other_sounds import speech

    waveform = speech(np.random.default_rng(0), 80_000, 8000.0)
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequency = np.fft.rfftfreq(len(waveform), 1 / 8000)
    between = power[(frequency > 80) & (frequency < 3500)].sum() / power.sum()
    assert between > 0.7
    assert power[frequency < 60].sum() / power.sum() < 0.02
    level = np.abs(waveform).reshape(-1, 800).mean(axis=1)
    assert level.max() > 5 * np.median(level[level < np.median(level)])


def test_labels_of_the_corpora(shared_data):
    from _corpora import read_corpora
    from _quality_labels import labels_of, noise_grades

    grades = noise_grades(shared_data)
    assert set(grades.values()) == {0, 1}
    assert 40 < sum(grades.values()) < 250
    assert "b0001" not in grades or grades["b0001"] in (0, 1)
    corpora = read_corpora(shared_data)
    few = corpora.take(np.flatnonzero(corpora.corpus != "circor2022"))
    one = corpora.take(np.flatnonzero(corpora.corpus == "circor2022")[:20])
    labels = labels_of(few, shared_data)
    flag = labels.tasks["CinC 2016, flag"]
    assert (flag == 1).sum() == 250
    assert (flag[few.corpus == "pascal"] == -1).all()
    assert (labels.tasks["PASCAL A, artifact"] == 1).sum() == 40
    assert (labels.tasks["PASCAL B, noisy"] == 1).sum() == 149
    noisy = labels.tasks["CinC 2016 b, noise"]
    assert (few.part[noisy >= 0] == "b").all()
    share = labels_of(one, shared_data).share
    assert ((share > 0) & (share <= 1)).all()
    assert len(np.unique(share)) > 10


def test_sources_have_equal_weight_and_good_and_poor_too():
    from _quality_table import weights_of

    good = np.array([1, 1, 1, 0, 0.5, 0, 0, 0])
    source = np.array(["a"] * 5 + ["noise"] * 3)
    yes, no = weights_of(good, source)
    assert yes[:5].sum() == pytest.approx(no[:5].sum())
    assert yes[5:].sum() == 0
    assert no[5:].sum() == pytest.approx(no[:5].sum())
    assert yes.sum() + no.sum() == pytest.approx(8)
    assert yes[4] == pytest.approx(0.5 * yes[0])


def test_a_fitted_table_finds_what_makes_recordings_good():
    from _quality_table import fit_table

    random = np.random.default_rng(0)
    kurtosis, other = random.normal(size=(2, 2000))
    good = (random.random(2000) < 1 / (1 + np.exp(-4 * kurtosis))).astype(float)
    X = {"kurtosis": kurtosis, "contrast": other, "clipped": np.zeros(2000)}
    table = fit_table(X, good, np.full(2000, "a"))
    assert set(table["curves"]) == {"kurtosis", "contrast"}  # a constant tells nothing
    for curve in table["curves"].values():
        assert max(curve["adds"]) == 0
    found = combined(table, {**X, "heartbeat_share": np.ones(2000)})
    assert np.corrcoef(found, 1 / (1 + np.exp(-4 * kurtosis)))[0, 1] > 0.95
    rest = np.ptp(table["curves"]["contrast"]["adds"])
    assert rest < 0.2 * np.ptp(table["curves"]["kurtosis"]["adds"])


def test_noise_is_added_at_its_level():
    from _quality_rows import with_noise

    x = 3 * np.sin(np.arange(40_000)).astype(np.float32) + 1
    noise = np.random.default_rng(0).normal(size=40_000)
    added = with_noise(x, noise, 10.0) - x
    assert 20 * np.log10(x.std() / added.std()) == pytest.approx(10, abs=0.1)


def test_auroc_equals_that_of_scikit_learn_and_has_an_interval():
    from _auroc import auroc, by_patient
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    score = np.round(y + random.normal(size=300), 1)  # with ties
    group = random.integers(0, 60, 300).astype(str)
    found = auroc(y, score, group)
    assert found["auroc"] == round(roc_auc_score(y, score), 3)
    assert found["low"] < found["auroc"] < found["high"]
    assert (found["n"], found["patients"]) == (300, len(set(group)))
    alone = auroc(y, score, np.arange(300).astype(str))
    assert alone["auroc"] == found["auroc"]
    patients = by_patient(
        np.array([0, 1, 0, 0]), np.array([0.1, 0.9, 0.5, 0.2]), np.array(list("aabb"))
    )
    assert (patients["auroc"], patients["n"], patients["positive"]) == (1.0, 2, 1)
