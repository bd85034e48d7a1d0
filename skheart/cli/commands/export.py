"""``skheart export``: write a model as ONNX or LiteRT, to run without TensorFlow."""

from __future__ import annotations

import argparse
from pathlib import Path

from skheart.cli.models_by_name import read_pipeline
from skheart.cli.options import add_options, check_output
from skheart.cli.quiet import quiet_stderr
from skheart.cli.sources import expand, report_skipped
from skheart.deployment.sidecar import sidecar_of

_DURATION = "LiteRT: length of the input (default: that of the model)"
_PART = "pipeline: from waveform to probabilities; network: from spectrogram to logits"
_CALIBRATION = (
    "LiteRT with --part network: quantize the network to int8 with these recordings, "
    "100 or more files, folders or patterns"
)
_EPILOG = """\
examples:
  skheart export --model murmur --onnx murmur.onnx
  skheart export --model mine.skheart --litert mine.tflite --duration 5 --half
  skheart export --model murmur --litert n.tflite --part network --calibration ward/
  skheart predict --model murmur.onnx recording.wav

An ONNX file takes a waveform of any length, a LiteRT file one of fixed length; both
return probabilities. A JSON file beside each of them (murmur.onnx.json) explains it to
programs: sample rate, classes, threshold, the model's card, and inputs with expected
outputs for tests.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(
        parser,
        "--model",
        "--allow-pickle",
        ("--onnx", Path, "FILE", "ONNX file to write, *.onnx"),
        ("--litert", Path, "FILE", "LiteRT file to write, *.tflite"),
        ("--duration", float, "SECONDS", _DURATION),
        ("--half", bool, None, "LiteRT: half precision, a file of half the size"),
        ("--part", ("pipeline", "network"), None, _PART, "pipeline"),
        ("--calibration", [str], "RECORDING", _CALIBRATION),
        "--force",
    )


def run(options: argparse.Namespace) -> int:
    """Write the files that were asked for."""
    if options.onnx is None and options.litert is None:
        raise ValueError("Nothing to write: pass --onnx FILE, --litert FILE or both.")
    only = {
        "--half": options.half,
        "--duration": options.duration is not None,
        "--calibration": options.calibration is not None,
    }
    if options.litert is None and any(only.values()):
        given = next(flag for flag, is_given in only.items() if is_given)
        raise ValueError(
            f"{given} is for --litert only: an ONNX file takes waveforms of any length "
            "and keeps the precision of its weights."
        )
    for option, ending in (("onnx", ".onnx"), ("litert", ".tflite")):
        path = getattr(options, option)
        if path is not None:
            flag, force = f"--{option}", options.force
            check_output(path, flag, force=force, endings=(ending,))
            check_output(sidecar_of(path), flag, force=force)
    calibration = None
    if options.calibration is not None:
        if options.part != "network" or options.half:
            raise ValueError(
                "--calibration needs --part network and no --half: a spectrogram "
                "cannot be computed in int8."
            )
        calibration, skipped = expand(options.calibration)
        report_skipped(skipped)
    model = read_pipeline(options.model, allow_pickle=options.allow_pickle)
    with quiet_stderr():
        from skheart.deployment.export import export_litert, export_onnx

        # LiteRT first: it takes longer, and an error must leave everything as it was.
        if options.litert is not None:
            settings = {"duration": options.duration, "half": options.half}
            settings["calibration"] = calibration
            export_litert(model, options.litert, part=options.part, **settings)
        if options.onnx is not None:
            export_onnx(model, options.onnx, part=options.part)
    for path in (options.litert, options.onnx):
        if path is not None:
            size = path.stat().st_size / 1e6
            print(f"Wrote {path} ({size:.2f} MB) and {sidecar_of(path).name}")
    return 0
