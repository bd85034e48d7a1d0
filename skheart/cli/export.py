"""``skheart export``: write a model as ONNX or LiteRT, to run without TensorFlow."""

from __future__ import annotations

import argparse

from skheart.cli.models_by_name import read_pipeline
from skheart.cli.output import check_output
from skheart.cli.quiet import quiet_stderr
from skheart.deployment.export import export_litert, export_onnx


def run(options: argparse.Namespace) -> int:
    """Write the files that were asked for."""
    _check(options)
    model = read_pipeline(options.model, allow_pickle=options.allow_pickle)
    litert = {"duration": options.duration, "half": options.half}
    # LiteRT first: it takes longer, and an error must leave everything as it was.
    for path, write, arguments in (
        (options.litert, export_litert, litert),
        (options.onnx, export_onnx, {}),
    ):
        if path is not None:
            with quiet_stderr():
                write(model, path, part=options.part, **arguments)
            print(f"Wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.onnx is None and options.litert is None:
        raise ValueError("Nothing to write: pass --onnx FILE, --litert FILE or both.")
    if options.litert is None and (options.duration is not None or options.half):
        given = "--half" if options.half else "--duration"
        raise ValueError(
            f"{given} is for --litert only: an ONNX file takes waveforms of any length "
            "and keeps the precision of its weights."
        )
    for option, path, ending in (
        ("--onnx", options.onnx, ".onnx"),
        ("--litert", options.litert, ".tflite"),
    ):
        if path is not None:
            check_output(path, option, force=options.force, endings=(ending,))
