"""Write models for programs without TensorFlow: ONNX and LiteRT files."""

from __future__ import annotations

import io
import json
import logging
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.base import clone

from skheart import __version__
from skheart._core.checks import check_number, check_option
from skheart._core.files import check_target
from skheart._core.optional import optional_import
from skheart.deployment.description import NOTICE, described
from skheart.deployment.graph import network_graph, waveform_graph
from skheart.deployment.model_file import fitted_steps
from skheart.deployment.onnx_session import first_line
from skheart.deployment.sidecar import sidecar_of, vectors_of, write_model
from skheart.neural.classifier import CNNClassifier
from skheart.neural.inputs import repeated
from skheart.neural.windows import window_starts
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["export_litert", "export_onnx"]

_OPSET = 17  # of 2022, which ONNX Runtime can run since 1.12
_ABOUT = (
    f"Classifies heart-sound recordings. {NOTICE} The metadata entries are JSON; "
    "skheart has all of them."
)
_ENTRIES = ("notice", "sample_rate", "classes", "decision", "card")  # of the metadata
_TOLERANCES = {"float32": 1e-4, "float16": 2e-3, "int8": 0.06}  # of test vectors
_N_CROPS = 500  # that calibrate at most
_SIGNATURE = "serving_default"  # the name that LiteRT expects of the only signature


def export_onnx(
    pipeline: Any, path: str | os.PathLike[str], *, part: str = "pipeline"
) -> None:
    """Write a fitted pipeline as an ONNX file, which runs without TensorFlow.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline or a fitted search
        A fitted :class:`~skheart.SpectrogramTransformer` and
        :class:`~skheart.CNNClassifier`. Of a search, its best pipeline.
    path : str or os.PathLike
        Such as ``"murmur.onnx"``. An existing file is replaced, and so is its sidecar,
        ``"murmur.onnx.json"``.
    part : {"pipeline", "network"}, default="pipeline"
        ``"pipeline"`` has the input `waveform` of shape (n_times,), float32, of any
        length, at the transformer's `sample_rate`, and the outputs `probabilities` of
        shape (n_classes,) and `window_probabilities` of shape (n_windows, n_classes),
        those of each window that the network sees. ``"network"`` has the input
        `spectrogram` of shape (n_crops, n_bands, n_crop, n_channels) and the output
        `logits` of shape (n_crops, n_outputs), to be averaged over the crops of a
        recording.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.
    ValueError
        If `pipeline` has other steps, or the network has operations that ONNX lacks.
    FileNotFoundError, IsADirectoryError
        If no file can be written at `path`.
    ImportError
        If onnx or tf2onnx is not installed.

    See Also
    --------
    skheart.OnnxClassifier : Predicts with the file.
    export_litert : Writes a file for phones and devices.

    Notes
    -----
    The file explains itself in its metadata, and in a JSON file beside it (the sidecar)
    for programs whose runtime does not show metadata: names and shapes of the input and
    the output, classes, sample rate, decision (the threshold), the model's card, all
    settings, versions, and inputs with the expected outputs for tests. Nothing in it
    identifies a recording or a patient.

    The probabilities are NaN if the waveform is shorter than one window, has NaN or
    infinite values, or is silent (all of its values are equal).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart import OnnxClassifier, export_onnx, load_pretrained
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "murmur.onnx"
    >>> export_onnx(load_pretrained("murmur"), path)
    >>> OnnxClassifier(path).classes_.tolist()
    ['murmur', 'normal']
    """
    transformer, classifier = _checked(pipeline, path, part)
    onnx = optional_import("onnx", user="export_onnx", extra="onnx")
    tf2onnx = optional_import("tf2onnx", user="export_onnx", extra="onnx")
    if part == "pipeline":
        function = waveform_graph(transformer, classifier, windows=True)
    else:
        function = network_graph(classifier)
    with _explained("ONNX"), _silent("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=_OPSET
        )
        # The converter leaves operations unchanged if it does not know them.
        onnx.checker.check_model(model)
    model.producer_name, model.producer_version = "skheart", __version__
    model.doc_string = _ABOUT
    notes = described(transformer, classifier, part=part, length=None, windows=True)
    entries = {name: notes[name] for name in _ENTRIES} | {"skheart": notes}
    onnx.helper.set_model_props(
        model, {key: json.dumps(x, allow_nan=False) for key, x in entries.items()}
    )
    run = _in_tensorflow(function, notes["output"]["name"])
    _write(path, model.SerializeToString(), notes, run, runtime="onnx")


