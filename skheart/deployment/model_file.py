"""Model files that are safe to load: text and numbers, and no code."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import sklearn
import tensorflow as tf
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skheart import __version__
from skheart._core.decisions import read_decision
from skheart._core.files import ModelFileError, atomic_path
from skheart._core.provenance import known_training
from skheart.deployment.inner_pipeline import unwrapped
from skheart.deployment.sizes import check_sizes
from skheart.deployment.text import check_keras, plain, plain_keras, restored_keras
from skheart.neural.classifier import CNNClassifier
from skheart.neural.layer_whitelist import check_network
from skheart.neural.network_record import StoredNetwork
from skheart.neural.parameters import check_parameters
from skheart.quality.abstaining import abstaining
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["ModelFileError", "load_model", "save_model"]

_FORMAT = 2
_READ = (1, 2)  # formats
_TEXT, _WEIGHTS = "model.json", "weights.bin"
_LARGEST = {_TEXT: 16 << 20, _WEIGHTS: 1 << 30}  # bytes, uncompressed
_KERAS = ("loss", "optimizer")  # parameters that can be objects of Keras
# Settings of this machine and this run, with what files hold in their place. `on_error`
# is kept: it is part of how a saved pipeline answers.
_LEFT_OUT = {
    "cache": None,
    "callbacks": None,
    "checkpoint": None,
    "lazy": False,
    "n_jobs": None,
    "verbose": 0,
}


def save_model(pipeline: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted pipeline to a file that is safe to load.

    The file is a zip archive of text (JSON) and numbers. It is written whole or not at
    all.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline or a fitted search
        Fitted, of a :class:`~skheart.SpectrogramTransformer` and a
        :class:`~skheart.CNNClassifier`. Of a search, such as
        :class:`~sklearn.model_selection.GridSearchCV`, its best pipeline. The threshold
        of a :class:`~sklearn.model_selection.FixedThresholdClassifier` or
        :class:`~sklearn.model_selection.TunedThresholdClassifierCV` around it, and the
        calibration of a :class:`~sklearn.calibration.CalibratedClassifierCV`, become
        part of the pipeline, and so do the limits of an
        :class:`~skheart.quality.AbstainingClassifier`.
    path : str or os.PathLike
        Such as ``"murmur.skheart"``. An existing file is replaced.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it is not such a pipeline, or holds something that cannot be written as text
        and numbers, such as a loss or layers of your own, or that is too large for
        :func:`load_model`. The message names it.
    FileNotFoundError, IsADirectoryError
        If no file can be written at `path`.

    See Also
    --------
    load_model : Reads the file.

    Notes
    -----
    Not kept: `n_jobs`, `verbose`, `cache`, `checkpoint`, `callbacks` and `lazy` of the
    steps, which belong to the machine, the state of the optimizer, a function given as
    `network` (the network that it made is in the file), a splitter given as
    `validation`, and a fitted classifier given as `weights`. A pickle
    (``joblib.dump``) keeps them, but can run any code when it is loaded: load only your
    own.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart import load_model, load_pretrained, save_model
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "murmur.skheart"
    >>> save_model(load_pretrained("murmur"), path)
    >>> load_model(path).classes_.tolist()
    ['murmur', 'normal']
    """
    pipeline = unwrapped(pipeline)
    transformer, classifier = fitted_steps(pipeline)
    text, weights = _described(transformer, classifier)
    text["steps"] = [name for name, _ in pipeline.steps]
    text["sha256"] = hashlib.sha256(weights).hexdigest()
    content = json.dumps(text, allow_nan=False, indent=1).encode()
    for name, member in ((_TEXT, content), (_WEIGHTS, weights)):
        if len(member) > _LARGEST[name]:
            raise ValueError(
                f"The model is too large for a model file: {name} has {len(member)} "
                f"bytes, at most {_LARGEST[name]} are allowed; save a pickle with "
                "joblib.dump."
            )
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, member in ((_TEXT, content), (_WEIGHTS, weights)):
            # Without the time, so that the same model is the same file.
            archive.writestr(zipfile.ZipInfo(name), member, zipfile.ZIP_DEFLATED)
        archive.comment = hashlib.sha256(content).hexdigest().encode()


