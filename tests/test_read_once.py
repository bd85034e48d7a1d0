"""A sound file is opened and decoded once, however many steps use it."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from skheart import (
    OnnxClassifier,
    SpectrogramTransformer,
    export_onnx,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.audio import opening
from skheart.audio.recordings import Recording, decoded_batches
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.quality import AbstainingClassifier, QualityTransformer
from skheart.report import describe_patient, describe_recording, predict_patients
from skheart.report.web_desk import Desk, Limits, RefusedError
from skheart.segmentation import load_segmenter

N_RECORDINGS = 20  # more than are in memory at a time


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Return the paths of recordings of four patients; one is noise."""
    folder = tmp_path_factory.mktemp("recordings")
    sounds = make_heart_sounds(N_RECORDINGS, duration=4.0, random_state=0)
    sounds.data[3] = np.random.default_rng(0).normal(size=8000)
    names = [str(folder / f"p{n % 4}_{n:02}.wav") for n in range(N_RECORDINGS)]
    for name, sound in zip(names, sounds.data, strict=True):
        soundfile.write(name, sound / np.abs(sound).max(), sounds.sample_rate)
    return names


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory):
    """Return the path of a file whose first 30 seconds can be read, but not its end."""
    sounds = make_heart_sounds(1, classes="normal", duration=60.0, random_state=0)
    path = tmp_path_factory.mktemp("cut") / "p0_cut.flac"
    soundfile.write(path, sounds.data[0], sounds.sample_rate)
    path.write_bytes(path.read_bytes()[:-20_000])
    return str(path)


@pytest.fixture
def openings(monkeypatch):
    """Return how often each path has been opened."""
    counts = Counter()
    open_path = opening._open_path

    def counted(path):
        counts[path] += 1
        return open_path(path)

    monkeypatch.setattr(opening, "_open_path", counted)
    return counts


def once(paths):
    return dict.fromkeys(paths, 1)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return the paths of exported models: of two classes, and with a patient model."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("murmur", "murmur3"):
        export_onnx(load_pretrained(name), folder / f"{name}.onnx")
    return {name: str(folder / f"{name}.onnx") for name in ("murmur", "murmur3")}


@pytest.mark.parametrize(
    ("model", "exported", "options"),
    [
        ("murmur", False, ["--abstain"]),
        ("murmur", True, ["--min-quality", "0.9", "--patients", "^(p[0-9])_"]),
        ("murmur3", False, ["--patients", "^(p[0-9])_"]),
        ("murmur3", True, ["--patients", "^(p[0-9])_", "--abstain"]),
    ],
)
def test_predict(paths, models, openings, model, exported, options, capsys):
    name = models[model] if exported else model
    assert main(["predict", *paths, "--model", name, "--quiet", *options]) == 0
    assert openings == once(paths)
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == (4 if "--patients" in options else N_RECORDINGS)


@pytest.mark.parametrize("options", [[], ["--patients", "^(p[0-9])_"]])
def test_predict_as_json(paths, openings, options, capsys):
    some = paths[:5]
    command = ["predict", *some, "--model", "murmur3", "--format", "json", "--quiet"]
    assert main([*command, *options]) == 0
    assert openings == once(some)


def test_evaluate(paths, openings, tmp_path, capsys):
    table = tmp_path / "table.csv"
    labels = np.resize(["Absent", "Present", "Unknown"], N_RECORDINGS)
    rows = {"recording": paths, "label": labels, "patient": range(N_RECORDINGS)}
    pd.DataFrame(rows).to_csv(table, index=False)
    columns = ["--recording-column", "recording", "--label-column", "label"]
    command = ["evaluate", "--model", "murmur3", "--table", str(table), "--quiet"]
    assert main([*command, *columns, "--patient-column", "patient"]) == 0
    # The hash that says whether the model was trained on a file is computed before.
    assert openings == dict.fromkeys(paths, 2)


@pytest.mark.parametrize("container", [list, np.array, pd.Series, pd.DataFrame])
def test_abstaining(paths, openings, container):
    model = AbstainingClassifier(load_pretrained("murmur"))
    answers = model.predict(container(paths))
    assert openings == once(paths)
    expected = load_pretrained("murmur").predict(paths).astype(object)
    good = QualityTransformer().transform(paths)[:, 0] >= 0.3
    assert not good[3]
    assert good.sum() > 16
    expected[~good] = "unsure"
    assert answers.tolist() == expected.tolist()


def test_models_that_abstain(paths, openings, tmp_path):
    model = AbstainingClassifier(load_pretrained("murmur"))
    save_model(model, tmp_path / "model.skheart")
    export_onnx(model, tmp_path / "model.onnx")
    loaded, exported = load_model, OnnxClassifier
    for one in (loaded(tmp_path / "model.skheart"), exported(tmp_path / "model.onnx")):
        openings.clear()
        assert one.predict(paths)[3] == "unsure"
        assert openings == once(paths)


