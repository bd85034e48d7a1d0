"""Models as the command line names them: a pretrained name or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skheart.cli.quiet import quiet_stderr
from skheart.pretrained import model_names

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MODEL_ENDINGS = (".skheart", ".onnx", ".tflite", ".joblib")


def model_file(name: str) -> Path | None:
    """Return the file that a model is in, None for a pretrained model."""
    if name in model_names():
        return None
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(f"{name!r} is a folder, expected a model file.")
    if not path.exists():
        raise FileNotFoundError(
            f"There is no model file {name!r}; make one with skheart train, or name a "
            f"pretrained model: {', '.join(model_names())}."
        )
    if path.suffix.lower() not in MODEL_ENDINGS:
        raise ValueError(
            f"{name!r} must end in .skheart (a model file), .onnx (an exported model) "
            "or .joblib (a pickle), which decides how it is read."
        )
    return path


def is_onnx(path: Path | None) -> bool:
    """Return whether ONNX Runtime runs a model."""
    return path is not None and path.suffix.lower() == ".onnx"


def open_estimator(name: str, *, allow_pickle: bool = False) -> Any:
    """Return a model to predict with: a pipeline, or an OnnxClassifier."""
    path = model_file(name)
    if not is_onnx(path):
        return read_pipeline(name, allow_pickle=allow_pickle)
    from skheart.deployment.onnx_classifier import OnnxClassifier

    return OnnxClassifier(str(path))


def read_pipeline(name: str, *, allow_pickle: bool = False) -> Pipeline:
    """Load a pretrained pipeline by its name, or one from a file.

    Its thresholds and limits are in the `decision_` of the classifier. The ending of
    the file's name decides how it is read: ``.skheart`` files are never unpickled, and
    a pickle (``.joblib``) is loaded with `allow_pickle` only.
    """
    path = model_file(name)
    with quiet_stderr():  # TensorFlow starts
        from skheart.deployment.inner_pipeline import unwrapped
        from skheart.deployment.model_file import load_model
        from skheart.pretrained import load_pretrained
    if path is None:
        return load_pretrained(name)
    if path.suffix.lower() in (".onnx", ".tflite"):
        raise ValueError(
            f"{name!r} is an exported model, which cannot be used here; name the model "
            "that it was exported from."
        )
    if path.suffix.lower() == ".skheart":
        return unwrapped(load_model(path))
    if not allow_pickle:
        raise ValueError(
            f"{name!r} is a pickle, which can run any code when it is loaded; pass "
            "--allow-pickle if you trust its source, or save the model as a .skheart "
            "file, which is safe."
        )
    return _checked(unwrapped(_unpickled(path)), path)


def _unpickled(path: Path) -> Any:
    """Load a model from a pickle that the user trusts."""
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # of any kind, if the file is damaged
        raise ValueError(
            f"{str(path)!r} cannot be loaded as a model ({type(error).__name__}: "
            f"{error}); expected a file that skheart train wrote."
        ) from error


def _checked(model: Any, path: Path) -> Pipeline:
    """Raise unless a model from a pickle is a pipeline that can predict."""
    from skheart.spectrogram.transformer import SpectrogramTransformer

    steps = [step for _, step in getattr(model, "steps", [])]
    predicts = hasattr(model, "predict_proba") and hasattr(model, "classes_")
    if not (predicts and steps and isinstance(steps[0], SpectrogramTransformer)):
        found = ", ".join(type(step).__name__ for step in steps or [model])
        raise ValueError(
            f"{str(path)!r} must hold a fitted Pipeline of a SpectrogramTransformer "
            f"and a classifier that predicts probabilities, got {found}."
        )
    return model
