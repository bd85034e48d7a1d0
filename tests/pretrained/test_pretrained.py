"""Test the pretrained models: loading, cards, fine-tuning, command line and scores."""

import csv
import dataclasses
import io
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

import skheart
from skheart import (
    CNNClassifier,
    SpectrogramTransformer,
    load_model,
    load_pretrained,
)
from skheart._core.provenance import patient_digest, seen_in, unpack
from skheart.cli.main import main
from skheart.datasets import (
    load_cinc2016,
    load_circor2022,
    load_pascal,
    make_heart_sounds,
)
from skheart.metrics import auroc_score, circor2022_score, pool_by_group
from skheart.neural.packaged_networks import FOLDER, read_network
from skheart.pretrained import model_card, model_names
from skheart.report import predict_patients

CIRCOR = "circor2022"
ROOT = Path(__file__).resolve().parents[2]
CLASSES = {
    "abnormal": ["abnormal", "normal"],
    "murmur": ["murmur", "normal"],
    "murmur3": ["Absent", "Present", "Unknown"],
    "pascal": ["artifact", "extrahls", "extrasystole", "murmur", "normal"],
}
EVERY_MODEL = pytest.mark.parametrize("name", CLASSES)


@pytest.fixture(scope="module")
def sounds():
    """Return simulated recordings, half of them with a murmur."""
    return make_heart_sounds(24, random_state=1)


@pytest.fixture(scope="module")
def spectrograms(sounds):
    transformer = SpectrogramTransformer(
        input_sample_rate=sounds.sample_rate, duration=10.0
    )
    return transformer.transform(sounds.data)


@pytest.fixture(scope="module")
def recordings(shared_data):
    """Return the paths of four real recordings."""
    return load_pascal(shared_data, subsets="b", as_frame=False).data[::120].tolist()


# Loading -----------------------------------------------------------------------------


@EVERY_MODEL
def test_load_pretrained(name, recordings):
    pipeline = load_pretrained(name)
    assert isinstance(pipeline, Pipeline)
    check_is_fitted(pipeline)
    assert pipeline.classes_.tolist() == CLASSES[name]
    probabilities = pipeline.predict_proba(recordings)
    assert probabilities.shape == (len(recordings), len(CLASSES[name]))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.std(axis=0).max() > 0.01
    expected = pipeline.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(pipeline.predict(recordings), expected)


def test_every_model_of_the_package_is_tested():
    assert model_names() == sorted(CLASSES)


def test_murmur_is_the_default():
    assert load_pretrained().classes_.tolist() == CLASSES["murmur"]


@EVERY_MODEL
def test_weights_are_half_precision_without_pickle(name):
    path = FOLDER / f"{name}.npz"
    assert path.stat().st_size < 1_000_000
    with np.load(path, allow_pickle=False) as arrays:
        assert {arrays[key].dtype for key in arrays.files} == {np.dtype("float16")}
        size = sum(arrays[key].size for key in arrays.files)
    assert size == model_card(name).n_parameters


@pytest.mark.slow
def test_a_loaded_pipeline_can_be_pickled(recordings, tmp_path):
    pipeline = load_pretrained("murmur")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(pipeline))
    code = (
        "import pickle, sys; model = pickle.load(open(sys.argv[1], 'rb'));"
        "print(model.predict_proba(sys.argv[2:]).tolist())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.pickle"), *recordings]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(
        json.loads(done.stdout), pipeline.predict_proba(recordings), atol=1e-6
    )


@pytest.mark.parametrize("name", ["nosuch", "", None, 3])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=r"name must be .* 'murmur3', 'pascal', got"):
        load_pretrained(name)
    with pytest.raises(ValueError, match="name must be the name of a pretrained"):
        model_card(name)


def copied(folder):
    """Copy the model "murmur" to a folder, and return the folder."""
    for suffix in ("json", "npz"):
        shutil.copy(FOLDER / f"murmur.{suffix}", folder)
    return folder


def test_damaged_weights_are_refused(tmp_path):
    path = copied(tmp_path) / "murmur.npz"
    assert read_network("murmur", folder=tmp_path).network.classes == CLASSES["murmur"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"missing or damaged .*install skheart again"):
        read_network("murmur", folder=tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match="missing or damaged"):
        read_network("murmur", folder=tmp_path)


def test_other_formats_are_refused(tmp_path):
    path = copied(tmp_path) / "murmur.json"
    description = json.loads(path.read_text()) | {"format": 2}
    path.write_text(json.dumps(description))
    with pytest.raises(ValueError, match="has format 2, expected 1"):
        read_network("murmur", folder=tmp_path)


