"""Exported models: read the file, and run it on recordings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skheart._core.checks import check_number
from skheart._core.decisions import Decision, read_decision
from skheart._core.environment import thread_limit
from skheart._core.files import ModelFileError
from skheart._core.optional import optional_import
from skheart.audio.recordings import Recording
from skheart.audio.waveform import RecordingError
from skheart.deployment.onnx_file import has_external_data
from skheart.deployment.sizes import check_spectrogram

FORMAT = 1  # of the metadata
WINDOWS = "window_probabilities"  # an output of whole pipelines
_EXPECTED = "expected a file that skheart.export_onnx wrote"
_PARTS = {"waveform": "pipeline", "spectrogram": "network"}  # by the name of the input
# The parameters of SpectrogramTransformer that belong to the model. Others, such as
# `cache`, would act on this machine: a file cannot set them.
_SETTINGS = (
    *("sample_rate", "duration", "n_bands", "window", "hop", "f_min", "f_max"),
    *("scale", "n_fft", "amin", "normalize", "padding", "dtype"),
)


class OnnxModel(NamedTuple):
    """A session of ONNX Runtime, with the metadata of its file."""

    session: Any
    part: str
    classes: np.ndarray
    n_crop: int
    settings: dict[str, Any]  # of the SpectrogramTransformer
    decision: Decision

    def run(
        self, recording: Recording, value: np.ndarray, output: str | None = None
    ) -> np.ndarray:
        """Return an output for one input, by default the first one of the file.

        An error names the recording.
        """
        given = {self.session.get_inputs()[0].name: value}
        try:
            return self.session.run(None if output is None else [output], given)[0]
        except Exception as error:  # ONNX Runtime's own, which have no common class
            raise RecordingError(
                f"The model cannot be run on {recording.name} ({first_line(error)}); "
                "check the recording, or export the model again."
            ) from error


def answers_of(
    model: OnnxModel,
    recordings: list[Recording],
    *,
    input_sample_rate: float | None = None,
    on_error: str = "raise",
) -> tuple[np.ndarray, list[str]]:
    """Compute probabilities, (n_recordings, n_classes), and errors of recordings.

    With ``on_error="nan"``, those of recordings that cannot be used are NaN. An error
    is "" where there is none.
    """
    prepared = _from_windows if model.part == "network" else _from_waveforms
    answer = prepared(model, input_sample_rate)
    answers = np.full((len(recordings), len(model.classes)), np.nan, np.float32)
    errors = [""] * len(recordings)
    for number, recording in enumerate(recordings):
        try:
            probabilities = answer(recording)
            _check_probabilities(recording, probabilities, (len(model.classes),))
            answers[number] = probabilities
        except (OSError, ValueError) as error:
            if on_error == "raise":
                raise
            errors[number] = str(error) or type(error).__name__
    return answers, errors


def tells_windows(model: OnnxModel) -> bool:
    """Return whether a file tells the probabilities of windows."""
    outputs = [one.name for one in model.session.get_outputs()]
    return model.part == "network" or WINDOWS in outputs


def window_answers(
    model: OnnxModel,
    recording: Recording,
    windows: np.ndarray,
    *,
    input_sample_rate: float | None = None,
) -> np.ndarray:
    """Compute the probabilities of the windows of a recording, (n_windows, n_classes).

    The model is one that :func:`tells_windows`. `windows` are those of the spectrogram,
    (n_windows, n_bands, n_crop), float32; a whole pipeline computes them itself.
    """
    if model.part == "pipeline":
        answer = _from_waveforms(model, input_sample_rate, output=WINDOWS)
        found = answer(recording)
    else:
        from skheart.neural.windows import probabilities

        found = probabilities(model.run(recording, windows[..., np.newaxis]))
    _check_probabilities(recording, found, (len(windows), len(model.classes)))
    return found


def _from_waveforms(
    model: OnnxModel, input_sample_rate: float | None, *, output: str | None = None
) -> Callable[[Recording], np.ndarray]:
    """Return a function from a recording to an output, by default probabilities."""
    names = ("sample_rate", "duration", "window", "f_max")
    settings = {name: model.settings[name] for name in names}
    rate, window = settings["sample_rate"], settings["window"]
    shortest = round(min(window, settings["duration"] or window) * rate)

    def answer(recording: Recording) -> np.ndarray:
        waveform = recording.load(input_sample_rate=input_sample_rate, **settings)
        if len(waveform) < shortest:  # for which the graph computes NaN
            raise RecordingError(
                f"{recording.name} lasts {len(waveform) / rate:.3g} seconds, less than "
                f"one window of {window:g}; leave it out."
            )
        return model.run(recording, waveform, output)

    return answer


def _from_windows(
    model: OnnxModel, input_sample_rate: float | None
) -> Callable[[Recording], np.ndarray]:
    """Return the same function for a file that holds the network alone."""
    from skheart.neural.windows import probabilities, windowed_logits
    from skheart.spectrogram.transformer import SpectrogramTransformer

    transformer = SpectrogramTransformer(
        **model.settings, input_sample_rate=input_sample_rate
    )
    job = transformer._job()

    def answer(recording: Recording) -> np.ndarray:
        spectrogram = job.filled(recording).astype(np.float32)
        logits = windowed_logits(
            lambda windows: model.run(recording, windows),
            spectrogram[np.newaxis, ..., np.newaxis],
            model.n_crop,
        )
        return probabilities(logits)[0]

    return answer


def _check_probabilities(
    recording: Recording, values: np.ndarray, shape: tuple[int, ...]
) -> None:
    """Raise unless the model computed probabilities of this shape."""
    # Not `values < 0`, which is false for NaN. Rounding can exceed 1 a little.
    if values.shape != shape or not (np.abs(values - 0.5) < 0.501).all():
        raise RecordingError(
            f"{recording.name} has no probabilities: the model computed "
            f"{np.ravel(values)[:4].tolist()} for {shape[-1]} classes. Check for very "
            "large values in the recording, or export the model again."
        )


def read_onnx(name: str, n_threads: int | None = None) -> OnnxModel:
    """Read a file of export_onnx."""
    return onnx_model(onnx_content(name), name, n_threads)


def onnx_model(content: bytes, name: str, n_threads: int | None = None) -> OnnxModel:
    """Open the content of a file of export_onnx; `name` is for messages."""
    check_number("n_threads", n_threads, integer=True, optional=True)
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = n_threads or thread_limit() or 0
    try:
        if has_external_data(content):
            raise ValueError("its weights are in another file")
        session = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        written = session.get_modelmeta().custom_metadata_map.get("skheart", "{}")
    except Exception as error:  # ONNX Runtime's own, which have no common class
        raise ModelFileError(
            f"{name!r} cannot be run as an ONNX model ({first_line(error)}); "
            f"{_EXPECTED}."
        ) from error
    try:
        return _described(session, json.loads(written))
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as e:
        raise ModelFileError(
            f"{name!r} is not a model of skheart ({first_line(e)}); {_EXPECTED}."
        ) from e


def _runtime() -> Any:
    """Import ONNX Runtime with its telemetry turned off.

    Otherwise it writes a device id and a database to the user's cache folder, and sends
    events over the network. It reads the variable when it is imported.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    runtime = optional_import("onnxruntime", user="OnnxClassifier", extra="onnx")
    runtime.disable_telemetry_events()
    return runtime


