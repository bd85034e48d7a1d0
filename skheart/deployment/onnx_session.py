"""An exported model and what runs it: what the command line needs, and no more."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skheart._core.checks import check_number
from skheart._core.files import ModelFileError
from skheart.audio.recordings import Recording
from skheart.audio.waveform import RecordingError
from skheart.deployment.onnx_file import has_external_data

FORMAT = 1  # of the metadata
# Parameters of the SpectrogramTransformer that are of the model.
_SETTINGS = (
    *("sample_rate", "duration", "n_bands", "window", "hop", "f_min", "f_max"),
    *("scale", "n_fft", "amin", "normalize", "padding", "dtype"),
)


class OnnxModel(NamedTuple):
    """A session of ONNX Runtime, with what belongs to the model."""

    session: Any
    part: str
    classes: np.ndarray
    n_crop: int
    settings: dict[str, Any]  # of the SpectrogramTransformer

    def answer(
        self, recording: Recording, input_sample_rate: float | None
    ) -> np.ndarray:
        """Give the probabilities of one recording, (n_classes,)."""
        if self.part == "network":
            return self._answer_by_windows(recording, input_sample_rate)
        settings = self.settings
        waveform = recording.load(
            input_sample_rate=input_sample_rate,
            **{
                key: settings[key]
                for key in ("sample_rate", "duration", "window", "f_max")
            },
        )
        return self._run(recording, "waveform", waveform)

    def _run(self, recording: Recording, name: str, value: np.ndarray) -> np.ndarray:
        try:
            return self.session.run(None, {name: value})[0]
        except Exception as error:  # ONNX Runtime's own, which have no common class
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RecordingError(
                f"The model cannot be run on {recording.name} ({reason})."
            ) from error

    def _answer_by_windows(
        self, recording: Recording, input_sample_rate: float | None
    ) -> np.ndarray:
        from skheart.neural.windows import probabilities, windowed_logits
        from skheart.spectrogram.transformer import SpectrogramTransformer

        transformer = SpectrogramTransformer(
            **self.settings, input_sample_rate=input_sample_rate
        )
        spectrogram = transformer._job().filled(recording).astype(np.float32)
        logits = windowed_logits(
            lambda windows: self._run(recording, "spectrogram", windows),
            spectrogram[np.newaxis, ..., np.newaxis],
            self.n_crop,
        )
        return probabilities(logits)[0]


def answers_of(
    model: OnnxModel,
    recordings: list[Recording],
    *,
    input_sample_rate: float | None = None,
    on_error: str = "raise",
) -> tuple[np.ndarray, list[str]]:
    """Give probabilities and errors; with ``on_error="nan"``, NaN and why.

    Returns
    -------
    probabilities : ndarray of shape (n_recordings, n_classes), float32
    errors : list of str
        "" where there is none.
    """
    answers = np.full((len(recordings), len(model.classes)), np.nan, np.float32)
    errors = [""] * len(recordings)
    for number, recording in enumerate(recordings):
        try:
            answers[number] = model.answer(recording, input_sample_rate)
        except (OSError, ValueError) as error:
            if on_error == "raise":
                raise
            errors[number] = str(error)
    return answers, errors


def answers_of_paths(
    model: OnnxModel, paths: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Give the same for sound files; NaN and why for those that cannot be used."""
    return answers_of(model, [Recording(path, 0) for path in paths], on_error="nan")


def text_of(path: Any) -> str:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}."
        )
    return os.fsdecode(path)


def read_onnx(name: str, n_threads: int | None = None) -> OnnxModel:
    """Read a file of export_onnx."""
    check_number("n_threads", n_threads, integer=True, optional=True)
    try:
        import onnxruntime
    except ImportError:
        raise ImportError(
            "OnnxClassifier needs ONNX Runtime; install it with "
            "\"pip install 'skheart[onnx]'\"."
        ) from None
    if Path(name).is_dir():
        raise IsADirectoryError(f"{name!r} is a folder, expected an ONNX file.")
    if not Path(name).exists():
        raise FileNotFoundError(f"There is no model file {name!r}.")
    expected = "expected a file that skheart.export_onnx wrote"
    if not Path(name).is_file():
        raise ModelFileError(f"{name!r} is no model; {expected}.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if n_threads is None and limit.isdecimal():
        n_threads = int(limit)
    options.intra_op_num_threads = n_threads or 0
    try:
        content = Path(name).read_bytes()
    except PermissionError:
        raise PermissionError(
            f"{name!r} may not be read; check its permissions."
        ) from None
    try:
        if has_external_data(content):
            raise ValueError("its weights are in another file")
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's own, which have no common class
        reason = str(error).strip().splitlines()[0]
        raise ModelFileError(
            f"{name!r} cannot be run as an ONNX model ({reason}); {expected}."
        ) from error
    written = session.get_modelmeta().custom_metadata_map.get("skheart")
    try:
        notes = json.loads(written or "")
        known = notes["format"] == FORMAT
        inputs = [value.name for value in session.get_inputs()]
        part = {"waveform": "pipeline", "spectrogram": "network"}[inputs[0]]
        classes = np.array(notes["classes"])
        # These keys only: others, such as cache, would act on this machine.
        settings = {key: notes["spectrogram"][key] for key in _SETTINGS}
        n_crop = int(notes["n_crop"])
        rates = [settings[key] for key in ("sample_rate", "window", "f_max")]
        whole = len(inputs) == 1 and part == notes["part"] and classes.ndim == 1
        whole = whole and len(classes) > 1 and n_crop > 0 and min(rates) > 0
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{name!r} is no model of skheart: its metadata does not say what it "
            f"takes; {expected}."
        ) from error
    if not known:
        raise ModelFileError(
            f"{name!r} has format {notes['format']!r}, and this version of skheart "
            f"knows {FORMAT}; install a newer one."
        )
    if not whole:
        raise ModelFileError(
            f"{name!r} is no model of skheart: its metadata contradicts the graph; "
            f"{expected}."
        )
    return OnnxModel(session, part, classes, n_crop, settings)
