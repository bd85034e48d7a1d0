"""A recording of 3 s in a spectrogram of 8 s, filled in the two ways."""

from matplotlib import pyplot as plt

from skheart import SpectrogramDisplay, SpectrogramTransformer
from skheart.datasets import make_heart_sounds

sounds = make_heart_sounds(1, classes="normal", duration=3.0, random_state=1)

figure, axes = plt.subplots(2, 1, figsize=(9, 5), sharex=True, layout="constrained")
for ax, padding in zip(axes, ("repeat", "constant"), strict=True):
    transformer = SpectrogramTransformer(duration=8.0, padding=padding)
    SpectrogramDisplay.from_recording(
        sounds.data[0], transformer=transformer, name=f'padding="{padding}"'
    ).plot(ax)
axes[0].set_xlabel("")
