"""The arguments of each command of the command line, and what its help says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DEFAULT_MODEL = "murmur"  # of skheart predict

EPILOG = """\
exit codes:
  0    everything worked
  1    predict: some recordings could not be used; their rows say why
  2    nothing was done: wrong usage or an error, which standard error names
  130  interrupted

skheart is for research. It is not a medical device.
"""

PREDICT_EPILOG = """\
columns of the output, one row a recording in the order given:
  recording              the path as given
  prediction             the most probable class
  probability_<class>    one column for each class
  error                  why the recording could not be used, else empty

examples:
  skheart predict recording.wav
  skheart predict --model pascal *.wav --format csv > answers.csv
  skheart predict --model mine.skheart *.wav -o answers.csv
  skheart predict mine.onnx recording.wav

Without --model, the pretrained model "murmur" tells murmur and normal apart;
"skheart models murmur" prints what it was trained on and where it is weak.
A file that ends in .skheart or .onnx may also stand before the recordings and is
safe to load from anyone; .onnx is run without TensorFlow, ten times as fast for
one recording. A .joblib file is a pickle, which can run any code: it needs
--allow-pickle, and trust in where it comes from.
skheart is for research. It is not a medical device.
"""

TRAIN_EPILOG = """\
examples:
  skheart train pascal ~/data/pascal --classes normal murmur -o murmur.skheart
  skheart train circor2022 ~/data/circor2022 --target murmur_at_location \\
      --classes Absent Present -o murmur.skheart
  skheart train folder recordings --patient-pattern '^([0-9]+)_' -o mine.skheart
  skheart train folder recordings --weights murmur -o tuned.skheart

A MODEL that ends in .skheart is text and numbers, safe for others to load; one
that ends in .joblib is a pickle of the pipeline.

CORPUS "folder" reads DATA_HOME/CLASS/RECORDING: the name of a folder is the label
of the recordings in it.
"""

EXPORT_EPILOG = """\
examples:
  skheart export murmur --onnx murmur.onnx
  skheart export mine.skheart --litert mine.tflite --duration 5 --half
  skheart predict murmur.onnx recording.wav

