"""``skheart spectrogram``: draw the spectrogram of a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart.cli.options import REQUIRED, add_options, check_output, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(
        parser,
        ("recording", str, "RECORDING", "a sound file"),
        ("-o --output", Path, "PNG", "picture to write", REQUIRED),
        "--force",
        ("--duration", float, "SECONDS", "length to draw (default: all)"),
        ("--sample-rate", float, "HZ", "rate to resample to (default: 2000.0)"),
        *("--n-bands", "--f-min", "--f-max"),
    )


def run(options: argparse.Namespace) -> int:
    """Write the picture."""
    matplotlib = optional_import("matplotlib", user="skheart spectrogram", extra="plot")
    check_output(options.output, "-o", force=options.force, endings=(".png",))
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.spectrogram.transformer import SpectrogramTransformer

    matplotlib.use("Agg")
    transformer = SpectrogramTransformer(duration=None, normalize=None)
    transformer.set_params(**settings_of(transformer, options))
    display = SpectrogramDisplay.from_recording(
        options.recording, transformer=transformer
    ).plot()
    with atomic_path(options.output) as temporary:
        display.figure_.savefig(temporary, format="png", dpi=150)
    print(f"Wrote {options.output}")
    return 0
