"""``skheart cache``: count, bound or clear the spectrograms in a cache folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from skheart._core.checks import check_number
from skheart.cli.options import add_options
from skheart.spectrogram.cache import SpectrogramCache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = "folder given to SpectrogramTransformer(cache=...)"
    size = "remove the least recently used ones above this size; 0 removes all"
    add_options(
        parser,
        ("folder", Path, "FOLDER", folder),
        ("--max-megabytes", float, "MB", size),
    )


def run(options: argparse.Namespace) -> int:
    """Remove spectrograms if a size was given, and print what is left."""
    check_number("--max-megabytes", options.max_megabytes, closed="left", optional=True)
    if not options.folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(options.folder)!r}; name one that was given as "
            "cache= to a SpectrogramTransformer."
        )
    cache = SpectrogramCache(options.folder)
    if options.max_megabytes is not None:
        print(f"Removed {cache.prune(options.max_megabytes * 1e6)} spectrograms")
    n_spectrograms, n_bytes = cache.contents()
    print(f"{n_spectrograms} spectrograms, {n_bytes / 1e6:.1f} MB")
    return 0
