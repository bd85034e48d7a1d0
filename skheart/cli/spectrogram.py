"""``skheart spectrogram``: draw the spectrogram of a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart.cli.options import BANDS, FORCE, REQUIRED, add_options, settings_of
from skheart.cli.output import check_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_options(
        parser,
        ("recording", str, "RECORDING", "a sound file"),
        ("-o --output", Path, "PNG", "picture to write", REQUIRED),
        FORCE,
        ("--duration", float, "SECONDS", "length to draw (default: all)"),
        ("--sample-rate", float, "HZ", "rate to resample to (default: 2000.0)"),
        *BANDS,
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
