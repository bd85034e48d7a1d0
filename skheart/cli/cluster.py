"""Predict on the workers of a Dask or Ray cluster."""

from __future__ import annotations

import pickle
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, redirect_stdout
from functools import lru_cache
from itertools import count
from typing import Any

from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.cli.prediction import (
    Answer,
    Predictor,
    answers_of_chunk,
    chunks_of,
)

_AHEAD = 4  # chunks for each thread of a worker that are submitted before their turn
_TRIES = 3  # times that a chunk is repeated when its worker stops


def predictions_on_cluster(
    model: Predictor,
    recordings: list[str],
    *,
    backend: str,
    address: str | None,
    quality: bool = False,
    show_progress: bool = False,
) -> Iterator[Answer]:
    """Yield the answers for recordings, in order, as one machine does.

    The model is sent to each worker once. The recordings are read by the workers, so
    that their paths must be valid there. What a lost worker had to do, or had done and
    not returned yet, is done by another one. Without an address, a cluster is started
    on this machine, unless Dask's or Ray's own settings name one.
    """
    content = pickle.dumps(model.sent)
    cluster: Any = _Dask if backend == "dask" else _Ray
    chunks = list(chunks_of(recordings))
    bar = progress_bar(
        "Predicting", total=len(recordings), shown=show_progress, unit="recordings"
    )
    # Ray prints that a worker was lost, which would stand between the rows.
    with (
        redirect_stdout(sys.stderr),
        closing(cluster(content, address)) as workers,
        bar as advance,
    ):
        tasks: dict[int, Any] = {}
        submitted = count()
        for number, chunk in enumerate(chunks):
            while len(tasks) < _AHEAD * workers.n_threads():
                place = next(submitted)
                if place >= len(chunks):
                    break
                tasks[place] = workers.submit(chunks[place], quality)
            try:
                answers = workers.result(tasks.pop(number))
            except workers.lost as error:
                raise OSError(
                    f"The cluster did not answer for the recordings {chunk[0]!r} to "
                    f"{chunk[-1]!r} ({type(error).__name__}): it has stopped, or each "
                    "worker that read them did; see the logs of the workers."
                ) from error
            yield from answers
            advance(len(chunk))


@lru_cache(maxsize=2)
def _opened(content: bytes) -> Predictor:
    """Open the model that was sent, once in each process."""
    return pickle.loads(content)()


def _work(content: bytes, recordings: list[str], quality: bool) -> list[Answer]:
    """Predict a chunk; runs on a worker."""
    return answers_of_chunk(_opened(content), recordings, quality=quality)


def _same(content: bytes) -> bytes:
    """Return the model; Dask repeats this task where all its copies are lost."""
    return content


class _Dask:
    """Workers of a Dask cluster. Dask itself repeats the tasks of lost workers."""

    def __init__(self, content: bytes, address: str | None) -> None:
        distributed = optional_import(
            "distributed", user="--backend dask", extra="dask"
        )
        self.lost = (distributed.KilledWorker, CancelledError)
        try:
            self._client = distributed.Client(address, timeout="20s")
        except (OSError, ValueError) as error:
            raise OSError(
                f"The Dask scheduler {address!r} cannot be reached ({error}); check "
                "--scheduler, and that the scheduler runs."
            ) from error
        if not self._client.nthreads():
            print("skheart: the cluster has no workers yet; waiting.", file=sys.stderr)
        self._content = self._client.submit(_same, content, pure=False)

    def n_threads(self) -> int:
        return max(1, sum(self._client.nthreads().values()))

    def submit(self, chunk: list[str], quality: bool) -> Any:
        return self._client.submit(
            _work, self._content, chunk, quality, pure=False, retries=_TRIES
        )

    def result(self, task: Any) -> Any:
        return task.result()

    def close(self) -> None:
        self._client.close()


class _Ray:
    """Workers of a Ray cluster. Ray itself repeats the tasks of lost workers."""

    def __init__(self, content: bytes, address: str | None) -> None:
        self._ray = optional_import("ray", user="--backend ray", extra="ray")
        errors = self._ray.exceptions
        self.lost = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
            errors.RaySystemError,
        )
        try:
            _check_port(address)
            with _own_signals():
                self._ray.init(
                    address=address, log_to_driver=False, logging_level="WARNING"
                )
        except (OSError, RuntimeError, ValueError) as error:
            where = "Ray" if address is None else f"The Ray cluster {address!r}"
            raise OSError(
                f"{where} cannot be reached ({error}); check --scheduler, and that "
                "the cluster runs."
            ) from error
        self._content = self._ray.put(content)
        self._work = self._ray.remote(max_retries=_TRIES)(_work)

    def n_threads(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def submit(self, chunk: list[str], quality: bool) -> Any:
        return self._work.remote(self._content, chunk, quality)

    def result(self, task: Any) -> Any:
        return self._ray.get(task)

    def close(self) -> None:
        self._ray.shutdown()


def _check_port(address: str | None) -> None:
    """Raise unless the port of an address answers; Ray itself would try for minutes."""
    if address is None or ":" not in address:  # such as "auto"
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20):
        pass


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM does; Ray sets a handler of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