def load_model(path: str | os.PathLike[str]) -> Any:
    """Load a pipeline that :func:`save_model` wrote. Nothing in the file is run.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline or AbstainingClassifier
        Fitted. A model that was saved as an
        :class:`~skheart.quality.AbstainingClassifier` is one again.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ModelFileError
        If the file is not a model, is damaged, has a format that this version does not
        know, or holds anything but layers of Keras and skheart of a reasonable size.
        Nothing is built then.

    See Also
    --------
    save_model : Writes the file.

    Notes
    -----
    Layers of your own, decorated with
    :func:`keras.saving.register_keras_serializable`, are used if your program has
    imported them before.

    To fit a model inside another one, for example to choose a threshold, scikit-learn
    clones it. A clone is trained again, with a warning; wrap the pipeline in a
    :class:`sklearn.frozen.FrozenEstimator` to keep its network.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart import load_model, load_pretrained, save_model
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "murmur.skheart"
    >>> save_model(load_pretrained("murmur"), path)
    >>> load_model(path)["cnn"].n_crop_
    250
    """
    name = str(os.fsdecode(path))
    text, weights = _members(name)
    try:
        check_network(text["network"], keras.saving.get_registered_object)
        for key in _KERAS:
            check_keras(text["classifier"][key], key)
        check_sizes(text)
        spectrogram = SpectrogramTransformer(**_kept(text["spectrogram"]))
        spectrogram._job()
        classifier = _classifier(text, weights)
        steps = text["steps"]
        if not (len(steps) == 2 and all(isinstance(step, str) for step in steps)):
            raise ModelFileError("its steps are not two names")
        pipeline = Pipeline([(steps[0], spectrogram), (steps[1], classifier)])
    except (
        *(ArithmeticError, AttributeError, LookupError, MemoryError),
        *(RecursionError, TypeError, ValueError),
    ) as error:
        raise ModelFileError(
            f"The model in {name!r} cannot be loaded ({_reason(error)}); it was saved "
            f"with {_versions_of(text)}, and this is {_versions_text(versions())}."
        ) from error
    decision = classifier.decision_
    return abstaining(pipeline, decision) if decision.abstains else pipeline


def fitted_steps(pipeline: Any) -> tuple[SpectrogramTransformer, CNNClassifier]:
    """Return the two steps of a pipeline, also of one that scikit-learn has wrapped."""
    pipeline = unwrapped(pipeline)
    steps = getattr(pipeline, "steps", [])
    kinds = [type(step) for _, step in steps]
    if kinds != [SpectrogramTransformer, CNNClassifier]:
        names = ", ".join(kind.__name__ for kind in kinds)
        got = f"one of {names}" if steps else type(pipeline).__name__
        raise ValueError(
            "pipeline must be a Pipeline of a SpectrogramTransformer and a "
            f"CNNClassifier, got {got}."
        )
    transformer, classifier = (step for _, step in steps)
    check_is_fitted(classifier)
    return transformer, classifier


def _described(
    transformer: SpectrogramTransformer, classifier: CNNClassifier
) -> tuple[dict[str, Any], bytes]:
    """Return a model as text, and its weights as bytes."""
    record = classifier._record()
    try:
        check_network(record.description, keras.saving.get_registered_object)
    except ModelFileError as error:
        raise ValueError(
            f"The network cannot be saved as text and numbers: {error}. Use layers of "
            "Keras, or decorate your own with "
            "keras.saving.register_keras_serializable; or save a pickle with "
            "joblib.dump."
        ) from error
    parameters = classifier.get_params(deep=False)
    defaults = CNNClassifier().get_params(deep=False)
    # The network itself is in the file; functions and objects cannot be.
    for key, kinds in (("network", str), ("weights", str), ("validation", float)):
        if not isinstance(parameters[key], kinds | None):
            parameters[key] = defaults[key]
    kept = {}
    for key, value in _kept(parameters).items():
        kept[key] = plain_keras(value, key) if key in _KERAS else plain(value, key)
    spectrogram = _kept(transformer.get_params(deep=False))
    arrays = [np.asarray(weight, dtype="<f4") for weight in record.weights]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("The weights of the network are NaN or infinite.")
    text = {
        "format": _FORMAT,
        "versions": versions(),
        "spectrogram": {k: plain(value, k) for k, value in spectrogram.items()},
        "classifier": kept,
        "classes": plain(classifier.classes_.tolist(), "classes_"),
        "input_shape": plain(list(classifier.input_shape_), "input_shape_"),
        "n_crop": int(classifier.n_crop_),
        "history": plain(classifier.history_, "history_"),
        "network": record.description,
        "training": plain(record.training, "training_"),
        "decision": plain(record.decision.as_dict(), "decision_"),
        "shapes": [list(array.shape) for array in arrays],
    }
    check_sizes(text)
    return text, b"".join(array.tobytes() for array in arrays)


