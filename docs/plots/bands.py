"""Where the bands lie on the two scales, for two upper limits."""

import numpy as np
from matplotlib import pyplot as plt

from skheart import SpectrogramDisplay, SpectrogramTransformer
from skheart.datasets import make_heart_sounds

sounds = make_heart_sounds(1, sample_rate=8000, duration=0.5, random_state=0)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, layout="constrained")
for ax, f_max in zip(axes, (900.0, 4000.0), strict=True):
    for scale, style in (("mel", "o"), ("linear", "x")):
        transformer = SpectrogramTransformer(
            sample_rate=8000, duration=None, f_max=f_max, scale=scale
        )
        display = SpectrogramDisplay.from_recording(
            sounds.data[0], transformer=transformer
        )
        ax.plot(np.arange(40), display.frequencies, style, ms=4, label=scale)
    ax.set(xlabel="Band", title=f"f_max={f_max:g}")
    ax.legend()
axes[0].set_ylabel("Middle of the band (Hz)")
