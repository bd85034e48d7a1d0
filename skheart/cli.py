"""The command line: one function a command."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from skheart import __version__
from skheart._quiet import start_tensorflow

__all__ = ["main"]

EXIT_OK, EXIT_SOME_FAILED, EXIT_ERROR, EXIT_INTERRUPTED = 0, 1, 2, 130

_EPILOG = """\
exit codes:
  0    everything worked
  1    predict: some recordings could not be used; their rows say why
  2    nothing was done: wrong usage or an error, which standard error names
  130  interrupted

skheart is for research. It is not a medical device.
"""

_PREDICT_EPILOG = """\
columns of the output, one row a recording in the order given:
  recording              the path as given
  prediction             the most probable class
  probability_<class>    one column for each class
  error                  why the recording could not be used, else empty

example:
  skheart predict --model murmur.joblib *.wav --format csv > answers.csv

A model file is a pickle: loading one can run any code, so load only files that you
trust. skheart is for research. It is not a medical device.
"""

_TRAIN_EPILOG = """\
examples:
  skheart train pascal ~/data/pascal --classes normal murmur -o murmur.joblib
  skheart train circor2022 ~/data/circor2022 --target murmur_at_location \\
      --classes Absent Present -o murmur.joblib
  skheart train folder recordings --patient-pattern '^([0-9]+)_' -o mine.joblib