# Cards -------------------------------------------------------------------------------


@EVERY_MODEL
def test_cards_are_complete(name):
    card = model_card(name)
    assert (card.name, list(card.classes)) == (name, CLASSES[name])
    for corpus in card.data:
        assert corpus["patients"] > 100
        assert sum(corpus["labels"].values()) == corpus["recordings"]
    assert len(card.limits) >= 3
    assert card.figures
    for figure in card.figures:
        assert 0 < figure["value"] <= 1
        if figure["mean"] is not None:
            assert figure["low"] < figure["value"] < figure["high"]
    text = str(card)
    assert max(map(len, text.splitlines())) <= 88
    for word in (card.summary.split()[0], "patients", "95 % interval", "limits"):
        assert word in text


def test_a_card_shows_its_calibration_and_operating_point():
    bins = [{"n": 40, "probability": 0.9, "share": 0.75, "low": 0.6, "high": 0.86}]
    error = {"mean": 0.031, "folds": [0.03, 0.032], "together": 0.02}
    calibration = {"positive": "murmur", "prevalence": 0.2, "bins": bins}
    row = {"value": 0.91, "low": 0.85, "high": 0.95}
    point = {"positive": "murmur", "threshold": 0.31, "wanted_sensitivity": 0.9}
    card = dataclasses.replace(
        model_card("murmur"),
        calibration=calibration | {"error": error},
        operating_point=point | {"sensitivity": row, "ppv at 0.02": row},
    )
    text = " ".join(str(card).split())
    assert "about 0.900: 0.75 (0.60 to 0.86) of 40 recordings" in text
    assert "prevalence of 0.20: 0.031 over folds, 0.020 all together" in text
    assert "from a probability of 0.310 on, chosen for a sensitivity of 0.90" in text
    assert "value at a prevalence of 0.02: 0.910 (0.850 to 0.950)" in text


@pytest.mark.parametrize("name", ["murmur", "abnormal"])
def test_cards_of_two_classes_tell_how_true_their_answers_are(name):
    card = model_card(name)
    assert card.calibration["error"]["mean"] <= 0.05
    assert card.operating_point["positive"] == card.calibration["positive"]
    assert card.calibration["positive"] == card.classes[0]


@pytest.mark.parametrize(
    ("name", "positive"),
    [
        ("murmur", "murmur"),
        ("abnormal", "abnormal"),
        ("murmur3", "Present"),
        ("pascal", "murmur"),
    ],
)
def test_every_card_has_an_operating_point(name, positive):
    point = model_card(name).operating_point
    assert point["positive"] == positive
    assert f"operating point: {positive} from a probability of" in str(model_card(name))
    assert point["sensitivity"]["low"] < 0.9 < point["sensitivity"]["high"]
    values = [point[f"ppv at {share}"]["value"] for share in ("0.02", "0.1", "0.5")]
    assert values == sorted(values)


def test_the_card_of_murmur_tells_the_same_of_patients():
    card = model_card("murmur")
    assert card.patient_calibration["patients"] > 600
    assert card.patient_calibration["positive"] == "murmur"
    assert "share of patients with murmur by probability" in str(card)


@EVERY_MODEL
def test_cards_count_people_and_places(name):
    for corpus in model_card(name).data:
        assert sum(corpus["locations"].values()) == corpus["recordings"]
        assert sum(corpus["ages"].values()) == corpus["patients"]
        assert sum(corpus["sexes"].values()) == corpus["patients"]


def test_figures_for_other_hospitals_come_first():
    for name in ("abnormal", "murmur"):
        assert "left out" in model_card(name).figures[0]["task"]


@EVERY_MODEL
def test_cards_show_the_measured_figures(name):
    results = json.loads((ROOT / "benchmarks/results/accuracy.json").read_text())
    measured = {row["task"]: row for row in results["figures"]["skheart"].values()}
    results = json.loads((ROOT / "benchmarks/results/patient_model.json").read_text())
    row = dict(results["figures"]["model"])
    row["task"] += ", patient model"
    measured[row["task"]] = row
    for figure in model_card(name).figures:
        for key, value in figure.items():
            assert measured[figure["task"]].get(key) == value


@EVERY_MODEL
def test_patients_it_was_trained_on_are_known(name, shared_data):
    training = load_pretrained(name)["cnn"].training_
    assert training["complete"]
    loaders = {"pascal": load_pascal, "cinc2016": load_cinc2016}
    loaders["circor2022"] = load_circor2022
    assert {part["corpus"] for part in training["parts"]} == set(loaders)
    for corpus, load in loaders.items():
        patients = load(shared_data, as_frame=False).groups
        unreadable = [None] * len(patients)
        status = seen_in(training, corpus, patients, lambda key, x=unreadable: x)
        assert set(status) == {"seen"}
        others = np.array(["nobody"])
        assert seen_in(training, corpus, others, lambda key: [None]) == ["unseen"]