def _kept(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters without the settings of the machine."""
    return {key: _LEFT_OUT.get(key, value) for key, value in parameters.items()}


def _classifier(text: dict[str, Any], weights: bytes) -> CNNClassifier:
    """Build the fitted classifier of a file."""
    shapes = [tuple(map(int, shape)) for shape in text["shapes"]]
    sizes = [math.prod(shape) for shape in shapes]
    numbers = np.frombuffer(weights, "<f4")
    if sum(sizes) != len(numbers) or not np.isfinite(numbers).all():
        raise ModelFileError("its weights are not as many as its shapes say, or NaN")
    starts = np.cumsum([0, *sizes])
    arrays = [
        numbers[a:b].reshape(shape).astype(np.float32)
        for a, b, shape in zip(starts[:-1], starts[1:], shapes, strict=True)
    ]
    parameters = _kept(text["classifier"])
    if text["format"] == 1:
        parameters.pop("n_threads", None)
        parameters["validation"] = parameters.pop("validation_fraction")
    for key in _KERAS:
        parameters[key] = restored_keras(parameters[key])
    if parameters["class_weight"] not in (None, "balanced"):
        parameters["class_weight"] = dict(parameters["class_weight"]["pairs"])
    classifier = CNNClassifier(**parameters)
    check_parameters(classifier.get_params(deep=False))
    n_bands, n_frames, n_channels = text["input_shape"]
    record = StoredNetwork(
        description=text["network"],
        weights=arrays,
        classes=text["classes"],
        n_bands=n_bands,
        n_crop=text["n_crop"],
        n_channels=n_channels,
        # Format 1 named patients here.
        training=known_training(text["training"]),
        decision=read_decision(text.get("decision"), text["classes"]),
    )
    classifier._restore(record)
    expected = (n_bands, text["n_crop"], n_channels)
    found = classifier.model_.inputs[0].shape[1:]
    n_logits = classifier.model_.output_shape[-1]
    n_classes = len(text["classes"])
    if found != expected or n_logits not in {n_classes, 1 if n_classes == 2 else 0}:
        raise ModelFileError(
            f"the network takes {found} and has {n_logits} outputs, expected "
            f"{expected} and one for each of {n_classes} classes"
        )
    classifier.input_shape_ = (n_bands, n_frames, n_channels)
    classifier.history_ = text["history"]
    return classifier


def _members(name: str) -> tuple[dict[str, Any], bytes]:
    """Read and check both members of a file, and build nothing."""
    if Path(name).is_dir():
        raise IsADirectoryError(f"{name!r} is a folder, expected a model file.")
    if not Path(name).exists():
        raise FileNotFoundError(f"There is no model file {name!r}.")
    expected = "expected a file that skheart.save_model wrote"
    if not Path(name).is_file() or not zipfile.is_zipfile(name):
        raise ModelFileError(f"{name!r} is not a model; {expected}.")
    try:
        with zipfile.ZipFile(name) as archive:
            sizes = [(info.filename, info.file_size) for info in archive.infolist()]
            if sorted(member for member, _ in sizes) != sorted(_LARGEST):
                found = ", ".join(repr(member) for member, _ in sizes[:5])
                raise ModelFileError(
                    f"{name!r} holds {found or 'nothing'}; {expected}."
                )
            kinds = {info.compress_type for info in archive.infolist()}
            if kinds - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise ModelFileError(
                    f"{name!r} is compressed in an unknown way; {expected}."
                )
            large = [member for member, size in sizes if size > _LARGEST[member]]
            if large:
                raise ModelFileError(
                    f"{large[0]!r} in {name!r} is too large for a model."
                )
            content, weights = archive.read(_TEXT), archive.read(_WEIGHTS)
            checksum = archive.comment
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
        # zipfile raises these for an unknown compression, and for a password.
        *(NotImplementedError, RuntimeError, ValueError),
    ) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"{name!r} is damaged ({error}); copy it again from its source."
        ) from error
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        raise ModelFileError(f"{_TEXT!r} in {name!r} was altered or damaged.")
    try:
        text = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{_TEXT!r} in {name!r} is not JSON: {error}.") from error
    written: Any = text.get("format") if isinstance(text, dict) else None
    if written not in _READ or isinstance(written, bool):
        raise ModelFileError(
            f"{name!r} has format {written!r}, and this version of skheart "
            f"({__version__}) knows {_READ}; install a newer one."
        )
    if hashlib.sha256(weights).hexdigest() != text.get("sha256"):
        raise ModelFileError(f"{_WEIGHTS!r} in {name!r} was altered or damaged.")
    return text, weights


def versions() -> dict[str, str]:
    """Return the versions of the packages that a model depends on."""
    return {
        "skheart": __version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "scikit-learn": sklearn.__version__,
    }


def _reason(error: Exception) -> str:
    """Return the text of an error, which is never empty."""
    if isinstance(error, KeyError):
        return f"it lacks the entry {error}"
    return str(error) or type(error).__name__


def _versions_of(text: dict[str, Any]) -> str:
    found = text.get("versions")
    return _versions_text(found) if isinstance(found, dict) else "unknown versions"


def _versions_text(numbers: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