An ONNX file takes a waveform of any length, a LiteRT file one of fixed length; both
give probabilities. The names of the classes and the sample rate are in the file.
"""


def add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("skheart-demo"),
        metavar="FOLDER",
        help="where to write the model and the pictures (default: %(default)s)",
    )
    add_seed_and_quiet(parser)


def add_train(parser: argparse.ArgumentParser) -> None:
    add_corpus(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="MODEL",
        help="file to write the model to, such as murmur.skheart",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace MODEL, or an unfinished training of it, if it is there",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a training that was ended before it wrote MODEL: the same "
        "command, the same result",
    )
    parser.add_argument(
        "--hold-out",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the patients to leave out of training, for evaluate; 0 trains "
        "on all (default: %(default)s)",
    )
    parser.add_argument(
        "--skip-unusable",
        action="store_true",
        help="leave recordings out that cannot be used (default: stop and list them)",
    )
    bands = parser.add_argument_group("spectrogram")
    bands.add_argument(
        "--duration",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="how much of each recording to use (default: %(default)s)",
    )
    add_bands(bands)
    network = parser.add_argument_group("network and training")
    network.add_argument(
        "--network", choices=["compact", "deep_stethoscope"], default="compact"
    )
    network.add_argument(
        "--weights",
        metavar="NAME",
        help='start from a pretrained model (see "skheart models") in place of a new '
        "network",
    )
    network.add_argument(
        "--loss",
        default="crossentropy",
        help="crossentropy, auroc or the name of a Keras loss (default: %(default)s)",
    )
    network.add_argument(
        "--epochs",
        type=int,
        default=20,
        help="passes over the recordings (default: 20)",
    )
    network.add_argument(
        "--augment",
        type=float,
        default=0.0,
        metavar="STRENGTH",
        help="how much to vary the training spectrograms, from 0 to 1 (default: 0)",
    )
    network.add_argument(
        "--class-weight",
        choices=["balanced"],
        help='"balanced" gives each class the same weight',
    )
    network.add_argument(
        "--batch-size", type=int, default=32, help="recordings a step (default: 32)"
    )
    network.add_argument(
        "--patience",
        type=int,
        metavar="EPOCHS",
        help="stop when the AUROC of patients set apart has not risen for so long "
        "(default: train for all epochs)",
    )
    network.add_argument(
        "--threads",
        dest="n_threads",
        type=int,
        metavar="N",
        help="threads to compute with (default: all cores)",
    )
    add_seed_and_quiet(parser)


def add_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="as given to cache= in Python"
    )
    parser.add_argument(
        "--max-megabytes",
        type=float,
        metavar="MB",
        help="remove those that have not been used for longest, until the others take "
        "this much; 0 removes all",
    )


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    add_model(parser, required=True)
    add_corpus(parser)
    parser.add_argument(
        "--positive",
        metavar="CLASS",
        help="the class that is looked for, for sensitivity and the scores of patients "
        "(default: of two classes the one that is not called absent, healthy, negative "
        "or normal; else the second in the alphabet)",
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="default: text"
    )
    add_seed_and_quiet(parser)


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help='name of a pretrained model (see "skheart models") or file that "skheart '
        'train" wrote',
    )
    add_allow_pickle(parser)
    parser.add_argument(
        "--onnx", type=Path, metavar="FILE", help="ONNX file to write, *.onnx"
    )
    parser.add_argument(
        "--litert", type=Path, metavar="FILE", help="LiteRT file to write, *.tflite"
    )
    parser.add_argument(
        "--part",
        choices=["pipeline", "network"],
        default="pipeline",
        help="from waveform to probabilities, or the network alone, from spectrogram "
        "to logits (default: %(default)s)",
    )
    parser.add_argument(
        "--duration",
        type=float,
        metavar="SECONDS",
        help="length of the waveform that a LiteRT file takes (default: the model's)",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="weights of a LiteRT file in half precision, for half of its size",
    )


def add_predict(parser: argparse.ArgumentParser) -> None:
    add_model(parser, required=False)
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="RECORDING",
        help="sound files: WAV, FLAC, OGG, AIFF or MP3",
    )
    parser.add_argument(
        "--format", choices=["csv", "json"], default="csv", help="default: csv"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the rows there (default: standard output)",
    )
    add_quiet(parser)


def add_spectrogram(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", metavar="RECORDING", help="a sound file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="PNG", help="file to write"
    )
    parser.add_argument(
        "--duration",
        type=float,
        metavar="SECONDS",
        help="how much to draw (default: all)",
    )
    parser.add_argument(
        "--sample-rate",
        type=float,
        default=2000.0,
        metavar="HZ",
        help="rate to resample to (default: %(default)s)",
    )
    add_bands(parser)


def add_bands(parser: Any) -> None:
    settings = [
        ("--n-bands", int, 40, "N", "number of frequency bands"),
        ("--f-min", float, 25.0, "HZ", "lower edge of the lowest band"),
        ("--f-max", float, 900.0, "HZ", "upper edge of the highest band"),
    ]
    for flag, kind, default, unit, text in settings:
        parser.add_argument(
            flag,
            type=kind,
            default=default,
            metavar=unit,
            help=f"{text} (default: %(default)s)",
        )


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="the model whose card to print (default: list all)",
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="default: text"
    )


def add_model(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--model",
        required=required,
        metavar="MODEL",
        help='name of a pretrained model (see "skheart models") or file that "skheart '
        'train" wrote' + ("" if required else f" (default: {DEFAULT_MODEL})"),
    )
    add_allow_pickle(parser)


def add_allow_pickle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load a .joblib file, which can run any code: only one that you trust",
    )


def add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corpus",
        choices=["pascal", "cinc2016", "circor2022", "folder"],
        metavar="CORPUS",
        help="pascal, cinc2016, circor2022, or folder for a folder of class folders",
    )
    parser.add_argument(
        "data_home", type=Path, metavar="DATA_HOME", help="folder that holds the corpus"
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="use only recordings with these labels (default: all, in evaluate those "
        "that the model knows)",
    )
    parser.add_argument(
        "--rename",
        nargs="+",
        type=renaming,
        default=[],
        metavar="LABEL=CLASS",
        help="call labels of the corpus otherwise, such as Present=murmur "
        "Absent=normal; --classes then takes the new names",
    )
    parser.add_argument(
        "--target",
        choices=["murmur", "murmur_at_location", "outcome"],
        help="circor2022: what to tell apart (default: murmur, in evaluate as trained)",
    )
    parser.add_argument(
        "--patient-pattern",
        metavar="REGEX",
        help="folder: regular expression whose first group (or all of it) in a file "
        "name is the patient (default: each recording is a patient of its own)",
    )


def add_seed_and_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of everything random (default: 0)"
    )
    add_quiet(parser)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bars")


def renaming(text: str) -> tuple[str, str]:
    """Read ``LABEL=CLASS``."""
    label, sign, name = text.partition("=")
    if not (label and sign and name):
        raise argparse.ArgumentTypeError(f"expected LABEL=CLASS, got {text!r}")
    return label, name
