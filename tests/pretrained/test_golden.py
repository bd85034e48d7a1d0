"""Test the probabilities of pretrained models, by hand and against version 0.1.0."""

import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from scipy.special import expit, softmax

from skheart import load_pretrained

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())
EVERY_MODEL = pytest.mark.parametrize("name", GOLDEN["probabilities"])


@EVERY_MODEL
def test_forty_recordings(shared_data, name):
    """Version 0.1.0 wrote `golden.json` for the recordings listed in it."""
    paths = [str(shared_data / recording) for recording in GOLDEN["recordings"]]
    found = load_pretrained(name).predict_proba(paths)
    np.testing.assert_allclose(found, GOLDEN["probabilities"][name], atol=1e-5)


def spectrogram_by_librosa(waveform):
    """Compute the spectrogram of 30 s at 2 kHz, (40, 1501), normalized."""
    waveform = waveform[:60_000]
    power = librosa.feature.melspectrogram(
        y=(waveform - waveform.mean()) / waveform.std(),
        sr=2000,
        n_fft=128,
        win_length=100,
        hop_length=40,
        n_mels=40,
        fmin=25,
        fmax=900,
        pad_mode="constant",
    )
    decibels = librosa.power_to_db(power, ref=1.0, amin=1e-6, top_db=None)
    normalized = (decibels - decibels.mean()) / decibels.std()
    return np.tile(normalized, 6)[:, :1501]


@EVERY_MODEL
def test_probabilities_by_hand(shared_data, name):
    """Spectrograms are from librosa; windows overlap by half, and logits are averaged.

    The recordings of CinC 2016 have the sample rate of the models.
    """
    recordings = [r for r in GOLDEN["recordings"] if r.startswith("cinc2016")][:5]
    pipeline = load_pretrained(name)
    starts = np.round(np.linspace(0, 1501 - 250, 11)).astype(int)
    for recording in recordings:
        waveform, rate = soundfile.read(shared_data / recording, dtype="float32")
        assert rate == 2000
        spectrogram = spectrogram_by_librosa(waveform)
        windows = np.stack([spectrogram[:, start : start + 250] for start in starts])
        logits = np.asarray(pipeline["cnn"].model_(windows[..., np.newaxis])).mean(
            axis=0
        )
        two = len(logits) == 1
        expected = [*expit(-logits), *expit(logits)] if two else softmax(logits)
        (found,) = pipeline.predict_proba([str(shared_data / recording)])
        np.testing.assert_allclose(found, expected, atol=1e-4)
