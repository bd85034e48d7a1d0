"""Predict on the workers of a Dask or Ray cluster."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from itertools import count
from typing import Any

from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.cli.prediction import Answer, Predictor, answers_of_chunk, chunks_of

_AHEAD = 4  # chunks for each worker that are submitted before their turn
_TRIES = 3  # a worker can be lost


def predictions_on_cluster(
    model: Predictor,
    recordings: list[str],
    *,
    backend: str,
    address: str | None,
    assess: bool = False,
    show_progress: bool = False,
) -> Iterator[Answer]:
    """Yield the answers for recordings, in order, as one machine does.

    The model is sent to each worker once. The recordings are read by the workers, so
    that their paths must be valid there.

    Parameters
    ----------
    model : Predictor
    recordings : list of str
    backend : {"dask", "ray"}
    address : str or None
        Of the cluster; None starts one on this machine.
    assess : bool, default=False
        Whether the quality of the recordings is assessed.
    show_progress : bool, default=False

    Raises
    ------
    OSError
        If the cluster cannot be reached.
    ImportError
        If the package of the backend is not installed.
    """
    content = pickle.dumps(model.sent)
    cluster: Any = _Dask if backend == "dask" else _Ray
    chunks = list(chunks_of(recordings))
    bar = progress_bar(
        "Predicting", total=len(recordings), shown=show_progress, unit="recordings"
    )
    with closing(cluster(content, address)) as workers, bar as advance:
        tasks: dict[int, Any] = {}
        submitted = count()
        for number, chunk in enumerate(chunks):
            while len(tasks) < _AHEAD * workers.n_workers():
                place = next(submitted)
                if place >= len(chunks):
                    break
                tasks[place] = workers.submit(chunks[place], assess)
            yield from workers.result(tasks.pop(number))
            advance(len(chunk))


@lru_cache(maxsize=2)
def _opened(content: bytes) -> Predictor:
    """Open the model that was sent, once in each process."""
    return pickle.loads(content).opened()


def _work(content: bytes, recordings: list[str], assess: bool) -> list[Answer]:
    """Predict a chunk; runs on a worker."""
    return answers_of_chunk(_opened(content), recordings, assess)


class _Dask:
    """Workers of a Dask cluster. Dask itself repeats the tasks of lost workers."""

    def __init__(self, content: bytes, address: str | None) -> None:
        distributed = optional_import(
            "distributed", user="--backend dask", extra="dask"
        )
        try:
            self._client = distributed.Client(address, timeout="20s")
        except (OSError, ValueError) as error:
            raise OSError(
                f"The Dask scheduler {address!r} cannot be reached ({error}); check "
                "--scheduler, and that the scheduler runs."
            ) from error
        self._content = self._client.scatter(content, broadcast=True)

    def n_workers(self) -> int:
        return max(1, len(self._client.nthreads()))

    def submit(self, chunk: list[str], assess: bool) -> Any:
        return self._client.submit(
            _work, self._content, chunk, assess, pure=False, retries=_TRIES
        )

    def result(self, task: Any) -> Any:
        return task.result()

    def close(self) -> None:
        self._client.close()


class _Ray:
    """Workers of a Ray cluster."""

    def __init__(self, content: bytes, address: str | None) -> None:
        self._ray = optional_import("ray", user="--backend ray", extra="ray")
        if not self._ray.is_initialized():
            self._ray.init(address=address, log_to_driver=False)
        self._content = self._ray.put(content)
        self._work = self._ray.remote(max_retries=_TRIES)(_work)

    def n_workers(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def submit(self, chunk: list[str], assess: bool) -> Any:
        return self._work.remote(self._content, chunk, assess)

    def result(self, task: Any) -> Any:
        return self._ray.get(task)

    def close(self) -> None:
        self._ray.shutdown()
