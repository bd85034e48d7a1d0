"""``skheart listen``: an answer every second while a heart is being recorded."""

from __future__ import annotations

import argparse
import os
import queue
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from skheart._core.optional import optional_import
from skheart.cli.models_by_name import open_estimator
from skheart.cli.options import add_options
from skheart.cli.quiet import quiet_stderr
from skheart.cli.row_writer import RowWriter
from skheart.cli.tables import answer_columns

_ENCODINGS = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
_FULL_SCALE = {"s16le": 2.0**15, "s32le": 2.0**31, "f32le": 1.0}
_BYTES = 1 << 14  # read at a time at most


_EPILOG = """\
columns: time (seconds from the start to the end of the sound that was classified),
prediction, probability_<class> for each class, reason (why the answer of a model with
limits is "unsure") and error.

examples:
  skheart listen --sample-rate 4000                        # the microphone
  arecord -t raw -f S16_LE -r 4000 -c 1 | skheart listen --input - --sample-rate 4000
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    source = (
        "- for raw sound of one channel on standard input, or the name or number of a "
    )
    source += "microphone (default: the usual one)"
    add_options(
        parser,
        ("--model", str, "NAME_OR_FILE", "pretrained model or model file", "murmur"),
        "--allow-pickle",
        ("--input", str, "INPUT", source),
        ("--sample-rate", float, "HZ", "sample rate of the sound", 4000.0),
        ("--encoding", tuple(_ENCODINGS), None, "of raw sound", "s16le"),
        ("--hop", float, "SECONDS", "time from one answer to the next", 1.0),
        ("--span", float, "SECONDS", "sound for each answer (default: the model's)"),
    )


def run(options: argparse.Namespace) -> int:
    """Print one row for each answer, until the sound ends."""
    model = open_estimator(options.model, allow_pickle=options.allow_pickle)
    with quiet_stderr():
        from skheart.deployment.streaming import StreamingClassifier
    rate = options.sample_rate
    stream = StreamingClassifier(
        model, hop=options.hop, span=options.span, input_sample_rate=rate
    )
    if options.input == "-":
        chunks = chunks_of_pipe(options.encoding)
    else:
        chunks = chunks_of_microphone(options.input, rate)
    with RowWriter(None, "csv") as rows:
        for chunk in chunks:
            for answer in stream.push(chunk):
                rows.write(
                    {
                        "time": round(answer.time, 3),
                        **answer_columns(
                            answer.prediction, answer.probabilities, stream.classes_
                        ),
                        "reason": answer.reason or None,
                        "error": answer.error or None,
                    }
                )
    if stream.time == 0:
        print("skheart: no sound came on standard input", file=sys.stderr)
    return 0


def chunks_of_pipe(encoding: str) -> Iterator[np.ndarray]:
    """Yield the values on standard input as they come: raw PCM of one channel."""
    kind = np.dtype(_ENCODINGS[encoding])
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(
            "--input - reads raw sound from standard input, such as: arecord -t raw "
            "-f S16_LE -r 4000 -c 1 | skheart listen --input - --sample-rate 4000"
        )
    rest = b""
    # What has come, without waiting for more.
    while content := os.read(sys.stdin.fileno(), _BYTES):
        content = rest + content
        n_whole = len(content) // kind.itemsize * kind.itemsize
        rest = content[n_whole:]
        values = np.frombuffer(content[:n_whole], kind)
        yield (values / _FULL_SCALE[encoding]).astype(np.float32)


def chunks_of_microphone(device: str | None, rate: float) -> Iterator[np.ndarray]:
    """Yield the values that a microphone records, until an interrupt."""
    sounddevice = optional_import("sounddevice", user="skheart listen", extra="listen")
    waiting: queue.Queue[np.ndarray] = queue.Queue()

    def keep(values: np.ndarray, *_: Any) -> None:
        waiting.put(values[:, 0].copy())

    name: Any = int(device) if device and device.isdigit() else device
    try:
        microphone = sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", device=name, callback=keep
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise ValueError(
            f"The microphone {device or 'of this computer'!r} cannot record at "
            f"{rate:g} Hz ({error}); choose another --input or --sample-rate."
        ) from error
    with microphone:
        while True:
            yield waiting.get()
