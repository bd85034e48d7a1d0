"""A recording with a murmur: its waveform, its spectrogram, and the saved image."""

import tempfile

import numpy as np
from matplotlib import pyplot as plt

from skheart import (
    SpectrogramDisplay,
    SpectrogramTransformer,
    save_spectrogram_images,
)
from skheart.datasets import make_heart_sounds

sounds = make_heart_sounds(
    1, classes="murmur", duration=4.0, murmur_level=-12.0, random_state=3
)
waveform = sounds.data[0]

figure, axes = plt.subplot_mosaic(
    [["waveform", "."], ["spectrogram", "image"]],
    figsize=(11, 5.2),
    height_ratios=[1, 2],
    width_ratios=[1.2, 1],
    layout="constrained",
)
times = np.arange(len(waveform)) / sounds.sample_rate
axes["waveform"].plot(times, waveform, linewidth=0.6, color="0.25")
axes["waveform"].set(xlim=(0, 4), ylabel="Amplitude", title="Recording")

transformer = SpectrogramTransformer(duration=None)
SpectrogramDisplay.from_recording(
    waveform, transformer=transformer, name="SpectrogramDisplay"
).plot(axes["spectrogram"])

with tempfile.TemporaryDirectory() as folder:
    (path,) = save_spectrogram_images([waveform], folder)
    image = plt.imread(path)
axes["image"].imshow(image, aspect="auto", interpolation="nearest")
axes["image"].set_axis_off()
axes["image"].set_title(
    f"save_spectrogram_images: {image.shape[1]} × {image.shape[0]} pixels"
)
