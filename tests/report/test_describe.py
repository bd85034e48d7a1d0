"""Descriptions: equal to what they describe, as the schema says, honest."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import numpy as np
import onnx
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skheart import (
    OnnxClassifier,
    SpectrogramTransformer,
    export_onnx,
    load_model,
    load_pretrained,
    read_recording,
    save_model,
)
from skheart.datasets import make_heart_sounds
from skheart.inspection import band_contributions
from skheart.metrics import pool_by_group
from skheart.quality import assess_quality
from skheart.report import describe_patient, describe_recording, description_schema
from skheart.report.answering_model import answering
from skheart.report.locations import location_in
from skheart.report.performance import measured_performance
from skheart.segmentation import heart_rate, load_segmenter


@pytest.fixture(scope="module")
def validate():
    """Return a function that checks a description against the schema."""
    schema = description_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(description):
        entries = json.loads(json.dumps(description.as_dict(), allow_nan=False))
        validator.validate(entries)
        return entries

    return check


def test_it_says_what_model_segmenter_and_quality_say(loud, circor):
    path = circor["9979"][2]
    pipeline = load_pretrained("murmur")
    p = pipeline.predict_proba([path])[0]
    assert loud.probabilities == pytest.approx(
        dict(zip(["murmur", "normal"], p, strict=True)), abs=1e-6
    )
    assert loud.answer == pipeline.predict([path])[0] == "murmur"
    waveform, rate = read_recording(path, duration=30.0)
    assert (loud.sample_rate, loud.duration) == (rate, len(waveform) / rate)
    (probability,) = load_segmenter(input_sample_rate=rate).predict_proba([waveform])
    assert loud.heart_rate == heart_rate(probability)
    expected = assess_quality(waveform, sample_rate=rate)
    assert loud.quality.quality == expected.quality
    (file,) = {loud.file}
    assert file == "9979_TV.flac"
    assert loud.location == "TV"


def test_windows_have_the_mean_log_odds_of_the_recording(loud):
    log_odds = [
        np.log(one.probabilities["murmur"]) - np.log(one.probabilities["normal"])
        for one in loud.windows
    ]
    p = loud.probabilities
    expected = np.log(p["murmur"]) - np.log(p["normal"])
    assert np.mean(log_odds) == pytest.approx(expected, abs=1e-3)
    assert [one.end - one.start for one in loud.windows] == pytest.approx(
        [5.0] * len(loud.windows)
    )
    assert loud.windows[0].start == 0
    assert len(loud.windows) > 5


def test_contributions_add_up_to_the_log_odds(loud):
    p = loud.probabilities
    expected = np.log(p["murmur"]) - np.log(p["normal"])
    found = loud.contribution
    assert found.positive == "murmur"
    assert found.values.sum() + found.bias == pytest.approx(expected, abs=1e-3)
    assert sum(found.by_phase.values()) == pytest.approx(1, abs=1e-6)


def test_bands_are_those_of_inspection(loud, circor):
    found = loud.frequency_contribution
    expected = band_contributions(load_pretrained("murmur"), circor["9979"][2])
    assert found.positive == expected.positive == "murmur"
    values = [band.value for band in found.bands]
    assert values == pytest.approx(expected.values, abs=1e-3)
    assert [band.share for band in found.bands] == pytest.approx(expected.shares, 1e-3)
    assert [(band.low, band.high) for band in found.bands][:2] == [
        (25, 100),
        (100, 200),
    ]
    # The murmur of this patient is heard between 100 and 300 Hz.
    assert sum(band.share for band in found.bands[1:3]) > 0.5


def test_bands_of_the_other_class_have_the_opposite_sign(murmur, loud, circor):
    decision = dataclasses.replace(murmur.decision, positive="normal")
    other = describe_recording(murmur.with_decision(decision), circor["9979"][2])
    found = other.frequency_contribution
    assert found.positive == "normal"
    expected = [-band.value for band in loud.frequency_contribution.bands]
    assert [band.value for band in found.bands] == pytest.approx(expected, abs=1e-3)


def test_a_holosystolic_murmur_is_loud_in_systole(loud):
    assert loud.loudness["systole/diastole"] > 3
    assert loud.average_beat.n_beats > 3


@pytest.mark.parametrize("name", ["murmur", "abnormal", "murmur3", "pascal"])
def test_descriptions_of_every_model_fit_the_schema(name, circor, validate):
    entries = validate(describe_recording(name, circor["2530"][0]))
    assert entries["kind"] == "recording"
    assert entries["model"]["name"] == name
    assert entries["model"]["hash"].startswith("sha256:")
    assert set(entries["probabilities"]) == set(entries["model"]["classes"])
    assert entries["limits"][0].startswith("for research; not a medical device")
    assert "sound" not in entries
    shares = [band["share"] for band in entries["frequency_contribution"]["bands"]]
    assert sum(map(abs, shares)) == pytest.approx(1, abs=1e-4)


def test_a_patient_has_the_pooled_answer_and_what_was_found_where(patient, validate):
    entries = validate(patient)
    p = [one.probabilities["murmur"] for one in patient.recordings]
    pooled = pool_by_group(p, [0] * len(p), how="max").y_score[0]
    assert patient.probabilities["murmur"] == pytest.approx(pooled)
    assert patient.answer == "murmur"
    (bad,) = entries["unusable"]
    assert (bad["file"], bad["location"]) == ("9979_Phc.wav", "Phc")
    assert "cannot be read as audio" in bad["error"]
    found = {one["location"]: one for one in entries["locations"]}
    assert list(found) == ["AV", "PV", "TV", "MV", "Phc"]
    assert found["TV"]["finding"] == "murmur"
    assert found["Phc"] == {
        "location": "Phc",
        "finding": "too noisy",
        "probability": None,
        "quality": None,
        "n_recordings": 0,
    }


def test_noise_is_called_too_noisy(murmur, circor, tmp_path, validate):
    noise = np.random.default_rng(0).normal(size=40_000) / 10
    soundfile.write(tmp_path / "x_AV.wav", noise, 4000)
    files = [str(tmp_path / "x_AV.wav"), circor["2530"][1]]
    patient = describe_patient(murmur, files, patient="x")
    found = {one.location: one.finding for one in patient.locations}
    assert found["AV"] == "too noisy"
    assert found["TV"] == "not recorded"
    noisy = patient.recordings[0]
    assert "The quality is" in noisy.doubts[0]
    assert "no heartbeat" in noisy.doubts[0]
    entries = validate(noisy)
    assert entries["heart_rate"]["bpm"] is None
    assert entries["phases"] == []
    assert entries["loudness"] is entries["average_beat"] is None


def test_a_short_recording_is_described_and_doubted(murmur, validate):
    sounds = make_heart_sounds(1, duration=3.0, random_state=0)
    description = describe_recording(murmur, (sounds.sample_rate, sounds.data[0]))
    entries = validate(description)
    assert entries["file"] is entries["location"] is None
    assert entries["duration"] == 3.0
    assert any("less than the 5 s" in doubt for doubt in entries["doubts"])


def test_only_the_start_of_a_long_recording_is_described(murmur, tmp_path):
    sounds = make_heart_sounds(1, duration=31.0, random_state=0)
    path = tmp_path / "long.wav"
    soundfile.write(path, sounds.data[0], sounds.sample_rate)
    description = describe_recording(murmur, path)
    assert (description.duration, description.complete) == (30.0, False)
    soundfile.write(path, sounds.data[0][:60_000], sounds.sample_rate)
    description = describe_recording(murmur, path)
    assert (description.duration, description.complete) == (30.0, True)


def test_bytes_and_open_files_are_recordings(murmur, circor, loud):
    path = circor["9979"][2]
    with open(path, "rb") as file:
        opened = describe_recording(murmur, file)
        file.seek(0)
        content = describe_recording(murmur, file.read())
    for other in (opened, content):
        assert other.probabilities == pytest.approx(loud.probabilities, abs=1e-6)
        assert other.phases == loud.phases
        assert other.file is None


def test_a_model_has_one_hash_wherever_it_comes_from(murmur, tmp_path):
    path = tmp_path / "copy.skheart"
    save_model(load_pretrained("murmur"), path)
    copy = answering(path)
    assert copy.facts.hash == murmur.facts.hash
    assert copy.facts.name == "copy.skheart"
    assert copy.card == murmur.card  # it has the same weights
    assert answering("abnormal").facts.hash != murmur.facts.hash
    changed = load_model(path)
    weights = changed[-1].model_.get_weights()
    changed[-1].model_.set_weights([weights[0] + 1e-3, *weights[1:]])
    other = answering(changed)
    assert other.facts.hash != murmur.facts.hash
    assert other.card is None
    assert other.facts.name == "unnamed model"


def windows_of(description):
    return np.array(
        [[w.start, w.end, *w.probabilities.values()] for w in description.windows]
    )


def test_an_exported_model_is_described_without_contributions(
    murmur_onnx, loud, circor, validate
):
    path = circor["9979"][2]
    for model in (str(murmur_onnx), OnnxClassifier(murmur_onnx)):
        description = describe_recording(model, path)
        entries = validate(description)
        assert entries["probabilities"] == pytest.approx(loud.probabilities, abs=1e-4)
        np.testing.assert_allclose(windows_of(description), windows_of(loud), 0, 1e-3)
        assert entries["contribution"] is None
        assert entries["frequency_contribution"] is None
        assert entries["model"]["name"] == "murmur.onnx"
        assert entries["model"]["positive"] == "murmur"
        assert entries["model"]["window"] == 5.0


@pytest.mark.parametrize("part", ["pipeline", "network"])
@pytest.mark.parametrize("seconds", [3.0, 6.0, 33.0])
@pytest.mark.parametrize("name", ["murmur", "murmur3"])
def test_windows_of_an_exported_model_are_those_of_the_model(
    exported, name, part, seconds
):
    sounds = make_heart_sounds(1, duration=seconds, random_state=3)
    recording = (sounds.sample_rate, sounds.data[0])
    expected = describe_recording(name, recording)
    found = describe_recording(exported(name, part), recording)
    np.testing.assert_allclose(windows_of(found), windows_of(expected), 0, 1e-3)
    assert found.doubts == expected.doubts


def test_a_file_without_the_output_for_windows_has_none(murmur_onnx, loud, circor):
    content = onnx.load(murmur_onnx)
    del content.graph.output[1]
    path = murmur_onnx.with_name("one_output.onnx")
    onnx.save(content, path)
    description = describe_recording(path, circor["9979"][2])
    assert description.windows == ()
    assert description.probabilities == pytest.approx(loud.probabilities, abs=1e-4)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a function that exports a pretrained model once."""
    folder = tmp_path_factory.mktemp("exported")

    def path_of(name, part):
        path = folder / f"{name}-{part}.onnx"
        if not path.exists():
            export_onnx(load_pretrained(name), path, part=part)
        return path

    return path_of


