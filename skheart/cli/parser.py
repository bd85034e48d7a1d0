"""The arguments of each command and their help; imports nothing that is slow.

An option that sets a parameter of an estimator is None where it is not given: the
default is that of the estimator. Tests hold the defaults that are named in the help.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skheart import __version__

_EPILOG = """\
models:
  --model names a model in every command ("skheart models" takes it without --model):
  a pretrained model by its name, see "skheart models", or a file. Files that end in
  .skheart, which "skheart train" writes, and .onnx, which "skheart export" writes, are
  safe to load from anyone. A .joblib file is a pickle, which can run any code: it needs
  --allow-pickle.

exit codes:
  0    everything worked
  1    predict: some recordings could not be used; their rows say why
  2    wrong usage or an error, which standard error names; nothing was written
  130  interrupted
  141  the program that read the output stopped, as "head" does

skheart is for research. It is not a medical device.
"""

_PREDICT_EPILOG = """\
columns of the output, one row for each recording in the order given:
  recording              the path as given
  prediction             the most probable class
  probability_<class>    one column for each class
  error                  why the recording could not be used, else empty (JSON: null)

In CSV, a text that starts with =, +, - or @ has ' before it, so that no spreadsheet
runs it as a formula.

examples:
  skheart predict recording.wav
  skheart predict --model pascal *.wav --format json > predictions.json
  skheart predict --model mine.skheart *.wav -o predictions.csv
  skheart predict --model mine.onnx recording.wav

"skheart models murmur" prints what the default model was trained on and its limits.
An .onnx file runs without TensorFlow, ten times as fast for one recording.
skheart is for research. It is not a medical device.
"""

_TRAIN_EPILOG = """\
examples:
  skheart train pascal ~/data/pascal --classes normal murmur -o murmur.skheart
  skheart train circor2022 ~/data/circor2022 --target murmur_at_location \\
      --classes Absent Present -o murmur.skheart
  skheart train folder recordings --patient-pattern '^([0-9]+)_' -o mine.skheart
  skheart train folder recordings --weights murmur -o tuned.skheart

OUTPUT.skheart holds text and numbers and is safe to load; OUTPUT.joblib is a pickle of
the pipeline. Both keep salted hashes of the recordings and patients, so that "skheart
evaluate" recognises them, but no names and no paths.

CORPUS "folder" reads DATA_HOME/CLASS/RECORDING: the name of a folder is the label of
the recordings in it.
"""

_EVALUATE_EPILOG = """\
Recordings that the model was trained on, and other recordings of the same patients, are
left out. They are recognised by their sound, also in a copied or renamed folder. The
report says "unknown" where it cannot be known whether the model has seen the patients.
"""

_EXPORT_EPILOG = """\
examples:
  skheart export --model murmur --onnx murmur.onnx
  skheart export --model mine.skheart --litert mine.tflite --duration 5 --half
  skheart predict --model murmur.onnx recording.wav