def onnx_content(name: str) -> bytes:
    """Read a model file."""
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(f"{name!r} is a folder, expected an ONNX file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {name!r}; check the path.")
    if not path.is_file():
        raise ModelFileError(f"{name!r} is not a regular file; {_EXPECTED}.")
    try:
        return path.read_bytes()
    except PermissionError:
        raise PermissionError(
            f"{name!r} may not be read; check its permissions."
        ) from None


def _described(session: Any, notes: dict[str, Any]) -> OnnxModel:
    """Check the metadata of a file against limits and against its graph."""
    if "format" not in notes:
        raise ValueError("its metadata have no entry of skheart")
    if notes["format"] != FORMAT:
        raise ValueError(
            f"it has format {notes['format']!r}, and this version of skheart reads "
            f"{FORMAT}: install a newer version"
        )
    settings = {key: notes["spectrogram"][key] for key in _SETTINGS}
    check_spectrogram(settings)
    check_number("window", settings["window"], high=60, unit="seconds")
    check_number("f_max", settings["f_max"], high=settings["sample_rate"] / 2)
    check_number("n_crop", notes["n_crop"], high=1_000_000, integer=True)
    classes = np.array(notes["classes"])
    if classes.ndim != 1 or len(classes) < 2 or classes.dtype.kind not in "biufU":
        raise ValueError(f"its classes must be a list of labels, got {classes!r}")
    inputs = [value.name for value in session.get_inputs()]
    if [_PARTS.get(one) for one in inputs] != [notes["part"]]:
        raise ValueError(f"part={notes['part']!r} does not match its inputs {inputs}")
    decision = read_decision(notes.get("decision"), classes.tolist())
    return OnnxModel(
        session, notes["part"], classes, notes["n_crop"], settings, decision
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
