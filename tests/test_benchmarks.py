"""Test the benchmarks: no patient in two folds, correct figures, correct timing."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skheart.metrics import auroc_score
from skheart.neural.packaged_networks import read_network

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Make the modules of the benchmarks importable."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def corpora(shared_data):
    from _corpora import read_corpora

    return read_corpora(shared_data)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_patient_is_in_two_folds(corpora, seed):
    fold = corpora.fold if seed == 0 else corpora.order_of(seed)
    assert set(fold) == set(range(5))
    for patient in np.unique(corpora.group):
        assert len(set(fold[corpora.group == patient])) == 1
    if seed:
        assert (fold != corpora.fold).mean() > 0.5


def test_recorded_trials_are_not_repeated():
    from trials import TRIALS, as_recorded

    rows = json.loads((FOLDER / "results" / "trials.json").read_text())["trials"]
    assert [row["title"] for row in rows] == list(TRIALS)
    assert all(map(as_recorded, rows))
    other = {**rows[0], "recipe": {**rows[0]["recipe"], "epochs": 21}}
    assert not as_recorded(other)


def test_every_fold_has_both_classes_of_every_task(corpora):
    from _scores import TASKS

    for task in TASKS.values():
        rows = task.rows(corpora)
        for k in range(5):
            part = corpora.take(np.flatnonzero(rows & (corpora.fold == k)))
            assert len(np.unique(task.truth(part))) >= 2


def test_labels_are_those_of_the_corpora(corpora):
    from _corpora import HEADS

    murmur = np.array(HEADS["murmur"])[corpora.codes["murmur"]]
    known = corpora.codes["murmur"] >= 0
    pascal = known & (corpora.corpus == "pascal")
    np.testing.assert_array_equal(murmur[pascal], corpora.word[pascal])
    circor = known & (corpora.corpus == "circor2022")
    present = corpora.word[circor] == "Present"
    np.testing.assert_array_equal(murmur[circor] == "murmur", present)
    assert (corpora.codes["murmur"][corpora.word == "Inaudible"] == -1).all()
    assert (corpora.codes["abnormal"] >= 0).sum() == (
        corpora.corpus == "cinc2016"
    ).sum()


def test_targets_and_weights_of_a_batch(corpora):
    from _joint import COLUMNS, N_LOGITS, JointBatches, Recipe

    part = corpora.take(np.arange(0, len(corpora), 20))
    random = np.random.default_rng(0)
    X = random.normal(size=(len(part), 8, 60)).astype(np.float16)
    recipe = Recipe(crop_frames=40, batch_size=len(part))
    batches = JointBatches(X, part, recipe, seed=3)
    spectrograms, packed = batches[0]
    assert spectrograms.shape[1:] == (8, 40, 1)
    targets, weights = packed[:, :N_LOGITS], packed[:, N_LOGITS:]
    rows = batches.batches[0]
    for head, columns in COLUMNS.items():
        asked = part.codes[head][rows] >= 0
        assert (weights[~asked, columns.start] == 0).all()
        codes = part.codes[head][rows][asked]
        if columns.stop - columns.start == 1:
            np.testing.assert_array_equal(targets[asked, columns.start], codes)
        else:
            np.testing.assert_array_equal(targets[asked, columns].argmax(1), codes)
    again = JointBatches(X, part, recipe, seed=3)[0]
    np.testing.assert_array_equal(again[0], spectrograms)
    other = JointBatches(X, part, recipe, seed=4)[0]
    assert not np.array_equal(other[0][:5], spectrograms[:5])


def test_classes_have_equal_weight(corpora):
    from _joint import COLUMNS, Recipe, _shares, _spread, _targets

    recipe = Recipe()
    _, weights = _targets(corpora, recipe)
    weights, share = _spread(weights), _shares(corpora, recipe)
    codes = corpora.codes["murmur"]
    circor = corpora.corpus == "circor2022"
    mass = (weights[:, COLUMNS["murmur"].start] * share)[circor]
    sums = [mass[codes[circor] == code].sum() for code in (0, 1)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-3)


def test_murmurs_of_other_corpora_can_be_abnormal(corpora):
    from _joint import COLUMNS, Recipe, _spread, _targets

    column = COLUMNS["abnormal"].start
    targets, weights = _targets(corpora, Recipe())
    assert not _spread(weights)[corpora.corpus != "cinc2016", column].any()
    targets, weights = _targets(corpora, Recipe(wide_abnormal=True))
    known = _spread(weights)[:, column] > 0
    abnormal = known & (targets[:, column] == 0)
    assert set(corpora.word[abnormal]) == {"abnormal", "murmur", "Present"}
    assert set(corpora.word[known & ~abnormal]) == {"normal", "Absent"}
    sick = corpora.codes["outcome"] == 0
    assert not known[sick & (corpora.word == "Absent")].any()


def test_classes_of_cinc_have_equal_weight_by_database_or_corpus(corpora):
    from _joint import COLUMNS, Recipe, _shares, _spread, _targets

    cinc = np.flatnonzero(corpora.corpus == "cinc2016")
    labels, parts = corpora.word[cinc], corpora.part[cinc]
    for where in ("database", "corpus"):
        recipe = Recipe(balanced_in=where)
        weights = _spread(_targets(corpora, recipe)[1])[:, COLUMNS["abnormal"].start]
        mass = (weights * _shares(corpora, recipe))[cinc]
        places = [parts == "a", parts == "e"] if where == "database" else [parts != ""]
        for place in places:
            sums = [
                mass[place & (labels == label)].sum()
                for label in ("normal", "abnormal")
            ]
            assert sums[0] == pytest.approx(sums[1], rel=1e-3)


def test_phases_equal_the_segmentation(corpora):
    from _joint import STATES, phases

    from skheart.datasets import read_segmentation

    row = np.flatnonzero(corpora.segmentation != "")[5]
    part = corpora.take(np.array([row]))
    found = phases(part, 1501)[0]
    start, end, state = read_segmentation(part.segmentation[0])
    for first, last, phase in zip(start, end, state, strict=True):
        middle = int((first + last) / 2 / 0.02)
        expected = STATES.index(phase) + 1 if phase in STATES else 0
        if last - first > 0.06 and middle < 1501:
            assert found[middle] == expected


@pytest.mark.parametrize("head", ["abnormal", "murmur3"])
def test_a_cut_network_predicts_the_same(head):
    from _cut import pipeline, saved
    from _joint import Recipe, logits_of, network
    from _scores import probabilities

    recipe = Recipe(crop_frames=40)
    model = network(16, recipe)
    scaling = (2.0, 0.6) if head == "abnormal" else (1.0, 0.0)
    part = saved(
        [model], head, name="small", recipe=recipe, settings={}, scaling=scaling
    )
    X = np.random.default_rng(0).normal(size=(3, 16, 90)).astype(np.float32)
    expected = probabilities(logits_of(model, X, 40), head)
    found = pipeline(part)["cnn"].predict_proba(X)
    if head == "abnormal":
        odds = np.log(expected[:, 0] / expected[:, 1])
        expected[:, 0] = 1 / (1 + np.exp(-(2 * odds + 0.6)))
        expected[:, 1] = 1 - expected[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_left_out_databases(corpora):
    from accuracy import _left_out

    score = np.full(len(corpora), np.nan)
    cinc = corpora.corpus == "cinc2016"
    score[cinc] = corpora.word[cinc] == "abnormal"
    wrong = cinc & (corpora.part == "e")
    score[wrong] = 1 - score[wrong]
    row = _left_out(corpora, score)
    assert row["parts"] == {"a": 1.0, "b": 1.0, "e": 0.0, "f": 1.0}
    assert row["value"] == row["low"] == row["high"] == 1.0  # without e
    # Databases without scores are ignored, and the mean then has no interval.
    score[cinc & (corpora.part != "a")] = np.nan
    row = _left_out(corpora, score)
    assert row["parts"] == {"a": 1.0}
    assert "low" not in row


def test_repetitions_are_averaged(corpora):
    from _scores import TASKS, repeated

    task = TASKS["pascal_murmur"]
    part = corpora.take(np.flatnonzero(task.rows(corpora)))
    right = (part.word == "murmur").astype(float)
    score = np.column_stack([right, -right, np.zeros(len(part))])
    assert repeated(task).statistic(part, score) == pytest.approx(0.5)
    assert repeated(task).statistic(part, score[:, :1]) == 1.0


def test_personal_data_of_the_patients_of_circor(corpora):
    circor = corpora.corpus == "circor2022"
    assert np.isnan(corpora.person[~circor]).all()
    age, female, height, weight, pregnant = corpora.person[circor].T
    assert set(age[~np.isnan(age)]) == {0.04, 0.5, 6.0, 15.0}
    assert set(female) == set(pregnant) == {0.0, 1.0}
    assert 100 < np.nanmedian(height) < 130
    assert 15 < np.nanmedian(weight) < 30
    assert female[pregnant == 1].all()


def test_bootstrap_draws_patients(corpora):
    from _scores import TASKS, bootstrap

    task = TASKS["pascal_murmur"]
    part = corpora.take(np.flatnonzero(task.rows(corpora)))
    random = np.random.default_rng(0)
    score = (part.word == "murmur") + random.normal(0, 1, len(part))
    value = task.statistic(part, score)
    low, high = bootstrap(task, part, score, n_resamples=200)
    assert low < value < high
    assert 0.03 < high - low < 0.3
    same = np.zeros(len(part))
    assert bootstrap(task, part, same, n_resamples=20) == (0.5, 0.5)


def test_aurocs_with_weights():
    from loss_study import _aurocs

    random = np.random.default_rng(0)
    truth = random.random(50) < 0.4
    score = random.normal(size=50) + truth
    weights = random.integers(0, 4, (6, 50)).astype(float)
    expected = [auroc_score(truth, score, sample_weight=row) for row in weights]
    np.testing.assert_allclose(_aurocs(truth, score, weights), expected)


def test_auroc_at_high_sensitivity_is_that_of_the_lowest_positives():
    from loss_study import _aurocs

    random = np.random.default_rng(0)
    truth = np.arange(60) < 20
    score = random.normal(size=60) + truth
    kept = ~truth | (score <= np.sort(score[truth])[1])  # a tenth of the positives
    (found,) = _aurocs(truth, score, np.ones((1, 60)), lowest=0.1)
    assert found == pytest.approx(auroc_score(truth[kept], score[kept]))


def test_loss_of_the_lowest_positives_ignores_the_others():
    from loss_study import LowestPositives

    from skheart.neural import AUROCLoss

    random = np.random.default_rng(0)
    normal = np.arange(30) >= 9  # the first nine are murmurs, with the code 0
    score = random.normal(size=(30, 1)).astype("float32")
    murmurs = np.argsort(-score[:9, 0])  # a low logit is a high score of murmur
    kept = np.r_[murmurs[:3], np.arange(9, 30)]
    y = normal[:, np.newaxis].astype("float32")
    expected = AUROCLoss(surrogate="squared_hinge")(y[kept], score[kept])
    found = LowestPositives(surrogate="squared_hinge")(y, score)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_times_are_compared_within_each_round():
    from _turns import compared, in_turns

    calls = []
    ways = {name: lambda name=name: calls.append(name) for name in ("skheart", "other")}
    seconds = in_turns(ways, rounds=3, warm_up=1)
    assert [len(values) for values in seconds.values()] == [3, 3]
    assert sorted(calls[:2]) == sorted(calls[2:4]) == ["other", "skheart"]
    assert calls[0] != calls[2]
    rows = compared({"skheart": [1.0, 2.0, 4.0], "other": [2.0, 6.0, 20.0]}, per=2)
    assert rows["other"] == {"seconds": 3.0, "ratio": 3, "lowest": 2, "highest": 5}
    assert rows["skheart"]["ratio"] == 1


def test_timed_functions_compute_the_same_spectrogram(corpora):
    from speed_spectrograms import RATE, by_librosa

    from skheart import log_mel_spectrogram, read_recording

    path = corpora.path[corpora.corpus == "circor2022"][0]
    waveform, _ = read_recording(path, sample_rate=RATE)
    mine = log_mel_spectrogram(waveform / waveform.std(), sample_rate=RATE)
    theirs = by_librosa(waveform / waveform.std())
    np.testing.assert_allclose(mine, theirs, atol=1e-3)


def test_results_are_complete():
    from _scores import TASKS

    results = json.loads((FOLDER / "results" / "accuracy.json").read_text("utf-8"))
    for method in ("majority", "energy", "mfcc", "minirocket", "skheart"):
        assert set(TASKS) <= set(results["figures"][method])
        for row in (results["figures"][method][task] for task in TASKS):
            assert len(row["folds"]) == 5
            assert row["mean"] == pytest.approx(np.mean(row["folds"]), abs=1e-3)
    settings = results["made_with"]["models"]
    assert set(settings) == {"murmur", "abnormal", "murmur3", "pascal"}


def test_figures_belong_to_the_pretrained_models():
    """They were measured with the recipes of the models in the package."""
    from dataclasses import asdict

    from _recipes import MODELS

    results = json.loads((FOLDER / "results" / "accuracy.json").read_text("utf-8"))
    for name, model in MODELS.items():
        measured = results["made_with"]["models"][name]
        recipes = [asdict(recipe) for recipe in model.recipes]
        assert measured["recipes"] == json.loads(json.dumps(recipes))
        assert measured["seeds"] == list(model.seeds)


def test_written_networks_are_read_again(tmp_path):
    from _packaging import write_network

    network = read_network("pascal")
    write_network(network, folder=tmp_path)
    again = read_network("pascal", folder=tmp_path)
    for one, other in zip(network.network.weights, again.network.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.network.description == network.network.description
    assert again.card == network.card


def test_weights_too_large_for_halves_are_refused(tmp_path):
    from _packaging import write_network

    network = read_network("murmur")
    weights = [*network.network.weights[:-1], np.array([1e6])]
    large = replace(network, network=replace(network.network, weights=weights))
    with pytest.raises(ValueError, match="does not fit half precision"):
        write_network(large, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_readme_says_what_was_measured():
    results = json.loads((FOLDER / "results" / "accuracy.json").read_text("utf-8"))
    readme = (FOLDER.parent / "README.md").read_text("utf-8")
    for row in results["figures"]["skheart"].values():
        if row.get("mean") is not None:
            assert f"{row['mean']:.3f} ± {row['sd']:.3f}" in readme
        else:
            parts = ", ".join(f"{value:.3f}" for value in row["parts"].values())
            assert f": {parts} |" in readme
        interval = f"({row['low']:.3f}–{row['high']:.3f})"
        assert f"{row['value']:.3f} {interval}" in readme


def test_cards_show_figures_of_their_own_task():
    from _recipes import MODELS
    from _scores import TASKS

    for model in MODELS.values():
        assert model.tasks
        for task in set(model.tasks) - {"cinc_left_out"}:
            assert TASKS[task.removesuffix("_left_out")].head == model.head


@pytest.mark.parametrize("name", ["abnormal", "murmur", "murmur3", "pascal"])
def test_cards_of_the_package_are_those_of_the_results(corpora, tmp_path, name):
    from _packaging import write_description
    from train_pretrained import RESULTS, write_card

    from skheart.neural.packaged_networks import FOLDER as PACKAGE
    from skheart.neural.packaged_networks import read_description

    description = read_description(name)
    emptied = {**description["card"], "operating_point": None, "limits": []}
    write_description(name, {**description, "card": emptied}, folder=tmp_path)
    write_card(name, corpora, json.loads(RESULTS.read_text()), folder=tmp_path)
    file = f"{name}.json"
    assert (tmp_path / file).read_bytes() == (PACKAGE / file).read_bytes()


def test_watch_sees_processes_and_threads():
    from _watch import Watch

    code = "x = bytearray(80_000_000)\nwhile True: pass"
    with Watch() as watch:
        processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
        pids = [process.pid for process in processes]
        try:
            while min(watch.peak_mb.get(pid, 0) for pid in pids) < 80:
                assert all(process.poll() is None for process in processes)
                time.sleep(0.02)
            while not watch.running:
                time.sleep(0.02)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    assert all(80 <= watch.peak_mb[pid] < 200 for pid in pids)
    assert watch.peak_mb[os.getpid()] > 50
    assert len(watch.workers_mb) >= 2
    assert watch.running >= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from imports of librosa
def test_searches_use_the_same_spectrograms(corpora, tmp_path, monkeypatch):
    """Each computation of a spectrogram is counted."""
    from speed_search import WAYS, WHOLE, search_of

    chosen = corpora.path[corpora.corpus == "circor2022"]
    paths = [path for path in chosen if soundfile.info(path).duration >= 20][:2]
    made = []
    for number, (kind, n_jobs, kept) in enumerate({**WAYS, **WHOLE}.values()):
        counted = tmp_path / f"counted{number}"
        monkeypatch.setenv("SPECTROGRAMS_COUNTED", str(counted))
        search = search_of(kind, n_jobs, kept, str(tmp_path / f"kept{number}"))
        step = search.estimator.named_steps["spectrogram"]
        made.append(np.asarray(step.fit_transform(paths)).reshape(2, 40, 1001))
        assert sum(map(int, counted.read_text().split())) == 2
    for spectrograms in made[1:]:
        np.testing.assert_allclose(spectrograms, made[0], atol=1e-3)


@pytest.mark.slow
def test_speed_benchmarks_run(shared_data, tmp_path):
    command = [sys.executable, str(FOLDER / "run.py"), str(shared_data), "--quick"]
    command += ["--work", str(tmp_path), "--only", "spectrograms", "growth"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "speed.json").read_text())["benchmarks"]
    spectrograms = results["spectrograms"]
    assert spectrograms["difference from librosa in dB"] < 1e-3
    for part in ("from memory, one thread", "from WAV files, all cores"):
        rows = spectrograms[part]
        assert rows["skheart"]["ratio"] == 1
        for row in rows.values():
            assert row["lowest"] <= row["ratio"] <= row["highest"]
    growth = results["growth"]
    assert growth["on disk"]["4 x"]["recordings"] == 800
    assert growth["on disk"]["largest against smallest"] < 1.2


# The patient model --------------------------------------------------------------------


@pytest.fixture(scope="module")
def patients():
    """Return a table of patients with features that are drawn at random."""
    from patient_model import CLASSES, SCORES, Table

    random = np.random.default_rng(0)
    truth = CLASSES[random.integers(3, size=200)]
    names = [*SCORES, "n_recordings"]
    features = [dict(zip(names, random.normal(size=7), strict=True)) for _ in truth]
    fold = np.arange(200) % 5
    return Table(truth, fold, np.arange(200).astype(str), features)


def test_no_patient_has_a_part_in_the_model_of_its_fold(patients):
    from patient_model import in_folds

    choice = {"features": "scores, number of recordings", "strength": 0.1}
    every = list(range(5))
    before = in_folds(patients, choice, every)
    assert np.isfinite(before).all()
    shuffled = patients.truth.copy()
    own = patients.fold == 2
    shuffled[own] = np.roll(shuffled[own], 1)
    after = in_folds(replace(patients, truth=shuffled), choice, every)
    np.testing.assert_array_equal(after[own], before[own])
    assert not np.allclose(after[~own], before[~own])


def test_the_first_fold_has_no_part_in_the_trials(patients):
    import patient_model

    few = {"scores": patient_model.SCORES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patient_model, "FEATURES", few)
        before = patient_model.trials(patients)
        changed = patients.truth.copy()
        changed[patients.fold == 0] = "Absent"
        assert patient_model.trials(replace(patients, truth=changed)) == before
        changed[patients.fold == 1] = "Absent"
        assert patient_model.trials(replace(patients, truth=changed)) != before


def test_labels_of_patients_are_those_of_the_corpus(corpora):
    from patient_model import patients_of

    circor = corpora.take(np.flatnonzero(corpora.corpus == "circor2022"))
    p = np.full((len(circor), 3), 1 / 3)
    table = patients_of(circor, p)
    found, counts = np.unique(table.truth, return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == {
        "Absent": 559,
        "Present": 146,
        "Unknown": 54,
    }
    assert len(np.unique(table.group)) == 697
    n = np.exp([row["n_recordings"] for row in table.features])
    assert n.sum() == pytest.approx(len(circor))


def test_the_patient_model_of_the_package_has_these_figures():
    from _recipes import MODELS
    from patient_model import FEATURES

    results = json.loads((FOLDER / "results" / "patient_model.json").read_text("utf-8"))
    network = read_network("murmur3")
    card = {row["task"]: row for row in network.card["figures"]}
    row = results["figures"]["model"]
    assert row["mean"] == pytest.approx(np.mean(row["folds"]), abs=1e-3)
    shown = card[f"{row['task']}, patient model"]
    for key in ("mean", "sd", "value", "low", "high"):
        assert shown[key] == row[key]
    counts = np.array(row["confusion"])
    weighted = counts * np.array([1, 5, 3])[:, np.newaxis]
    expected = np.trace(weighted) / weighted.sum()
    assert row["value"] == pytest.approx(expected, abs=1e-4)
    assert network.card["use"] == MODELS["murmur3"].use
    assert network.card["limits"] == list(MODELS["murmur3"].limits)
    shipped = network.network.decision.patient_model
    best = min(results["trials"], key=lambda row: row["log loss"])
    assert results["chosen"] == best
    assert shipped.features == FEATURES[best["features"]]


def simulated_logits(corpora, some, *, slope, intercept):
    """Return logits of murmur whose log odds are wrong by a slope and an intercept."""
    from _joint import COLUMNS, N_LOGITS

    random = np.random.default_rng(0)
    positive = corpora.codes["murmur"] == 0
    # With these scores, the true log odds of equally common classes are the scores.
    odds = random.normal(np.where(positive, 1.0, -1.0), np.sqrt(2))
    logits = np.full((len(corpora), N_LOGITS), np.nan)
    logits[some] = 0
    column = COLUMNS["murmur"].start
    logits[some, column] = -((odds - intercept) / slope)[some]
    return logits, odds


def test_scaled_probabilities_are_true(corpora):
    from _calibration import calibration, scaled

    every = np.ones(len(corpora), bool)
    logits, odds = simulated_logits(corpora, every, slope=0.4, intercept=1.0)
    found = calibration(corpora, logits, "murmur")
    assert found["slope"] == pytest.approx(0.4, abs=0.05)
    assert found["intercept"] == pytest.approx(1.0, abs=0.15)
    assert found["error"]["mean"] < 0.05
    np.testing.assert_allclose(scaled(corpora, logits, "murmur"), odds, atol=0.4)


def test_no_label_of_a_fold_changes_its_scaling(corpora):
    from dataclasses import replace

    from _calibration import operating_point, scaled

    every = np.ones(len(corpora), bool)
    logits, _ = simulated_logits(corpora, every, slope=0.4, intercept=1.0)
    codes = corpora.codes["murmur"].copy()
    here = (corpora.fold == 2) & (codes >= 0)
    codes[here] = 1 - codes[here]
    wrong = replace(corpora, codes={**corpora.codes, "murmur": codes})
    one, other = (scaled(c, logits, "murmur") for c in (corpora, wrong))
    np.testing.assert_array_equal(one[corpora.fold == 2], other[corpora.fold == 2])
    assert not np.allclose(one[corpora.fold == 3], other[corpora.fold == 3])
    assert operating_point(corpora, logits, "murmur")["sensitivity"]["value"] > 0.85


def test_operating_point_is_the_wanted_one(corpora):
    from _calibration import operating_point
    from scipy.stats import norm

    every = np.ones(len(corpora), bool)
    logits, _ = simulated_logits(corpora, every, slope=1.0, intercept=0.0)
    found = operating_point(corpora, logits, "murmur")
    # Scores have the means 1 and -1 and the variance 2.
    threshold = norm.ppf(0.1, 1, np.sqrt(2))
    expected = norm.cdf(threshold, -1, np.sqrt(2))
    assert found["sensitivity"]["value"] == pytest.approx(0.9, abs=0.02)
    assert found["specificity"]["value"] == pytest.approx(expected, abs=0.05)
    assert found["threshold"] == pytest.approx(1 / (1 + np.exp(-threshold)), abs=0.05)
    for name in ("sensitivity", "specificity", "ppv at 0.1", "npv at 0.02"):
        row = found[name]
        assert row["low"] < row["value"] < row["high"]
    assert found["ppv at 0.02"]["value"] < found["ppv at 0.5"]["value"]


def test_operating_point_of_one_among_three_classes(corpora):
    from _calibration import operating_point
    from _corpora import HEADS
    from _joint import COLUMNS, N_LOGITS

    present = HEADS["murmur3"].index("Present")
    is_present = corpora.codes["murmur3"] == present
    random = np.random.default_rng(0)
    logits = np.zeros((len(corpora), N_LOGITS))
    logits[:, COLUMNS["murmur3"].start + present] = 2 * is_present + random.normal(
        size=len(corpora)
    )
    found = operating_point(corpora, logits, "murmur3")
    assert found["positive"] == "Present"
    known = corpora.codes["murmur3"] >= 0
    odds = logits[:, COLUMNS["murmur3"].start + present]
    p = np.exp(odds) / (np.exp(odds) + 2)
    above = p >= found["threshold"] - 5e-5
    assert above[is_present].mean() == pytest.approx(0.9, abs=0.01)
    specificity = (~above[known & ~is_present]).mean()
    assert found["specificity"]["value"] == pytest.approx(specificity, abs=0.02)


def test_patients_are_calibrated_by_their_highest_probability(corpora):
    from _calibration import patient_calibration, scaled

    every = np.ones(len(corpora), bool)
    logits, _ = simulated_logits(corpora, every, slope=1.0, intercept=0.0)
    found = patient_calibration(corpora, logits)
    circor = (corpora.corpus == "circor2022") & (corpora.word != "Unknown")
    p = 1 / (1 + np.exp(-scaled(corpora, logits, "murmur")[circor]))
    visits = corpora.visit[circor]
    highest = [p[visits == visit].max() for visit in np.unique(visits)]
    assert sum(one["n"] for one in found["bins"]) == len(highest)
    mean = np.average(
        [one["probability"] for one in found["bins"]],
        weights=[one["n"] for one in found["bins"]],
    )
    assert mean == pytest.approx(np.mean(highest), abs=1e-3)
    assert found["prevalence"] == pytest.approx(146 / (146 + 559), abs=1e-3)


def test_calibration_of_a_card_counts_each_patient_once(corpora):
    from _calibration import calibration, scaled

    some = corpora.fold != 4  # the others have no answer
    logits, _ = simulated_logits(corpora, some, slope=1.0, intercept=0.0)
    found = calibration(corpora, logits, "murmur")
    known = some & (corpora.codes["murmur"] >= 0)
    assert found["positive"] == "murmur"
    assert found["recordings"] == sum(one["n"] for one in found["bins"]) == known.sum()
    share = (corpora.codes["murmur"][known] == 0).mean()
    assert found["prevalence"] == pytest.approx(share, abs=1e-4)
    p = 1 / (1 + np.exp(-scaled(corpora, logits, "murmur")[known]))
    order = np.argsort(p, kind="stable")[: found["bins"][0]["n"]]
    first = found["bins"][0]
    assert first["probability"] == pytest.approx(p[order].mean(), abs=1e-4)
    assert first["patients"] == len(np.unique(corpora.group[known][order]))
    width = first["high"] - first["low"]
    by_recording = (
        2 * 1.96 * np.sqrt(first["share"] * (1 - first["share"]) / first["n"])
    )
    assert width > by_recording
    assert [one["probability"] for one in found["bins"]] == sorted(
        one["probability"] for one in found["bins"]
    )


def test_figures_of_many_recordings_are_complete():
    results = json.loads((FOLDER / "results" / "scale.json").read_text("utf-8"))
    program = results["program"]
    assert program["recordings"] == 1000
    for ours in ("skheart, ONNX", "skheart, TensorFlow"):
        for name, row in program[ours].items():
            assert row["lowest"] <= row["ratio"] <= row["highest"]
            assert len(program["seconds"][name]) == program["rounds"]
    for runtime in ("ONNX Runtime", "TensorFlow"):
        assert [int(n) for n in results["memory"][runtime]] == [1000, 10_000, 50_000]
        for n, row in results["memory"][runtime].items():
            assert row["rows"] == int(n)
        rate = results["workers"]["of one worker"][runtime]["recordings per second"]
        assert 0 < rate["lowest"] <= rate["median"] <= rate["highest"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's model.save
def test_the_script_by_hand_predicts_the_same(corpora, tmp_path):
    from scale_program import WITH_TENSORFLOW, probabilities_in, ways_of

    paths = corpora.path[corpora.corpus == "circor2022"][:3].tolist()
    ways, files = ways_of(paths, tmp_path)
    for run in ways.values():
        run()
    expected = probabilities_in(files[WITH_TENSORFLOW])
    for path in files.values():
        np.testing.assert_allclose(probabilities_in(path), expected, atol=0.02)
