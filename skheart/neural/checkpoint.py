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
from skheart.neural.early_stopping import EarlyStopping
from skheart.neural.graphs import Trainer, architecture

_BLOCK = 256  # recordings that are hashed at a time


class Checkpoint:
    """The file of one training, named by a hash of all that its result depends on."""

    def __init__(self, folder: str | os.PathLike[str], name: str) -> None:
        self.path = Path(folder) / f"{name}.npz"

    def save(
        self, trainer: Trainer, losses: list[float], stopping: EarlyStopping | None
    ) -> None:
        """Write the state after an epoch, whole or not at all."""
        arrays = {"losses": np.array(losses)}
        arrays |= _numbered("model", trainer.model.variables)
        arrays |= _numbered("optimizer", trainer.optimizer.variables)
        if stopping is not None:
            arrays["scores"] = np.array(stopping.scores)
            arrays |= _numbered("best", stopping.best_weights)
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
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
        self,
        trainer: Trainer,
        batches: TrainingBatches,
        stopping: EarlyStopping | None,
    ) -> list[float]:
        """Restore the last saved epoch, and return the losses up to it."""
        best: list[tuple[Any, np.ndarray]] = []
        try:
            content = io.BytesIO(self.path.read_bytes())
            with np.load(content, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            losses = arrays["losses"].astype(float).tolist()
            model = _listed("model", arrays, trainer.model.variables)
            optimizer = _listed("optimizer", arrays, trainer.optimizer.variables)
            if stopping is not None:
                scores = arrays["scores"].astype(float).tolist()
                best = _listed("best", arrays, trainer.model.weights)
        except (FileNotFoundError, NotADirectoryError):
            return []  # nothing was saved; `save` raises where nothing can be written
        except (
            *(OSError, LookupError, ValueError, EOFError, zlib.error),
            *(zipfile.BadZipFile, NotImplementedError),  # compressions it does not know
        ) as error:
            warnings.warn(
                f"The state of the training in {str(self.path)!r} cannot be read "
                f"({error}); it starts from the beginning.",
                RuntimeWarning,
                stacklevel=2,
            )
            return []
        for variable, value in [*model, *optimizer]:
            variable.assign(value)
        if stopping is not None:
            stopping.scores = scores
            stopping.best_weights = [value for _, value in best]
        batches.go_to(len(losses))
        return losses


def _numbered(name: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{name}{n}": np.asarray(value) for n, value in enumerate(values)}


def _listed(
    name: str, arrays: dict[str, np.ndarray], variables: Any
) -> list[tuple[Any, np.ndarray]]:
    """Return each variable with its value."""
    pairs = [(v, arrays[f"{name}{n}"]) for n, v in enumerate(variables)]
    for variable, value in pairs:
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{name} has other shapes")
    return pairs


def open_checkpoint(
    folder: str | os.PathLike[str],
    model: keras.Model,
    loss: Any,
    batches: TrainingBatches,
    stopping: EarlyStopping | None,
    *settings: Any,
) -> Checkpoint | None:
    """Return the checkpoint of a training, whose name is the same for the same result.

    `model` is compiled and has the weights that training starts from; `settings` are
    numbers and arrays that change the result. With the user's own code, which can
    change under the same name, it warns and returns None.
    """
    known: Any = architecture(model)
    texts = [described(loss), described(model.optimizer)]
    if known is None or None in texts:
        warnings.warn(
            "checkpoint has no effect with a loss, an optimizer or layers of your own, "
            "whose code can change under the same name.",
            RuntimeWarning,
            stacklevel=4,
        )
        return None
    parts = [__version__, keras.__version__, tf.__version__, *texts, known[0]]
    parts += [*map(np.asarray, model.variables), *settings]
    parts += [batches.targets, batches.n_batches, batches.n_crop, batches.augment]
    parts += [batches.seed, batches.stratified]
    watched = [batches.data]
    if stopping is not None:
        parts += [stopping.n_crop, stopping.patience]
        watched.append(stopping.data)
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        _add(digest, part)
    for data in watched:
        for part in (data.X.shape, data.codes, data.weights):
            _add(digest, part)
        n_recordings = len(data.X)
        for first in range(0, n_recordings, _BLOCK):
            rows = np.arange(first, min(first + _BLOCK, n_recordings))
            _add(digest, data.X[rows])
    return Checkpoint(folder, digest.hexdigest())


def _add(digest: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        digest.update(f"{part.dtype} {part.shape}".encode())
        digest.update(np.ascontiguousarray(part).data)
    else:
        digest.update(repr(part).encode())
    digest.update(b"\0")


def described(thing: Any) -> str | None:
    """Return a loss or an optimizer as text; None with code of the user's."""
    if isinstance(thing, str):
        return thing
    kind = thing if isinstance(thing, type) else type(thing)
    if not kind.__module__.startswith(("keras.", "skheart.")):
        return None
    if isinstance(thing, type):
        return thing.__qualname__
    try:
        # Keras counts its names up.
        config = {k: v for k, v in thing.get_config().items() if k != "name"}
        return f"{kind.__qualname__} {json.dumps(config, sort_keys=True)}"
    except (AttributeError, TypeError, ValueError, NotImplementedError):
        return None  # Keras cannot describe it
