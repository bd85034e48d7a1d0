"""Plot a normal heart and a murmur: the image file beside the labelled spectrogram.

On the left is the image that ``save_spectrogram_images`` writes, a PNG without margins.
On the right is the spectrogram of the same ``SpectrogramTransformer`` with axes.

    python examples/plot_spectrograms.py [RECORDING ...] -o spectrograms.png

Without recordings, the script simulates two.
"""

import argparse
import tempfile

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from skheart import (
    SpectrogramDisplay,
    SpectrogramTransformer,
    save_spectrogram_images,
)
from skheart.datasets import make_heart_sounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="*", metavar="RECORDING")
    parser.add_argument("-o", "--output", default="spectrograms.png", metavar="PNG")
    options = parser.parse_args()

    recordings, names = options.recordings, [None] * len(options.recordings)
    if not recordings:
        recordings, names = simulated(), ["normal", "murmur"]
    transformer = SpectrogramTransformer(duration=4.0, hop=0.01, normalize=None)
    with tempfile.TemporaryDirectory() as folder:
        images = save_spectrogram_images(recordings, folder, transformer=transformer)
        draw(recordings, names, images, transformer).savefig(options.output, dpi=120)
    print(f"Wrote {options.output}")


def simulated():
    """Return a normal recording and one with a loud murmur."""
    quiet = {"noise": (-28.0, -24.0), "random_state": 3}
    normal = make_heart_sounds(1, classes=("normal",), **quiet)
    murmur = make_heart_sounds(
        1, classes=("murmur",), murmur_level=(-10.0, -8.0), **quiet
    )
    return [normal.data[0], murmur.data[0]]


def draw(recordings, names, images, transformer):
    """Plot each image beside the spectrogram of the same recording."""
    figure, axes = plt.subplots(
        len(recordings),
        2,
        figsize=(10, 2.6 * len(recordings)),
        width_ratios=[1, 1.25],
        layout="constrained",
        squeeze=False,
    )
    for (left, right), recording, name, image in zip(
        axes, recordings, names, images, strict=True
    ):
        left.imshow(plt.imread(image), aspect="auto", interpolation="nearest")
        left.axis("off")
        SpectrogramDisplay.from_recording(
            recording, transformer=transformer, name=name
        ).plot(right)
    return figure


if __name__ == "__main__":
    main()