def test_a_transformer_of_the_user_gets_what_the_user_passes(paths):
    class FromPaths(SpectrogramTransformer):
        def transform(self, X):
            assert all(isinstance(path, str) for path in X)
            return super().transform(X)

    model = load_pretrained("murmur")
    model.steps[0] = ("spectrogram", FromPaths(**model[0].get_params()))
    assert AbstainingClassifier(model).predict(paths[:4])[3] == "unsure"


@pytest.mark.parametrize("name", ["murmur", "murmur3"])
@pytest.mark.parametrize("on_error", ["raise", "nan"])
def test_patients(paths, models, openings, name, on_error):
    groups = np.resize(["a", "b", "c"], N_RECORDINGS)
    for model in (load_pretrained(name), OnnxClassifier(models[name])):
        openings.clear()
        answers = predict_patients(model, paths, groups, on_error=on_error)
        assert openings == once(paths)
        assert answers.n_recordings.sum() == N_RECORDINGS


def test_a_broken_file_does_not_make_the_others_open_again(paths, openings):
    files, groups = [*paths, "absent.wav"], ["a"] * (N_RECORDINGS + 1)
    model = load_pretrained("murmur")
    answers = predict_patients(model, files, groups, on_error="nan")
    assert answers.n_recordings.tolist() == [N_RECORDINGS]
    del openings["absent.wav"]
    assert openings == once(paths)


def test_descriptions(paths, openings):
    describe_recording("murmur", paths[0])
    assert openings == once(paths[:1])
    openings.clear()
    patient = describe_patient("murmur3", paths[:5])
    assert openings == once(paths[:5])
    expected = predict_patients(load_pretrained("murmur3"), paths[:5], ["p"] * 5)
    values = [*patient.probabilities.values()]
    np.testing.assert_allclose(values, expected.probabilities[0], atol=1e-5)


def test_uploads(paths, openings):
    desk = Desk("murmur3", Limits())
    assert desk.describe(paths[0]).duration == pytest.approx(4.0)
    assert openings == once(paths[:1])
    openings.clear()
    assert len(desk.describe_patient(paths[:3]).recordings) == 3
    assert openings == once(paths[:3])


def test_uploads_that_are_too_long_or_broken(paths, tmp_path):
    desk = Desk("murmur", Limits(duration=3.0))
    for call in (lambda: desk.describe(paths[0]), lambda: desk.describe_patient(paths)):
        with pytest.raises(RefusedError, match=r"^'p0_00.wav' is longer than 3 sec"):
            call()
    (tmp_path / "text.wav").write_text("no sound")
    broken, desk = str(tmp_path / "text.wav"), Desk("murmur", Limits())
    with pytest.raises(RefusedError, match=r"^'text\.wav' cannot be read as audio"):
        desk.describe(broken)
    with pytest.raises(RefusedError, match=r"can be used: 'text\.wav' cannot be read"):
        desk.describe_patient([broken])
    found = desk.describe_patient([broken, paths[0]])
    assert found.unusable[0].error.startswith("'text.wav' cannot be read as audio")


def test_the_start_of_a_file_that_is_cut_short_still_counts(cut_short):
    model = load_pretrained("murmur")
    assert QualityTransformer().transform([cut_short])[0, 0] == 0
    unsure = AbstainingClassifier(model)
    assert unsure.predict([cut_short]).tolist() == ["unsure"]
    assert "lost sync" in unsure.reasons([cut_short])[0]
    answers = predict_patients(model, [cut_short], ["a"], on_error="nan")
    expected = model.predict_proba([cut_short])
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-6)
    three = load_pretrained("murmur3")
    answers = predict_patients(three, [cut_short], ["a"], on_error="nan")
    assert answers.errors.tolist() == [""]
    patient_model = three[-1].decision_.patient_model
    p = three.predict_proba([cut_short])
    features = patient_model.compute_features(p, three.classes_)
    expected = patient_model.predict_proba([features])
    np.testing.assert_allclose(answers.probabilities, expected, atol=1e-6)


def test_one_batch_is_in_memory_at_a_time(paths, openings):
    batches = decoded_batches(paths)
    assert not openings
    first = next(batches)
    assert 1 < len(first) < N_RECORDINGS
    assert openings == once(paths[: len(first)])
    assert len(first) + sum(map(len, batches)) == N_RECORDINGS


def test_what_holds_no_file_stays_what_it_is():
    sound = np.sin(np.arange(4000.0))
    pairs = [(2000, sound)]
    for X in ([sound], np.stack([sound]), pairs, pd.DataFrame([sound]), "a.wav", 3):
        assert decoded_batches(X) is None


@pytest.mark.parametrize("duration", [None, 1.0, 3.3333, 4.0, 100.0])
def test_a_decoded_file_gives_the_same_waveform(paths, duration):
    settings = {"sample_rate": 1000, "input_sample_rate": None, "window": 0.05}
    settings |= {"f_max": 400.0, "duration": duration}
    recording = Recording(paths[0], 0)
    expected = recording.load(**settings)
    opened = recording.opened()
    np.testing.assert_array_equal(opened.load(**settings), expected)
    assert opened.name == recording.name == repr(paths[0])
    segmenter = load_segmenter()
    np.testing.assert_array_equal(
        segmenter.predict_proba([opened])[0], segmenter.predict_proba([paths[0]])[0]
    )