def test_a_classifier_of_scikit_learn_is_described(circor, validate):
    sounds = make_heart_sounds(8, duration=4.0, random_state=0)
    pipeline = make_pipeline(
        SpectrogramTransformer(duration=4.0, flatten=True), LogisticRegression()
    )
    pipeline.fit(sounds.data, sounds.target)
    description = describe_recording(pipeline, circor["2530"][0])
    entries = validate(description)
    assert (entries["windows"], entries["contribution"]) == ([], None)
    assert entries["frequency_contribution"] is None
    expected = pipeline.predict_proba([circor["2530"][0]])[0]
    assert [*description.probabilities.values()] == pytest.approx(expected)
    assert any("not on a card" in limit for limit in description.limits)


# What was measured --------------------------------------------------------------------

CARD = {
    "figures": [
        {
            "task": "by recording",
            "score": "AUROC",
            "value": 0.9,
            "low": 0.8,
            "high": 1.0,
        }
    ],
    "calibration": {
        "positive": "murmur",
        "prevalence": 0.5,
        "bins": [
            {"n": 9, "probability": 0.1, "share": 0.02, "low": 0.0, "high": 0.1},
            {"n": 9, "probability": 0.9, "share": 0.71, "low": 0.64, "high": 0.78},
        ],
    },
}