CORPUS "folder" reads DATA_HOME/CLASS/RECORDING: the name of a folder is the label of
the recordings in it.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        What stands behind ``skheart``. By default that of this process.

    Returns
    -------
    code : int
        Exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print("skheart: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; Python must not write to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except (OSError, ValueError, TypeError, ImportError, MemoryError) as error:
        print(f"skheart: error: {error}", file=sys.stderr)
        return EXIT_ERROR


def demo(options: argparse.Namespace) -> int:
    """Do the whole job on simulated recordings."""
    start_tensorflow()
    from skheart._demo import run_demo

    run_demo(options.output, seed=options.seed, verbose=not options.quiet)
    return EXIT_OK


def train(options: argparse.Namespace) -> int:
    """Train a model on a corpus and write it."""
    from skheart._files import atomic_path

    if options.output.exists() and not options.force:
        raise FileExistsError(
            f"{str(options.output)!r} exists; pass --force to replace it."
        )
    with atomic_path(options.output) as temporary:
        start_tensorflow()
        import joblib

        from skheart._workflow import read_corpus, train_pipeline

        corpus = read_corpus(
            options.corpus,
            options.data_home,
            target=options.target,
            classes=options.classes,
            patient_pattern=options.patient_pattern,
        )
        pipeline = train_pipeline(
            corpus,
            hold_out=options.hold_out,
            seed=options.seed,
            verbose=0 if options.quiet else 1,
            network=options.network,
            loss=options.loss,
            epochs=options.epochs,
            augment=options.augment,
            class_weight=options.class_weight,
            n_threads=options.threads,
        )
        joblib.dump(pipeline, temporary, compress=3)
    training = pipeline.skheart_training_
    print(
        f"Trained on {training['n_recordings']} recordings of "
        f"{len(training['patients'])} patients "
        f"({_counts(training['class_counts'])}); "
        f"{len(training['held_out'])} patients were held out."
    )
    print(f"Wrote {options.output}")
    if training["held_out"]:
        print(
            "Score it on them: skheart evaluate --model "
            f"{options.output} {options.corpus} {options.data_home}"
        )
    return EXIT_OK


def evaluate(options: argparse.Namespace) -> int:
    """Score a model on a corpus."""
    import json

    start_tensorflow()
    from skheart._workflow import evaluate_model, read_corpus, read_model

    model = read_model(options.model)
    training = getattr(model, "skheart_training_", {})
    same = training.get("corpus") == options.corpus
    corpus = read_corpus(
        options.corpus,
        options.data_home,
        target=options.target or (training.get("target") if same else None),
        classes=options.classes or [str(word) for word in model.classes_],
        patient_pattern=options.patient_pattern
        or (training.get("patient_pattern") if same else None),
    )
    report = evaluate_model(
        model, corpus, seed=options.seed, verbose=0 if options.quiet else 1
    )
    if options.format == "json":
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print(report)
    return EXIT_OK


def predict(options: argparse.Namespace) -> int:
    """Classify recordings, one row each."""
    start_tensorflow()
    from skheart._files import atomic_path
    from skheart._workflow import predict_recordings, read_model, write_rows

    model = read_model(options.model)
    rows = predict_recordings(
        model,
        options.recordings,
        verbose=0 if options.quiet or len(options.recordings) < 20 else 1,
    )
    if options.output is None:
        write_rows(rows, sys.stdout, format=options.format)
    else:
        with (
            atomic_path(options.output) as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as file,
        ):
            write_rows(rows, file, format=options.format)
    failed = [row for row in rows if row["error"]]
    if failed:
        print(
            f"skheart: {len(failed)} of {len(rows)} recordings could not be used; see "
            "their error column.",
            file=sys.stderr,
        )
        return EXIT_SOME_FAILED
    return EXIT_OK


def spectrogram(options: argparse.Namespace) -> int:
    """Draw the spectrogram of a recording."""
    from skheart.display import SpectrogramDisplay, _need_matplotlib
    from skheart.spectrogram import SpectrogramTransformer

    _need_matplotlib("skheart spectrogram")
    import matplotlib

    matplotlib.use("Agg")
    from skheart._files import atomic_path

    transformer = SpectrogramTransformer(
        duration=options.duration,
        sample_rate=options.sample_rate,
        n_bands=options.n_bands,
        f_min=options.f_min,
        f_max=options.f_max,
        normalize=None,
    )
    display = SpectrogramDisplay.from_recording(
        options.recording, transformer=transformer
    ).plot()
    with atomic_path(options.output) as temporary:
        display.figure_.savefig(temporary, format="png", dpi=150)
    print(f"Wrote {options.output}")
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skheart",
        description="Classify heart-sound recordings: train, evaluate, predict.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skheart {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(command: Any, epilog: str = "") -> argparse.ArgumentParser:
        summary = command.__doc__.splitlines()[0]
        sub = commands.add_parser(
            command.__name__,
            help=summary,
            description=summary,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=command)
        return sub

    _add_demo(add(demo))
    _add_train(add(train, _TRAIN_EPILOG))
    _add_evaluate(add(evaluate))
    _add_predict(add(predict, _PREDICT_EPILOG))
    _add_spectrogram(add(spectrogram))
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("skheart-demo"),
        metavar="FOLDER",
        help="where to write the model and the pictures (default: %(default)s)",
    )
    _add_seed_and_quiet(parser)


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_corpus(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="MODEL",
        help="file to write the model to, such as murmur.joblib",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace MODEL if it is there"
    )
    parser.add_argument(
        "--hold-out",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the patients to leave out of training, for evaluate; 0 trains "
        "on all (default: %(default)s)",
    )
    network = parser.add_argument_group("network and training")
    network.add_argument(
        "--network", choices=["compact", "deep_stethoscope"], default="compact"
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
        "--threads",
        type=int,
        metavar="N",
        help="threads to compute with (default: all cores)",
    )
    _add_seed_and_quiet(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_corpus(parser)
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="default: text"
    )
    _add_seed_and_quiet(parser)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
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
    _add_quiet(parser)


def _add_spectrogram(parser: argparse.ArgumentParser) -> None:
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
    settings = [
        ("--sample-rate", float, 2000.0, "HZ", "rate to resample to"),
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


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="MODEL",
        help='file that "skheart train" wrote; load only files that you trust',
    )


def _add_corpus(parser: argparse.ArgumentParser) -> None:
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
        help="use only recordings with these labels (default: all)",
    )
    parser.add_argument(
        "--target",
        choices=["murmur", "murmur_at_location", "outcome"],
        help="circor2022: what to tell apart (default: murmur)",
    )
    parser.add_argument(
        "--patient-pattern",
        metavar="REGEX",
        help="folder: regular expression whose first group in a file name is the "
        "patient (default: each recording is a patient of its own)",
    )


def _add_seed_and_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of everything random (default: 0)"
    )
    _add_quiet(parser)


def _add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bars")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