An ONNX file takes a waveform of any length, a LiteRT file one of fixed length; both
return probabilities. The names of the classes and the sample rate are in the file.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read arguments; `command` is the name of the command.

    Options may stand between positional arguments, unless there is a ``--``.
    """
    parser, commands = command_line_parser()
    if not arguments or arguments[0] not in commands:
        return parser.parse_args(arguments)
    command = commands[arguments[0]]
    intermixed = "--" not in arguments
    read = command.parse_intermixed_args if intermixed else command.parse_args
    return read(arguments[1:])


def command_line_parser() -> tuple[
    argparse.ArgumentParser, dict[str, argparse.ArgumentParser]
]:
    """Return the parser, and that of each command by its name."""
    parser = argparse.ArgumentParser(
        prog="skheart",
        description="Classify heart-sound recordings: train, evaluate, predict.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skheart {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (add, summary, epilog) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(command=name)
        add(command)
    return parser, dict(commands.choices)


def _demo(parser: argparse.ArgumentParser) -> None:
    _add_output(parser, "FOLDER", "folder for the results", Path("skheart-demo"))
    _add_force(parser)
    _add_seed(parser)
    _add_quiet(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    _add_corpus(parser)
    _add_output(parser, "OUTPUT", "file for the model, such as murmur.skheart")
    _add_force(parser, "replace OUTPUT, or an unfinished training of it")
    _add_flag(parser, "--resume", "resume an interrupted training of the same command")
    parser.add_argument(
        "--hold-out",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the patients to leave out of training, for evaluate; 0 trains "
        "on all (default: %(default)s)",
    )
    _add_flag(
        parser,
        "--skip-unusable",
        "leave out recordings that cannot be used (default: stop and list them)",
    )
    _add_settings(
        parser.add_argument_group("spectrogram"),
        (
            "--duration",
            float,
            "SECONDS",
            "length to use of each (default: 20.0)",
        ),
        *_BANDS,
    )
    _add_settings(
        parser.add_argument_group("network and training"),
        ("--network", str, "NAME", "compact or deep_stethoscope (default: compact)"),
        ("--weights", str, "NAME_OR_FILE", "start from this model: fine-tuning"),
        ("--loss", str, "NAME", "crossentropy (default), auroc or a loss of Keras"),
        (
            "--learning-rate",
            float,
            "RATE",
            "maximum (default: 0.002, fine-tuning 0.0002)",
        ),
        ("--epochs", int, "N", "passes over the recordings (default: 20)"),
        ("--augment", float, "X", "strength of augmentation, 0 to 1 (default: 0.0)"),
        ("--class-weight", str, "balanced", "the same total weight for each class"),
        ("--batch-size", int, "N", "recordings in one training step (default: 32)"),
        ("--patience", int, "EPOCHS", "stop after so many without a higher AUROC"),
        ("--threads", int, "N", "threads for computing (default: all cores)"),
    )
    _add_allow_pickle(parser)
    _add_seed(parser)
    _add_quiet(parser)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_corpus(parser)
    parser.add_argument(
        "--positive",
        metavar="CLASS",
        help="the positive class, for sensitivity and the scores of patients (default: "
        "of two, the one that is not called absent, healthy, negative or normal)",
    )
    _add_format(parser, "text", "json")
    _add_seed(parser)
    _add_quiet(parser)


def _predict(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, default="murmur")
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="RECORDING",
        help="sound files: WAV, FLAC, OGG, AIFF or MP3; with PyAV also M4A, WebM ...",
    )
    _add_format(parser, "csv", "json")
    _add_settings(
        parser,
        ("-o --output", Path, "FILE", "file for the rows (default: standard output)"),
    )
    _add_force(parser)
    _add_quiet(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_settings(
        parser,
        ("--onnx", Path, "FILE", "ONNX file to write, *.onnx"),
        ("--litert", Path, "FILE", "LiteRT file to write, *.tflite"),
        (
            "--duration",
            float,
            "SECONDS",
            "input of the LiteRT file (default: the model's)",
        ),
    )
    _add_flag(parser, "--half", "half precision: a LiteRT file of half the size")
    parser.add_argument(
        "--part",
        choices=["pipeline", "network"],
        default="pipeline",
        help="pipeline: from waveform to probabilities; network: from spectrogram to "
        "logits (default: %(default)s)",
    )
    _add_force(parser)


def _models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        nargs="?",
        metavar="NAME_OR_FILE",
        help="model to describe (default: list the pretrained models)",
    )
    _add_allow_pickle(parser)
    _add_format(parser, "text", "json")


def _spectrogram(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", metavar="RECORDING", help="a sound file")
    _add_output(parser, "PNG", "picture to write")
    _add_force(parser)
    _add_settings(
        parser,
        ("--duration", float, "SECONDS", "length to draw (default: all)"),
        ("--sample-rate", float, "HZ", "rate to resample to (default: 2000.0)"),
        *_BANDS,
    )


def _cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="as given to SpectrogramTransformer(cache=...)",
    )
    _add_settings(
        parser,
        ("--max-megabytes", float, "MB", "remove the least recently used, 0 for all"),
    )


# Options of several commands ----------------------------------------------------------

_BANDS = (
    ("--n-bands", int, "N", "number of frequency bands (default: 40)"),
    ("--f-min", float, "HZ", "lower edge of the lowest band (default: 25.0)"),
    ("--f-max", float, "HZ", "upper edge of the highest band (default: 900.0)"),
)


def _add_settings(parser: Any, *settings: tuple[str, Any, str, str]) -> None:
    """Add options with one value, None by default: flags, type, unit and help."""
    for flags, kind, unit, text in settings:
        parser.add_argument(*flags.split(), type=kind, metavar=unit, help=text)


def _add_flag(parser: argparse.ArgumentParser, flag: str, text: str) -> None:
    parser.add_argument(flag, action="store_true", help=text)


def _add_output(
    parser: argparse.ArgumentParser, unit: str, text: str, default: Path | None = None
) -> None:
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        default=default,
        required=default is None,
        metavar=unit,
        help=text if default is None else f"{text} (default: %(default)s)",
    )


def _add_model(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    text = "pretrained model or model file"
    parser.add_argument(
        "--model",
        default=default,
        required=default is None,
        metavar="NAME_OR_FILE",
        help=text if default is None else f"{text} (default: %(default)s)",
    )
    _add_allow_pickle(parser)


def _add_allow_pickle(parser: argparse.ArgumentParser) -> None:
    text = "load a .joblib file, which can run any code: only one that you trust"
    _add_flag(parser, "--allow-pickle", text)


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corpus",
        choices=["pascal", "cinc2016", "circor2022", "folder"],
        metavar="CORPUS",
        help="pascal, cinc2016, circor2022, or folder for class folders of your own",
    )
    parser.add_argument(
        "data_home",
        type=Path,
        metavar="DATA_HOME",
        help="folder that holds the corpus",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="use only recordings with these labels (default: all; in evaluate, those "
        "that the model knows)",
    )
    parser.add_argument(
        "--rename",
        nargs="+",
        type=_renaming,
        default=[],
        metavar="LABEL=CLASS",
        help="rename labels of the corpus, such as Present=murmur Absent=normal; "
        "--classes then takes the new names (default in evaluate: as in training)",
    )
    parser.add_argument(
        "--target",
        choices=["murmur", "murmur_at_location", "outcome"],
        help="circor2022: which label to use (default: murmur; in evaluate, as in "
        "training)",
    )
    parser.add_argument(
        "--patient-pattern",
        metavar="REGEX",
        help="folder: regular expression that finds the patient in a file name, by its "
        "first group or as a whole (default: each recording counts as a patient; in "
        "evaluate, as in training)",
    )


def _add_force(
    parser: argparse.ArgumentParser, text: str = "replace files that exist"
) -> None:
    _add_flag(parser, "--force", text)


def _add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    parser.add_argument(
        "--format",
        choices=formats,
        default=formats[0],
        help="format of the output (default: %(default)s)",
    )


def _add_seed(parser: argparse.ArgumentParser) -> None:
    text = "seed of everything random (default: %(default)s)"
    parser.add_argument("--seed", type=int, default=0, help=text)


def _add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bars")


def _renaming(text: str) -> tuple[str, str]:
    """Read ``LABEL=CLASS``."""
    label, sign, name = text.partition("=")
    if not (label and sign and name):
        raise argparse.ArgumentTypeError(f"expected LABEL=CLASS, got {text!r}")
    return label, name


_COMMANDS = {
    "demo": (_demo, "Do the whole job on simulated recordings.", ""),
    "train": (_train, "Train a model on a corpus and write it.", _TRAIN_EPILOG),
    "evaluate": (_evaluate, "Score a model on a corpus.", _EVALUATE_EPILOG),
    "predict": (_predict, "Classify recordings, one row for each.", _PREDICT_EPILOG),
    "export": (
        _export,
        "Write a model as ONNX or LiteRT, to run without TensorFlow.",
        _EXPORT_EPILOG,
    ),
    "models": (_models, "List the pretrained models, or describe a model.", ""),
    "spectrogram": (_spectrogram, "Draw the spectrogram of a recording.", ""),
    "cache": (_cache, "Count, bound or clear the spectrograms in a folder.", ""),
}
