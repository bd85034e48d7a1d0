"""``skheart spectrogram``: draw the spectrogram of a recording."""

from __future__ import annotations

import argparse

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart.cli.output import check_output
from skheart.inspection.displays import SpectrogramDisplay
from skheart.spectrogram.transformer import SpectrogramTransformer

_SETTINGS = ("sample_rate", "n_bands", "f_min", "f_max")


def run(options: argparse.Namespace) -> int:
    """Write the picture."""
    matplotlib = optional_import("matplotlib", user="skheart spectrogram", extra="plot")
    check_output(options.output, "-o", force=options.force, endings=(".png",))
    matplotlib.use("Agg")
    given = {name: getattr(options, name) for name in _SETTINGS}
    transformer = SpectrogramTransformer(
        duration=options.duration,
        normalize=None,
        **{name: value for name, value in given.items() if value is not None},
    )
    display = SpectrogramDisplay.from_recording(
        options.recording, transformer=transformer
    ).plot()
    with atomic_path(options.output) as temporary:
        display.figure_.savefig(temporary, format="png", dpi=150)
    print(f"Wrote {options.output}")
    return 0
