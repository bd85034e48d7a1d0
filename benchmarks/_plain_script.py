"""Classify recordings with librosa and Keras, as a script that is written by hand does.

    python _plain_script.py NETWORK.keras LIST.txt OUTPUT.csv {each,together}

It is the pretrained model "murmur" without skheart: the same spectrograms, windows and
weights. With "each", the network is called for each recording, with "together" once for
all. Only the layer that the network was saved with comes from skheart.
"""

import csv
import sys

import keras
import librosa
import numpy as np

import skheart.neural.layers  # noqa: F401

SAMPLE_RATE = 2000
SECONDS = 30
N_FRAMES = 250  # of a window
N_WINDOWS = 11  # that overlap by half


def windows_of(path):
    waveform, _ = librosa.load(path, sr=SAMPLE_RATE, duration=SECONDS)
    waveform = np.resize(waveform, SAMPLE_RATE * SECONDS)
    waveform = (waveform - waveform.mean()) / waveform.std()
    power = librosa.feature.melspectrogram(
        y=waveform,
        sr=SAMPLE_RATE,
        n_fft=128,
        win_length=100,
        hop_length=40,
        n_mels=40,
        fmin=25,
        fmax=900,
    )
    spectrogram = librosa.power_to_db(power, ref=1.0, amin=1e-6, top_db=None)
    spectrogram = (spectrogram - spectrogram.mean()) / spectrogram.std()
    starts = np.linspace(0, spectrogram.shape[1] - N_FRAMES, N_WINDOWS).round()
    windows = [spectrogram[:, start : start + N_FRAMES] for start in starts.astype(int)]
    return np.stack(windows)[..., np.newaxis]


def main():
    network, listed, output, how = sys.argv[1:]
    model = keras.models.load_model(network, compile=False)
    with open(listed) as file:
        paths = file.read().splitlines()
    if how == "each":
        logits = [model.predict(windows_of(path), verbose=0) for path in paths]
    else:
        windows = np.concatenate([windows_of(path) for path in paths])
        logits = model.predict(windows, verbose=0).reshape(len(paths), N_WINDOWS)
    with open(output, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["recording", "probability_murmur", "probability_normal"])
        for path, values in zip(paths, logits, strict=True):
            normal = 1 / (1 + np.exp(-np.mean(values)))
            rows.writerow([path, 1 - normal, normal])


if __name__ == "__main__":
    main()
