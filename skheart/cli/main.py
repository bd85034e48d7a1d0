"""The command line: one function a command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skheart import __version__
from skheart.cli.interrupts import ending_by_interrupt, interrupted
from skheart.cli.parser import (
    DEFAULT_MODEL,
    EPILOG,
    EXPORT_EPILOG,
    PREDICT_EPILOG,
    TRAIN_EPILOG,
    add_cache,
    add_demo,
    add_evaluate,
    add_export,
    add_models,
    add_predict,
    add_spectrogram,
    add_train,
)
from skheart.cli.quiet import start_tensorflow

__all__ = ["main"]

_EXPECTED = (OSError, ValueError, TypeError, ImportError, MemoryError)
EXIT_OK, EXIT_SOME_FAILED, EXIT_ERROR = 0, 1, 2


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
    signals: list[int] = []
    try:
        with ending_by_interrupt(signals):
            return options.command(options)
    except KeyboardInterrupt:
        return interrupted(as_program=arguments is None)
    except BrokenPipeError:
        # The reader of our output has gone; Python must not write to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except Exception as error:
        if os.environ.get("SKHEART_TRACEBACK"):
            raise
        if signals:  # in the middle of an import, an interrupt becomes another error
            return interrupted(as_program=arguments is None)
        kind = "" if isinstance(error, _EXPECTED) else f"{type(error).__name__}: "
        print(f"skheart: error: {kind}{error}", file=sys.stderr)
        return EXIT_ERROR


def demo(options: argparse.Namespace) -> int:
    """Do the whole job on simulated recordings."""
    start_tensorflow()
    from skheart.cli.demo import run_demo

    run_demo(options.output, seed=options.seed, verbose=not options.quiet)
    return EXIT_OK


def train(options: argparse.Namespace) -> int:
    """Train a model on a corpus and write it."""
    import shutil

    from skheart._core.files import atomic_path

    if options.output.suffix not in (".skheart", ".joblib"):
        raise ValueError(
            f"-o must name a file that ends in .skheart (safe to load) or .joblib (a "
            f"pickle), got {str(options.output)!r}."
        )
    if options.output.exists() and not options.force:
        raise FileExistsError(
            f"{str(options.output)!r} exists; pass --force to replace it."
        )
    checkpoint = options.output.with_name(f"{options.output.name}.checkpoint")
    if checkpoint.exists() and not options.resume:
        if not options.force:
            raise FileExistsError(
                f"{str(checkpoint)!r} holds a training that was ended; pass --resume "
                "to go on with it, or --force to start anew."
            )
        shutil.rmtree(checkpoint)
    before = set(checkpoint.glob("[!.]*.npz"))
    with atomic_path(options.output) as temporary, _said_how_to_go_on(checkpoint):
        start_tensorflow()
        import joblib

        from skheart.cli.workflow import (
            check_start,
            keep_classes,
            read_corpus,
            train_pipeline,
        )
        from skheart.deployment.model_file import save_model

        spectrogram = _chosen(options, "duration", "n_bands", "f_min", "f_max")
        check_start(options.weights, spectrogram)
        corpus = read_corpus(
            options.corpus,
            options.data_home,
            target=options.target,
            patient_pattern=options.patient_pattern,
            rename=dict(options.rename),
        )
        if options.classes:
            keep_classes(corpus, options.classes)
        pipeline = train_pipeline(
            corpus,
            hold_out=options.hold_out,
            seed=options.seed,
            verbose=0 if options.quiet else 1,
            skip_unusable=options.skip_unusable,
            spectrogram=spectrogram,
            cnn={"checkpoint": checkpoint}
            | _chosen(
                options,
                *("network", "weights", "loss", "epochs", "batch_size", "augment"),
                *("class_weight", "patience", "n_threads"),
            ),
        )
        if options.output.suffix == ".skheart":
            save_model(pipeline, temporary)
        else:
            joblib.dump(pipeline, temporary, compress=3)
    if before and set(checkpoint.glob("[!.]*.npz")) - before:
        print(
            "The training that was ended had other recordings or settings; this one "
            "began at the beginning."
        )
    elif options.resume and not before:
        print("There was no training to go on with; this one began at the beginning.")
    shutil.rmtree(checkpoint, ignore_errors=True)
    training = pipeline.skheart_training_
    print(
        f"Trained on {training['n_recordings']} recordings of "
        f"{len(training['patients'])} patients "
        f"({_counts(training['class_counts'])}); "
        f"{len(training['held_out'])} patients were held out."
    )
    if training["n_unusable"]:
        print(
            f"{training['n_unusable']} recordings could not be used and were left out."
        )
    print(f"Wrote {options.output}")
    if training["held_out"]:
        print(
            "Score it on them: skheart evaluate --model "
            f"{options.output} {options.corpus} {options.data_home}"
        )
    return EXIT_OK


@contextmanager
def _said_how_to_go_on(checkpoint: Path) -> Iterator[None]:
    """Say what an interrupted training has left."""
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint.exists():
            print(
                "\nskheart: the same command with --resume goes on from the last whole "
                "epoch",
                file=sys.stderr,
            )
        raise


def evaluate(options: argparse.Namespace) -> int:
    """Score a model on a corpus."""
    import json

    start_tensorflow()
    from skheart.cli.report import evaluate_model
    from skheart.cli.workflow import keep_classes, read_corpus, read_model

    model = read_model(options.model, allow_pickle=options.allow_pickle)
    training = getattr(model, "skheart_training_", {})
    if training.get("corpus") != options.corpus:
        training = {}
    corpus = read_corpus(
        options.corpus,
        options.data_home,
        target=options.target or training.get("target"),
        patient_pattern=options.patient_pattern or training.get("patient_pattern"),
        rename=dict(options.rename),
    )
    known = [str(word) for word in model.classes_]
    strange = [word for word in options.classes or () if word not in known]
    common = [word for word in known if word in set(corpus.target)]
    if strange or not common:
        words = ", ".join(strange or sorted(set(corpus.target)))
        raise ValueError(
            f"The model tells {', '.join(known)} apart and does not know {words}; say "
            "which labels mean the same, such as --rename Present=murmur "
            "Absent=normal."
        )
    keep_classes(corpus, options.classes or common)
    report = evaluate_model(
        model,
        corpus,
        seed=options.seed,
        positive=options.positive,
        verbose=0 if options.quiet else 1,
    )
    if options.format == "json":
        print(json.dumps(report.as_dict(), indent=2, allow_nan=False))
    else:
        print(report)
    return EXIT_OK


def predict(options: argparse.Namespace) -> int:
    """Classify recordings, one row each."""
    from skheart._core.files import atomic_path, check_target
    from skheart.cli.tables import write_rows

    if options.output is not None:
        check_target(options.output)
    model, recordings = options.model, options.recordings
    if model is None:
        model = DEFAULT_MODEL
        # No sound file ends so.
        if recordings[0].lower().endswith((".onnx", ".skheart")):
            model, *recordings = recordings
    if not recordings:
        raise ValueError(f"There is no recording behind the model {model!r}; name one.")
    verbose = 0 if options.quiet or len(recordings) < 20 else 1
    rows = _rows_of(
        model, recordings, verbose=verbose, allow_pickle=options.allow_pickle
    )
    if options.output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="surrogateescape")  # names that are not UTF-8
        write_rows(rows, sys.stdout, format=options.format)
    else:
        with (
            atomic_path(options.output) as temporary,
            open(
                temporary, "w", encoding="utf-8", errors="surrogateescape", newline=""
            ) as file,
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


def _rows_of(
    model: str, recordings: list[str], *, verbose: int, allow_pickle: bool
) -> list[dict]:
    """Classify recordings, with TensorFlow only where the model needs it."""
    if not model.lower().endswith(".onnx"):
        start_tensorflow()
        from skheart.cli.workflow import predict_recordings, read_model

        pipeline = read_model(model, allow_pickle=allow_pickle)
        return predict_recordings(pipeline, recordings, verbose=verbose)
    import functools

    from skheart.cli.tables import answer_rows
    from skheart.deployment.onnx_session import answers_of_paths, read_onnx

    read = read_onnx(model)
    answer = functools.partial(answers_of_paths, read)
    return answer_rows(answer, read.classes, recordings, verbose=verbose)


def export(options: argparse.Namespace) -> int:
    """Write a model as ONNX or LiteRT, to be run without TensorFlow."""
    from skheart.cli.quiet import quiet_stderr

    if options.onnx is None and options.litert is None:
        raise ValueError("Nothing to write: pass --onnx FILE, --litert FILE or both.")
    start_tensorflow()
    from skheart.cli.workflow import read_model

    model = read_model(options.model, allow_pickle=options.allow_pickle)
    chosen = _chosen(options, "part", "duration", "half")
    with quiet_stderr():
        from skheart.deployment.export import export_litert, export_onnx
    # LiteRT first: it takes more, and what fails must leave all as it was.
    for path, write, words in (
        (options.litert, export_litert, chosen),
        (options.onnx, export_onnx, {"part": options.part}),
    ):
        if path is not None:
            with quiet_stderr():
                write(model, path, **words)
            print(f"Wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return EXIT_OK


def models(options: argparse.Namespace) -> int:
    """List the pretrained models, or print the card of one."""
    import dataclasses
    import json

    from skheart.pretrained import model_card, model_names

    if options.name is not None:
        card = model_card(options.name)
        if options.format == "json":
            print(json.dumps(dataclasses.asdict(card), indent=2))
        else:
            print(card)
        return EXIT_OK
    cards = [model_card(name) for name in model_names()]
    if options.format == "json":
        print(json.dumps([dataclasses.asdict(card) for card in cards], indent=2))
        return EXIT_OK
    for card in cards:
        print(f"{card.name:<10} {card.summary}")
    print('\n"skheart models NAME" prints the card of a model.')
    return EXIT_OK


def spectrogram(options: argparse.Namespace) -> int:
    """Draw the spectrogram of a recording."""
    from skheart._core.optional import optional_import
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.spectrogram.transformer import SpectrogramTransformer

    matplotlib = optional_import("matplotlib", user="skheart spectrogram", extra="plot")
    if options.output.suffix.lower() != ".png":
        raise ValueError(f"-o must name a .png file, got {str(options.output)!r}.")
    matplotlib.use("Agg")
    from skheart._core.files import atomic_path

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


def cache(options: argparse.Namespace) -> int:
    """Count, bound or clear the spectrograms kept in a folder."""
    from skheart._core.checks import check_number
    from skheart.spectrogram.cache import SpectrogramCache

    check_number("--max-megabytes", options.max_megabytes, closed="left", optional=True)
    if not options.folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(options.folder)!r}; name one that was given as "
            "cache= to a SpectrogramTransformer."
        )
    kept = SpectrogramCache(options.folder)
    if options.max_megabytes is not None:
        n_removed = kept.prune(options.max_megabytes * 1e6)
        print(f"Removed {n_removed} spectrograms")
    n_spectrograms, n_bytes = kept.contents()
    print(f"{n_spectrograms} spectrograms, {n_bytes / 1e6:.1f} MB")
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skheart",
        description="Classify heart-sound recordings: train, evaluate, predict.",
        epilog=EPILOG,
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

    add_demo(add(demo))
    add_train(add(train, TRAIN_EPILOG))
    add_evaluate(add(evaluate))
    add_predict(add(predict, PREDICT_EPILOG))
    add_export(add(export, EXPORT_EPILOG))
    add_models(add(models))
    add_spectrogram(add(spectrogram))
    add_cache(add(cache))
    return parser


def _chosen(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