# Fine-tuning -------------------------------------------------------------------------

BARELY = {"weights": "murmur", "learning_rate": 1e-6, "epochs": 1, "random_state": 0}


def test_the_head_is_kept_for_the_same_classes(sounds, spectrograms):
    before = load_pretrained("murmur")["cnn"].predict_proba(spectrograms)
    classifier = CNNClassifier(**BARELY).fit(spectrograms, sounds.target)
    assert classifier.classes_.tolist() == CLASSES["murmur"]
    after = classifier.predict_proba(spectrograms)
    # Only the averages of batch normalization have changed slightly.
    assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] > 0.9


def test_the_head_is_new_for_other_classes(sounds, spectrograms):
    labels = np.where(sounds.target == "murmur", "sick", "well")
    labels[:6] = "odd"
    classifier = CNNClassifier(**BARELY).fit(spectrograms, labels)
    assert classifier.predict_proba(spectrograms).shape == (24, 3)
    saved = read_network("murmur").network
    model = classifier.model_
    kernel = next(w for w in model.weights if w.path.startswith("logits"))
    assert kernel.shape[-1] == 3
    # The first layers are those of the pretrained network.
    np.testing.assert_allclose(model.weights[0], saved.weights[0], atol=1e-4)


def test_fine_tuning_learns(sounds, spectrograms):
    labels = np.where(sounds.target == "murmur", "sick", "well")
    classifier = CNNClassifier(weights="murmur", epochs=15, random_state=0)
    classifier.fit(spectrograms, labels)
    assert classifier.score(spectrograms, labels) > 0.9
    again = clone(classifier).fit(spectrograms, labels)
    np.testing.assert_array_equal(
        again.predict_proba(spectrograms), classifier.predict_proba(spectrograms)
    )
    fresh = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(
        fresh.predict_proba(spectrograms), classifier.predict_proba(spectrograms)
    )


def test_fitting_a_loaded_pipeline_starts_from_its_weights(sounds):
    pipeline = load_pretrained("murmur").set_params(
        spectrogram__input_sample_rate=sounds.sample_rate,
        spectrogram__duration=10.0,
        cnn__epochs=1,
        cnn__learning_rate=1e-6,
    )
    before = pipeline.predict_proba(sounds.data)[:, 0]
    after = pipeline.fit(sounds.data, sounds.target).predict_proba(sounds.data)
    assert np.corrcoef(before, after[:, 0])[0, 1] > 0.9


def test_a_fitted_classifier_as_a_start(sounds, spectrograms):
    first = CNNClassifier(loss="auroc", epochs=2, random_state=0)
    first.fit(spectrograms, sounds.target)  # its last layer calibrates
    pipeline = Pipeline([("nothing", "passthrough"), ("cnn", first)])
    for start in (first, pipeline, FrozenEstimator(first)):
        second = CNNClassifier(**BARELY | {"weights": start})
        second.fit(spectrograms, sounds.target)
        np.testing.assert_allclose(
            second.model_.weights[0], first.model_.weights[0], atol=1e-4
        )
    with pytest.raises(ValueError, match="FrozenEstimator"):
        clone(CNNClassifier(weights=first)).fit(spectrograms, sounds.target)


def test_a_frozen_start_in_a_search(sounds, spectrograms):
    start = FrozenEstimator(load_pretrained("murmur"))
    search = GridSearchCV(
        CNNClassifier(**BARELY | {"weights": start}), {"augment": [0.0, 0.5]}, cv=2
    )
    search.fit(spectrograms, sounds.target)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    weights = search.best_estimator_.model_.weights
    saved = read_network("murmur").network.weights
    np.testing.assert_allclose(weights[0], saved[0], atol=1e-4)


def test_short_spectrograms_are_repeated(sounds, spectrograms):
    classifier = CNNClassifier(**BARELY).fit(spectrograms[:, :, :90], sounds.target)
    assert classifier.n_crop_ == read_network("murmur").network.n_crop
    assert np.isfinite(classifier.predict_proba(spectrograms[:, :, :40])).all()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("nosuch", "weights must be the name of a pretrained model, 'abnormal'"),
        (3, "weights must be None, the name"),
        (CNNClassifier(), "must be a fitted CNNClassifier, got one that is not fitted"),
    ],
)
def test_wrong_weights(weights, message, sounds, spectrograms):
    classifier = CNNClassifier(weights=weights)
    with pytest.raises(ValueError, match=message):
        classifier.fit(spectrograms, sounds.target)
    with pytest.raises(NotFittedError):
        check_is_fitted(classifier)