def export_litert(
    pipeline: Any,
    path: str | os.PathLike[str],
    *,
    part: str = "pipeline",
    duration: float | None = None,
    half: bool = False,
    calibration: Any = None,
) -> None:
    """Write a fitted pipeline as a LiteRT (TensorFlow Lite) file.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline or a fitted search
        A fitted :class:`~skheart.SpectrogramTransformer` and
        :class:`~skheart.CNNClassifier`. Of a search, its best pipeline.
    path : str or os.PathLike
        Such as ``"murmur.tflite"``. An existing file is replaced, and so is its
        sidecar, ``"murmur.tflite.json"``.
    part : {"pipeline", "network"}, default="pipeline"
        The input of ``"pipeline"`` is the waveform of one recording, of shape
        (n_times,), float32, at the transformer's `sample_rate`; its output is the
        probabilities, of shape (n_classes,). The input of ``"network"`` is the
        spectrogram of one crop, of shape (1, n_bands, n_crop, n_channels); its output
        is the logits, of shape (1, n_outputs).
    duration : float, default=None
        Length of the waveform, in seconds, which is fixed in the file. By default that
        of the transformer. Ignored with ``part="network"``.
    half : bool, default=False
        Store the weights in half precision. The file is half as large, and the
        probabilities change by less than 0.001.
    calibration : array-like of shape (n_recordings,), default=None
        Recordings, as for :meth:`SpectrogramTransformer.transform`, with which the
        network is quantized to int8; only with ``part="network"``. Pass 100 or more of
        the kind that the model will classify. Its input and output remain float32.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.
    ValueError
        If `pipeline` has other steps, no duration is known, `calibration` is passed for
        the whole pipeline or with `half`, or the network has operations that LiteRT
        lacks.
    RecordingError
        If a recording in `calibration` cannot be used.
    FileNotFoundError, IsADirectoryError
        If no file can be written at `path`.

    See Also
    --------
    export_onnx : For programs in Python, C, C#, Java or JavaScript.

    Notes
    -----
    Repeat a shorter recording until it fills the waveform. The probabilities are NaN if
    the waveform has NaN or infinite values, or is silent (all of its values are equal).

    The signature ``serving_default`` has the input `waveform` and the output
    `probabilities`, or `spectrogram` and `logits`. The sidecar says the same as that of
    :func:`export_onnx`. The labels (``labels.txt``) and the settings
    (``skheart.json``) are also in a zip archive at the end of the file, which LiteRT
    ignores. The file has only LiteRT's built-in operations; the extension "Select
    TensorFlow operators" is not needed.

    Examples
    --------
    >>> import pathlib, tempfile, zipfile
    >>> from skheart import export_litert, load_pretrained
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "murmur.tflite"
    >>> export_litert(load_pretrained("murmur"), path, duration=5.0)
    >>> zipfile.ZipFile(path).read("labels.txt").decode().split()
    ['murmur', 'normal']
    """
    transformer, classifier = _checked(pipeline, path, part)
    check_number("duration", duration, unit="seconds", optional=True)
    if calibration is not None and (part != "network" or half):
        raise ValueError(
            f'calibration needs part="network" and half=False, got part={part!r} and '
            f"half={half!r}: a spectrogram cannot be computed in int8."
        )
    length = 1
    if part == "network":
        checked = calibration is None
        function = network_graph(classifier, n_crops=length, checked=checked)
    else:
        if duration is not None:
            transformer = clone(transformer).set_params(duration=duration)
        if transformer.duration is None:
            raise ValueError(
                "duration must be a number of seconds because the transformer has "
                "duration=None: the length of the waveform is fixed in the file."
            )
        length = max(1, round(transformer.duration * transformer.sample_rate))
        function = waveform_graph(transformer, classifier, n_times=length)
    crops = (
        None if calibration is None else _crops(transformer, classifier, calibration)
    )
    with (
        _explained("LiteRT"),
        _silent("tensorflow", "absl"),
        tempfile.TemporaryDirectory() as folder,
    ):
        module = tf.Module()  # from which TensorFlow reads the weights
        module.weights = [weight.value for weight in classifier.model_.weights]
        signatures = {_SIGNATURE: function.get_concrete_function()}
        tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert() if crops is None else _int8(converter, crops)
    precision = "int8" if crops is not None else "float16" if half else "float32"
    notes = described(
        transformer, classifier, part=part, length=length, checked=crops is None
    )
    texts = {
        "labels.txt": "".join(f"{label}\n" for label in notes["classes"]),
        "skheart.json": json.dumps(notes, allow_nan=False),
    }
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w") as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    run = _in_tensorflow(function, notes["output"]["name"])
    if crops is not None:  # in which rounding is part of the model
        run = _in_litert(content)
    content += archived.getvalue()
    litert = {"runtime": "litert", "precision": precision, "signature": _SIGNATURE}
    _write(path, content, notes, run, **litert)


