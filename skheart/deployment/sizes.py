"""Upper limits for what a model file may ask for, checked before memory is taken."""

from __future__ import annotations

import math
from typing import Any

from skheart._core.checks import check_number
from skheart._core.files import ModelFileError
from skheart.neural.network_record import tables_in

_N_CLASSES = 1000
_N_TIMES = 1 << 16  # points in a frame window, and of the Fourier transform
_N_FRAMES = 1 << 20
_N_BANDS = 1 << 12
_N_WEIGHTS = 1 << 28  # 1 GB
_ACTIVATIONS = 1 << 28  # numbers that one layer computes for one crop
_SIZES = ("units", "filters", "key_dim", "value_dim", "num_heads", "depth_multiplier")


def check_sizes(text: dict[str, Any]) -> None:
    """Raise ModelFileError for the first unreasonable size in a model file's text."""
    try:
        check_spectrogram(text["spectrogram"])
        n_classes = len(text["classes"])
        check_number(
            "the number of classes", n_classes, low=2, high=_N_CLASSES, closed="both"
        )
        n_bands, n_frames, n_channels = text["input_shape"]
        for name, value, high in (
            ("n_bands", n_bands, _N_BANDS),
            ("n_frames", n_frames, _N_FRAMES),
            ("n_channels", n_channels, 64),
            ("n_crop", text["n_crop"], _N_FRAMES),
        ):
            check_number(name, value, high=high, integer=True)
        check_number(
            "the size of a crop",
            n_bands * text["n_crop"] * n_channels,
            high=_ACTIVATIONS,
            integer=True,
        )
        for shape in text["shapes"]:
            # Before they are multiplied: the product with a text would repeat it.
            check_number(
                "the axes of a weight", len(shape), low=0, high=8, closed="both"
            )
            for length in shape:
                check_number(
                    "the length of a weight", length, high=_N_WEIGHTS, integer=True
                )
        n_weights = sum(math.prod(shape) for shape in text["shapes"])
        check_number("the number of weights", n_weights, high=_N_WEIGHTS, integer=True)
    except (TypeError, ValueError) as error:
        raise ModelFileError(str(error)) from error
    stored = {number for shape in text["shapes"] for number in shape}
    stored |= {math.prod(shape) for shape in text["shapes"]}
    # A layer with n units has at least one weight array with n numbers along an axis or
    # in all, so that a width beyond all weights of the file cannot be true.
    largest = max([n_weights, *stored, 1])
    for table in tables_in(text["network"]):
        for key in _SIZES:
            value = table.get(key)
            if isinstance(value, int | float) and value > largest:
                raise ModelFileError(
                    f"{key} of a layer is {value}, more than the weights in the file "
                    "allow"
                )


def check_spectrogram(settings: dict[str, Any]) -> None:
    """Raise ValueError unless the settings of a SpectrogramTransformer are bounded."""
    rate: Any = settings.get("sample_rate")
    check_number("sample_rate", rate, low=10, high=1e6, closed="both", unit="Hz")
    other = settings.get("input_sample_rate")
    check_number(
        "input_sample_rate", other, low=10, high=1e6, closed="both", optional=True
    )
    window: Any = settings.get("window")
    hop: Any = settings.get("hop")
    check_number("window", window, high=_N_TIMES / rate, unit="s")
    check_number("hop", hop, low=0.5 / rate, high=_N_TIMES / rate, unit="s")
    check_number(
        "n_fft", settings.get("n_fft"), high=_N_TIMES, integer=True, optional=True
    )
    check_number("n_bands", settings.get("n_bands"), high=_N_BANDS, integer=True)
    longest = min(86400.0, _N_FRAMES * hop)
    check_number("duration", settings.get("duration"), high=longest, optional=True)
