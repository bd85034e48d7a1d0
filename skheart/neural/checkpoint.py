"""Keep the state of a training on disk, so that an interrupted one can resume."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skheart import __version__
from skheart._core.files import atomic_path
from skheart.neural.batches import TrainingBatches
from skheart.neural.graphs import Trainer, architecture

_BLOCK = 256  # recordings that are hashed at a time


class Checkpoint:
    """The file of one training, named by a hash of all that its result depends on.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    name : str
        Of :func:`fingerprint`.
    """

    def __init__(self, folder: str | os.PathLike[str], name: str) -> None:
        self.path = Path(folder) / f"{name}.npz"

    def save(self, trainer: Trainer, losses: list[float], stopping: Any) -> None:
        """Write the state after an epoch, whole or not at all."""
        arrays: dict[str, Any] = {"losses": np.array(losses)}
        arrays |= _numbered("model", _values(trainer.model.variables))
        arrays |= _numbered("optimizer", _values(trainer.optimizer.variables))
        if stopping is not None:
            arrays["scores"] = np.array(stopping.scores)
            arrays["best_epoch"] = np.array(stopping.best_epoch)
            arrays["stops"] = np.array(stopping.stops)
            arrays |= _numbered("best", stopping.best_weights)
        content = io.BytesIO()
        np.savez(content, **arrays)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.path, durable=False) as temporary:
                temporary.write_bytes(content.getbuffer())
        except OSError as error:
            raise OSError(
                f"The state of the training cannot be written to {str(self.path)!r} "
                f"({error.strerror or error}); free space on the disk, or pass "
                "another folder as checkpoint."
            ) from error

    def restore(
        self, trainer: Trainer, batches: TrainingBatches, stopping: Any
    ) -> list[float]:
        """Restore the last saved epoch, and return the losses up to it."""
        try:
            content = io.BytesIO(self.path.read_bytes())
            with np.load(content, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            model = _listed("model", arrays, trainer.model.variables)
            optimizer = _listed("optimizer", arrays, trainer.optimizer.variables)
            losses = [float(loss) for loss in arrays["losses"]]
            if stopping is not None:
                best = _listed("best", arrays, trainer.model.weights)
                scores = [float(score) for score in arrays["scores"]]
                best_epoch, stops = int(arrays["best_epoch"]), bool(arrays["stops"])
        except (FileNotFoundError, NotADirectoryError):
            return []  # nothing was saved; `save` raises where nothing can be written
        except (
            *(OSError, LookupError, ValueError, EOFError, zlib.error),
            *(zipfile.BadZipFile, NotImplementedError),  # compressions it does not know
        ) as error:
            return self._damaged(error)
        for variable, value in [*model, *optimizer]:
            variable.assign(value)
        if stopping is not None:
            stopping.scores, stopping.best_epoch = scores, best_epoch
            stopping.stops = stops
            stopping.best_weights = [value for _, value in best]
        batches.go_to(len(losses))
        return losses

    def _damaged(self, error: Exception) -> list[float]:
        warnings.warn(
            f"The state of the training in {str(self.path)!r} cannot be read "
            f"({error}); it starts from the beginning.",
            RuntimeWarning,
            stacklevel=2,
        )
        return []


def _values(variables: Any) -> list[np.ndarray]:
    return [np.asarray(variable.numpy()) for variable in variables]


def _numbered(name: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{name}{number}": np.asarray(v) for number, v in enumerate(values)}


def _listed(
    name: str, arrays: dict[str, np.ndarray], variables: Any
) -> list[tuple[Any, np.ndarray]]:
    """Return each variable with its value."""
    pairs = [(v, arrays[f"{name}{number}"]) for number, v in enumerate(variables)]
    for variable, value in pairs:
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{name} has other shapes")
    return pairs


def fingerprint(
    model: keras.Model,
    loss: Any,
    batches: TrainingBatches,
    stopping: Any,
    settings: dict[str, Any],
) -> str | None:
    """Return a name for a training: the same for the same result.

    None with the user's own code in the network, the loss or the optimizer, which can
    change under the same name.

    Parameters
    ----------
    model : keras.Model
        Compiled, with the weights that training starts from.
    loss : Any
        The parameter of the classifier.
    batches : TrainingBatches
    stopping : EarlyStopping or None
    settings : dict
        Other settings that change the result: numbers, text and arrays.
    """
    known: Any = architecture(model)
    described = [_described(loss), _described(model.optimizer)]
    if known is None or None in described:
        return None
    digest = hashlib.blake2b(digest_size=20)

    def add(*parts: Any) -> None:
        for part in parts:
            if isinstance(part, np.ndarray):
                digest.update(f"{part.dtype} {part.shape}".encode())
                digest.update(np.ascontiguousarray(part).data)
            else:
                digest.update(repr(part).encode())
            digest.update(b"\0")

    add(__version__, keras.__version__, tf.__version__, *described, known[0])
    add(*_values(model.variables))
    watched = [batches.X]
    add(batches.targets, batches.sample_weight, batches.codes, batches.n_batches)
    add(batches.n_crop, batches.augment, batches.seed)
    if stopping is not None:
        add(stopping.codes, stopping.weights, stopping.n_crop, stopping.patience)
        watched.append(stopping.X)
    for X in watched:
        add(X.shape)
        for first in range(0, len(X), _BLOCK):
            add(X[np.arange(first, min(first + _BLOCK, len(X)))])
    for key in sorted(settings):
        add(key, settings[key])
    return digest.hexdigest()


def _described(thing: Any) -> str | None:
    """Return a loss or an optimizer as text, without the name that Keras counts up."""
    if isinstance(thing, str):
        return thing
    kind = thing if isinstance(thing, type) else type(thing)
    if not kind.__module__.startswith(("keras.", "skheart.")):
        return None
    if isinstance(thing, type):
        return thing.__qualname__
    try:
        config = {k: v for k, v in thing.get_config().items() if k != "name"}
        return f"{kind.__qualname__} {json.dumps(config, sort_keys=True)}"
    except (AttributeError, TypeError, ValueError, NotImplementedError):
        return None  # Keras cannot describe it