def _checked(
    pipeline: Any, path: str | os.PathLike[str], part: str
) -> tuple[SpectrogramTransformer, CNNClassifier]:
    transformer, classifier = fitted_steps(pipeline)
    if transformer.flatten:
        raise ValueError(
            "The transformer has flatten=True, which cannot be exported; fit the "
            "pipeline with flatten=False."
        )
    check_option("part", part, ("pipeline", "network"))
    check_target(path)
    check_target(sidecar_of(path))
    return transformer, classifier


def _crops(
    transformer: SpectrogramTransformer, classifier: CNNClassifier, recordings: Any
) -> np.ndarray:
    """Return windows of recordings for a calibration, each (1, n_bands, n_crop, 1)."""
    plain = clone(transformer).set_params(cache=None, lazy=False)
    X, n_crop = plain.transform(recordings)[..., np.newaxis], classifier.n_crop_
    X = repeated(X, max(X.shape[2], n_crop))
    starts = window_starts(X.shape[2], n_crop)
    windows = np.concatenate([X[:, :, s : s + n_crop] for s in starts])
    windows = windows[:: -(-len(windows) // _N_CROPS)]
    return windows[:, np.newaxis].astype(np.float32)


def _int8(converter: Any, crops: np.ndarray) -> bytes:
    """Return a LiteRT file in int8, except for what not every runtime has in int8."""

    def samples() -> Iterator[list[np.ndarray]]:
        yield from ([crop] for crop in crops)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,  # there is no division in int8
    ]
    # Microcontrollers lack the exponential. Only the "debugger" can leave it out.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=["EXP"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=samples, debug_options=options
        )
    return debugger.get_nondebug_quantized_model()


def _write(
    path: str | os.PathLike[str],
    content: bytes,
    notes: dict[str, Any],
    run: Callable[[np.ndarray], np.ndarray],
    *,
    runtime: str,
    precision: str = "float32",
    signature: str | None = None,
) -> None:
    """Write a model and its JSON file, whose test vectors are outputs of `run`."""
    logits = notes["output"]["name"] == "logits"
    vectors = vectors_of(
        run,
        tuple(notes["input"]["shape"]),
        sample_rate=notes["sample_rate"],
        tolerance=_TOLERANCES[precision] * (10 if logits else 1),
        with_nan=precision != "int8",
    )
    how = {"runtime": runtime, "precision": precision, "signature": signature}
    write_model(path, content, {**notes, **how, "test_vectors": vectors})


def _in_tensorflow(function: Any, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs a function of TensorFlow."""
    return lambda value: function(tf.constant(value))[name].numpy()


def _in_litert(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs the content of a LiteRT file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # another package will replace this class
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    computed = interpreter.get_output_details()[0]["index"]

    def run(value: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, value)
        interpreter.invoke()
        return interpreter.get_tensor(computed)

    return run


@contextmanager
def _explained(kind: str) -> Iterator[None]:
    """Raise ValueError if a converter cannot convert the network."""
    try:
        yield
    except Exception as error:  # the converters' errors have no common class
        raise ValueError(
            f"The network cannot be written as {kind} ({first_line(error)}); use "
            f"layers of Keras that {kind} has operations for."
        ) from error


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Silence the loggers of a converter, which also report errors that it handles."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