def test_spectrograms_of_other_bands_are_refused(sounds, spectrograms):
    with pytest.raises(ValueError, match=r"spectrograms of 40 bands .* got 20 bands"):
        CNNClassifier(weights="murmur").fit(spectrograms[:, :20], sounds.target)


# Command line ------------------------------------------------------------------------


def test_predict_with_no_model_named(recordings, capsys):
    assert main(["predict", *recordings]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    expected = load_pretrained("murmur").predict_proba(recordings)
    assert [row["recording"] for row in rows] == recordings
    got = [[float(row[f"probability_{c}"]) for c in CLASSES["murmur"]] for row in rows]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_predict_with_a_pretrained_model_by_name(recordings, capsys):
    assert main(["predict", "--model", "pascal", recordings[0]]) == 0
    assert "probability_extrasystole" in capsys.readouterr().out
    assert main(["predict", "--model", "nosuch", recordings[0]]) == 2
    message = capsys.readouterr().err
    assert "no model file 'nosuch'" in message
    assert "murmur3" in message


def test_train_from_pretrained_weights(tmp_path, capsys):
    sounds = make_heart_sounds(16, random_state=0)
    for number, (sound, label) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (tmp_path / "mine" / label).mkdir(parents=True, exist_ok=True)
        path = tmp_path / "mine" / label / f"{number}.wav"
        soundfile.write(path, sound, sounds.sample_rate)
    arguments = ["train", "folder", str(tmp_path / "mine"), "--weights", "murmur"]
    arguments += ["--hold-out", "0", "--epochs", "1", "-q"]
    output = tmp_path / "tuned.skheart"
    assert main([*arguments, "-o", str(output)]) == 0
    tuned = load_model(output)["cnn"]
    assert tuned.weights == "murmur"
    stem, start = tuned.model_.weights[0], read_network("murmur").network.weights[0]
    assert np.corrcoef(np.ravel(stem), np.ravel(start))[0, 1] > 0.9
    other = str(tmp_path / "other.skheart")
    assert main([*arguments, "--f-max", "800", "-o", other]) == 2
    message = capsys.readouterr().err
    assert "--weights murmur needs --f-max 900, got 800" in message


def test_models(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in CLASSES)
    assert main(["models", "murmur"]) == 0
    assert capsys.readouterr().out == f"{model_card('murmur')}\n"
    assert main(["models", "abnormal", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == CLASSES["abnormal"]
    assert main(["models", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(CLASSES)
    assert main(["models", "nosuch"]) == 2
    assert "There is no model file 'nosuch'" in capsys.readouterr().err


def test_listing_models_needs_no_tensorflow():
    code = (
        "import sys; from skheart.cli.main import main; main(['models', 'murmur']);"
        "assert not {'tensorflow', 'keras', 'librosa'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_evaluate_reports_patients_that_were_trained_on(shared_data, tmp_path, capsys):
    corpus, folder = tmp_path / "pascal", tmp_path / "mine"
    for label in ("normal", "murmur"):
        for part in ("set_a", "set_b"):
            source = shared_data / "pascal" / part
            for target in (corpus / part, folder / label):
                target.mkdir(parents=True, exist_ok=True)
                for path in sorted(source.glob(f"{label}__*"))[:3]:
                    shutil.copy(path, target)
    command = ["evaluate", "--model", "murmur", "-q"]
    assert main([*command, "pascal", str(corpus)]) == 0
    assert "WAS TRAINED OR TUNED ON" in capsys.readouterr().out
    assert main([*command, "folder", str(folder)]) == 0
    assert "WAS TRAINED OR TUNED ON" in capsys.readouterr().out  # recognised by content


# Scores ------------------------------------------------------------------------------

# The cards state the scores on other patients.


@pytest.mark.slow
def test_murmur_score(shared_data):
    """The patients were in the training; the values in golden.json guard the model."""
    circor = load_circor2022(shared_data, target="murmur_at_location", as_frame=False)
    rows = np.flatnonzero(np.isin(circor.target, ["Absent", "Present"]))[::5]
    pipeline = load_pretrained("murmur").set_params(spectrogram__n_jobs=2)
    score = pipeline.predict_proba(circor.data[rows])[:, 0]
    assert auroc_score(circor.target[rows] == "Present", score) > 0.985
    pascal = load_pascal(shared_data, subsets="b", classes=["murmur", "normal"])
    score = pipeline.predict_proba(pascal.data)[:, 0]
    assert auroc_score(pascal.target == "murmur", score) > 0.96


@pytest.mark.slow
def test_abnormal_score(shared_data):
    """The patients were in the training; the values in golden.json guard the model."""
    cinc = load_cinc2016(shared_data, databases=["a", "b", "f"], as_frame=False)
    pipeline = load_pretrained("abnormal").set_params(spectrogram__n_jobs=2)
    score = pipeline.predict_proba(cinc.data)[:, 0]
    for database, least in [("a", 0.87), ("b", 0.92), ("f", 0.88)]:
        rows = cinc.frame["database"] == database
        assert auroc_score(cinc.target[rows] == "abnormal", score[rows]) > least


@pytest.mark.slow
def test_murmur3_score(shared_data):
    """The patients were in the training; the values in golden.json guard the model."""
    circor = load_circor2022(shared_data, as_frame=False)
    visits = circor.frame["patient"]
    rows = np.flatnonzero(np.isin(visits, np.unique(visits)[::4]))
    pipeline = load_pretrained("murmur3").set_params(spectrogram__n_jobs=2)
    p = pipeline.predict_proba(circor.data[rows])
    how = ("mean", "max", "mean")  # as stated on the card
    pooled = pool_by_group(p, visits[rows], how=how, y_true=circor.target[rows])
    answer = pipeline.classes_[pooled.y_score.argmax(axis=1)]
    assert circor2022_score(pooled.y_true, answer) > 0.81
    answers = predict_patients(pipeline, circor.data[rows], visits[rows])
    assert answers.groups.tolist() == pooled.groups.tolist()
    assert circor2022_score(pooled.y_true, answers.prediction) > 0.83
    found = answers.prediction == "Unknown"
    assert found.sum() > 3
    assert np.mean(pooled.y_true[found] == "Unknown") > 0.3


def test_the_patient_model_of_murmur3():
    decision = load_pretrained("murmur3")["cnn"].decision_
    model = decision.patient_model
    assert model.weights == [1.0, 5.0, 3.0]  # Absent, Present, Unknown
    likely = {}
    for name, p in (
        ("Present", [[0.02, 0.96, 0.02]] * 4),
        ("Absent", [[0.96, 0.02, 0.02]] * 4),
        ("Unknown", [[0.2, 0.2, 0.6]]),
    ):
        features = model.compute_features(p, CLASSES["murmur3"])
        likely[name] = model.predict_proba([features])[0]
        answer = np.argmax(likely[name] * model.weights)
        assert CLASSES["murmur3"][answer] == name
    assert likely["Present"][1] > 0.7
    assert likely["Absent"][0] > 0.9


@pytest.mark.slow
def test_pascal_score(shared_data):
    """The patients were in the training; the values in golden.json guard the model."""
    pascal = load_pascal(shared_data, as_frame=False)
    pipeline = load_pretrained("pascal").set_params(spectrogram__n_jobs=2)
    p = pipeline.predict_proba(pascal.data)
    assert auroc_score(pascal.target, p, labels=pipeline.classes_) > 0.92


@pytest.mark.slow
def test_training_a_small_model_end_to_end(shared_data, tmp_path):
    script = ROOT / "benchmarks" / "train_pretrained.py"
    arguments = ["--quick", "--only", "murmur", "--work", tmp_path / "work"]
    arguments += ["--output", tmp_path / "models"]
    command = [sys.executable, script, shared_data, *arguments]
    subprocess.run([str(part) for part in command], check=True)
    network = read_network("murmur", folder=tmp_path / "models")
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(**network.spectrogram)),
            ("cnn", CNNClassifier()._restore(network.network)),
        ]
    )
    circor = load_circor2022(shared_data, target="murmur_at_location", as_frame=False)
    known = np.isin(circor.target, ["Absent", "Present"])
    (part,) = (p for p in network.network.training["parts"] if p["corpus"] == CIRCOR)
    kept, key = unpack(part["patients"]), bytes.fromhex(part["salt"])
    unseen = np.array(
        [patient_digest(CIRCOR, g, key=key) not in kept for g in circor.groups]
    )
    rows = np.flatnonzero(known & unseen)[::3]
    assert len(rows) > 300
    score = pipeline.predict_proba(circor.data[rows])[:, 0]
    assert auroc_score(circor.target[rows] == "Present", score) > 0.85


def test_the_package_stays_small():
    files = [
        path for path in Path(skheart.__file__).parent.rglob("*") if path.is_file()
    ]
    kept = [path for path in files if path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in kept) < 6_000_000
