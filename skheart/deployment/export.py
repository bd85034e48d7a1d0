"""Models for programs without TensorFlow: ONNX and LiteRT files."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from sklearn.base import clone

from skheart._core.checks import check_number, check_option
from skheart._core.files import atomic_path, check_target
from skheart.deployment.graph import network_graph, waveform_graph
from skheart.deployment.model_file import fitted_steps, versions
from skheart.deployment.onnx_session import FORMAT
from skheart.deployment.text import plain
from skheart.neural.classifier import CNNClassifier
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["export_litert", "export_onnx"]

_OPSET = 17  # of 2022: known to every ONNX Runtime from 1.12 on


def export_onnx(
    pipeline: Any, path: str | os.PathLike[str], *, part: str = "pipeline"
) -> None:
    """Write a fitted pipeline as an ONNX file, to be run without TensorFlow.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline or a fitted search
        Fitted, of a :class:`~skheart.SpectrogramTransformer` and a
        :class:`~skheart.CNNClassifier`. Of a search its best pipeline.
    path : str or os.PathLike
        Such as ``"murmur.onnx"``. An existing file is replaced.
    part : {"pipeline", "network"}, default="pipeline"
        ``"pipeline"`` takes the input `waveform` of shape (n_times,), float32, of any
        length, at the transformer's `sample_rate`, and gives the output `probabilities`
        of shape (n_classes,). ``"network"`` takes `spectrogram` of shape (n_windows,
        n_bands, n_crop, n_channels) and gives `logits` of shape (n_windows,
        n_outputs), which are averaged over the windows of a recording.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it is not such a pipeline, or the network has operations that ONNX has not.
    FileNotFoundError, IsADirectoryError
        If no file can be written at `path`.
    ImportError
        If tf2onnx is not installed.

    See Also
    --------
    skheart.OnnxClassifier : Predicts with the file.
    export_litert : For phones and microcontrollers.

    Notes
    -----
    The entry ``skheart`` of the file's metadata is JSON: the names of the classes, the
    settings of the spectrogram, what the file takes, and versions. No recording and no
    name of a patient is in it.

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
    try:
        import onnx
        import tf2onnx.convert
    except ImportError:
        raise ImportError(
            "export_onnx needs onnx and tf2onnx; install them with "
            "\"pip install 'skheart[onnx]'\"."
        ) from None
    if part == "pipeline":
        function = waveform_graph(transformer, classifier)
    else:
        function = network_graph(classifier)
    with _explained("ONNX"), _silent("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=_OPSET
        )
        # The converter leaves operations that it does not know as they are.
        onnx.checker.check_model(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "skheart", _metadata(transformer, classifier, part)
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def export_litert(
    pipeline: Any,
    path: str | os.PathLike[str],
    *,
    part: str = "pipeline",
    duration: float | None = None,
    half: bool = False,
) -> None:
    """Write a fitted pipeline as a LiteRT (TensorFlow Lite) file.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline or a fitted search
        Fitted, of a :class:`~skheart.SpectrogramTransformer` and a
        :class:`~skheart.CNNClassifier`. Of a search its best pipeline.
    path : str or os.PathLike
        Such as ``"murmur.tflite"``. An existing file is replaced.
    part : {"pipeline", "network"}, default="pipeline"
        ``"pipeline"`` takes the waveform of one recording, of shape (n_times,),
        float32, at the transformer's `sample_rate`, and gives the probabilities, of
        shape (n_classes,). ``"network"`` takes the spectrogram of one window, of shape
        (1, n_bands, n_crop, n_channels), and gives its logits, of shape (1, n_outputs).
    duration : float, default=None
        Length of the waveform, in seconds, which is fixed in the file. By default the
        transformer's.
    half : bool, default=False
        Keep the weights in half precision: half of the size; probabilities differ by
        less than a thousandth.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it is not such a pipeline, no duration is known, or the network has
        operations that LiteRT has not.
    FileNotFoundError, IsADirectoryError
        If no file can be written at `path`.

    See Also
    --------
    export_onnx : For programs in Python, C, C#, Java or JavaScript.

    Notes
    -----
    Shorter recordings are to be repeated until they fill the waveform. Names of the
    classes (``labels.txt``) and all settings (``skheart.json``) are in a zip archive at
    the end of the file, which the runtime does not look at.

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
    if part == "network":
        function = network_graph(classifier, n_windows=1)
    else:
        if duration is not None:
            transformer = clone(transformer).set_params(duration=duration)
        if transformer.duration is None:
            raise ValueError(
                "duration must be given where the transformer has none: the length of "
                "the waveform is fixed in the file."
            )
        n_times = max(1, round(transformer.duration * transformer.sample_rate))
        function = waveform_graph(transformer, classifier, n_times=n_times)
    with _explained("LiteRT"), _silent("tensorflow", "absl"):
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [function.get_concrete_function()]
        )
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    labels = "".join(f"{label}\n" for label in classifier.classes_.tolist())
    notes = io.BytesIO()
    with zipfile.ZipFile(notes, "w") as archive:
        metadata = _metadata(transformer, classifier, part)
        for name, text in (("labels.txt", labels), ("skheart.json", metadata)):
            archive.writestr(zipfile.ZipInfo(name), text)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content + notes.getvalue())


def _checked(
    pipeline: Any, path: str | os.PathLike[str], part: str
) -> tuple[SpectrogramTransformer, CNNClassifier]:
    transformer, classifier = fitted_steps(pipeline)
    if transformer.flatten:
        raise ValueError(
            "The transformer has flatten=True, and the network takes rows of columns, "
            "not spectrograms; fit the pipeline with flatten=False."
        )
    check_option("part", part, ("pipeline", "network"))
    check_target(path)
    return transformer, classifier


def _metadata(
    transformer: SpectrogramTransformer, classifier: CNNClassifier, part: str
) -> str:
    """Give what a program must know to use the file, as JSON."""
    of_this_machine = ("cache", "lazy", "n_jobs", "verbose", "on_error")
    settings = {
        key: plain(value, key)
        for key, value in transformer.get_params(deep=False).items()
        if key not in of_this_machine
    }
    return json.dumps(
        {
            "format": FORMAT,
            "part": part,
            "classes": plain(classifier.classes_.tolist(), "classes_"),
            "n_crop": int(classifier.n_crop_),
            "spectrogram": settings,
            "versions": versions(),
        },
        allow_nan=False,
    )


@contextmanager
def _explained(kind: str) -> Iterator[None]:
    """Turn what a converter says of a network that it cannot convert into one error."""
    try:
        yield
    except Exception as error:  # the converters' errors have no common class
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"The network cannot be written as {kind} ({reason.rstrip('.')}); use "
            f"layers of Keras that {kind} has operations for."
        ) from error


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Leave out what loggers of a converter say, errors that it recovers from too."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
