"""The phases of a simulated recording with an early beat, and the probabilities."""

import numpy as np
from matplotlib import pyplot as plt

from skheart.datasets import make_heart_sounds
from skheart.segmentation import beat_times, decode_phases, load_segmenter

COLOURS = {"s1": "C3", "systole": "C1", "s2": "C0", "diastole": "0.85"}

sounds = make_heart_sounds(
    1,
    classes="extrasystole",
    duration=6.0,
    heart_rate=70.0,
    noise=-20.0,
    random_state=4,
)
waveform = sounds.data[0]
probability = load_segmenter().predict_proba([waveform])[0]
start, end, phase = decode_phases(probability)

figure, (above, below) = plt.subplots(
    2, figsize=(11, 4.2), sharex=True, layout="constrained"
)
times = np.arange(len(waveform)) / sounds.sample_rate
for word, colour in COLOURS.items():
    rows = phase == word
    above.broken_barh(
        list(zip(start[rows], (end - start)[rows], strict=True)),
        (-1, 2),
        color=colour,
        alpha=0.45,
        label=word,
        linewidth=0,
    )
above.plot(times, waveform / np.abs(waveform).max(), linewidth=0.6, color="0.15")
above.set(ylabel="Amplitude", ylim=(-1, 1))
above.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)
frames = np.arange(len(probability)) * 0.01
for column, word in ((0, "s1"), (2, "s2")):
    below.plot(frames, probability[:, column], color=COLOURS[word], label=word)
below.plot(
    beat_times(probability),
    np.ones(len(beat_times(probability))),
    "v",
    color="0.15",
    label="beat_times",
)
below.set(xlabel="Time in seconds", ylabel="Probability", xlim=(0, 6))
below.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