def test_performance_in_plain_words():
    found = measured_performance(
        CARD, positive="murmur", probability=0.8, prevalence=None
    )
    assert found.sentence == (
        "Of 100 recordings with such a score, 71 had murmur (64 to 78), where 50 of "
        "100 recordings have it."
    )
    assert (found.share, found.prevalence) == (pytest.approx(0.71), 0.5)
    assert found.figures == (
        "by recording: 90 of 100 pairs of a positive and a negative one are ranked "
        "rightly (AUROC 0.900, 95 % interval 0.800 to 1.000)",
    )


def test_performance_by_patient_is_that_of_patients():
    card = {**CARD, "calibration": None, "patient_calibration": CARD["calibration"]}
    found = measured_performance(
        card, positive="murmur", probability=0.8, prevalence=None, unit="patient"
    )
    assert found.sentence == (
        "Of 100 patients with such a score, 71 had murmur (64 to 78), where 50 of 100 "
        "patients have it."
    )


def test_the_shipped_model_says_how_often_it_is_right(loud, circor):
    assert loud.performance.sentence.startswith("Of 100 recordings with such a score,")
    patient = describe_patient("murmur", circor["9979"], prevalence=0.02)
    assert patient.performance.sentence.startswith("Of 100 patients with such a score")
    assert "where 2 of 100 patients have it" in patient.performance.sentence


def test_another_way_to_pool_recordings_was_not_measured(murmur, circor):
    mean = dataclasses.replace(murmur.decision, pooling="mean")
    found = describe_patient(murmur.with_decision(mean), circor["9979"]).performance
    assert found.sentence.startswith("Unknown: nobody has measured how many patients")
    assert any("AUROC" in figure for figure in found.figures)


def test_a_rarer_class_makes_a_positive_answer_less_often_right():
    found = measured_performance(
        CARD, positive="murmur", probability=0.8, prevalence=0.1
    )
    assert found.share == pytest.approx(71 / (71 + 9 * 29))
    assert "where 10 of 100 recordings have it" in found.sentence


@pytest.mark.parametrize(
    ("card", "positive", "unit"),
    [
        (None, "murmur", "recording"),
        ({**CARD, "calibration": None}, "murmur", "recording"),
        (CARD, "normal", "recording"),
        (CARD, None, "recording"),
        (CARD, "murmur", "patient"),
    ],
)
def test_what_was_not_measured_is_unknown(card, positive, unit):
    found = measured_performance(
        card, positive=positive, probability=0.8, prevalence=None, unit=unit
    )
    assert found.sentence.startswith("Unknown: nobody has measured how many")
    assert f"{unit}s with such a score" in found.sentence
    assert found.share is found.low is found.high is None


def test_a_model_without_a_card_is_unknown(loud, murmur, circor):
    other = dataclasses.replace(murmur, card=None)
    found = describe_recording(other, circor["9979"][2]).performance
    assert found.sentence.startswith("Unknown")
    assert found.figures == ()
    assert any("AUROC" in figure for figure in loud.performance.figures)


# Wrong input --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "location"),
    [
        ("9979_AV.wav", "AV"),
        ("ward-TV-2.flac", "TV"),
        ("MV.wav", "MV"),
        ("49653_Phc_1.wav", "Phc"),
        ("PAVEL_1.wav", None),
        ("a_AV_MV.wav", None),
        ("recording.TV", None),
        (None, None),
    ],
)
def test_locations_in_names(name, location):
    assert location_in(name) == location


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"location": "left"}, "location must be one of AV, PV, TV, MV, Phc or None"),
        ({"prevalence": 1.0}, "prevalence must be a positive number, below 1"),
    ],
)
def test_wrong_parameters(murmur, circor, arguments, message):
    with pytest.raises(ValueError, match=message):
        describe_recording(murmur, circor["2530"][0], **arguments)


def test_wrong_models_and_recordings(murmur, circor, tmp_path):
    with pytest.raises(TypeError, match="model must be the name of a pretrained model"):
        describe_recording(LogisticRegression(), circor["2530"][0])
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        describe_recording(murmur, str(tmp_path / "absent.wav"))
    with pytest.raises(ValueError, match="No recording of patient 'A' can be used: "):
        describe_patient(murmur, [str(tmp_path / "absent.wav")], patient="A")
    with pytest.raises(ValueError, match="locations must name one location for each"):
        describe_patient(murmur, circor["2530"], locations=["AV"])
