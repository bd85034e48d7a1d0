"""The work of ``skheart serve``: answers for uploaded files, a few at a time."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skheart.audio.recordings import Recording
from skheart.report.answering_model import answering
from skheart.report.described_patient import patient_of
from skheart.report.described_recording import describe_or_say_why, describe_recording
from skheart.report.description import (
    PatientDescription,
    RecordingDescription,
    UnusableRecording,
)

_AT_ONCE = 2  # recordings that are described at a time


@dataclass(frozen=True)
class Limits:
    """What the server accepts."""

    size: float = 50.0  # of an upload, in MB
    duration: float = 600.0  # of a recording, in seconds
    time: float = 60.0  # for an answer, in seconds
    queue: int = 32  # recordings that wait for their answer


class RefusedError(Exception):
    """A request that gets no answer: a status of HTTP, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Desk:
    """Describes recordings with one model, within limits."""

    def __init__(self, model: Any, limits: Limits) -> None:
        self.model = answering(model)
        self.limits = limits
        self._n_waiting = 0
        self._places = asyncio.Semaphore(_AT_ONCE)
        # Work that took too long keeps its thread until it ends.
        self._threads = ThreadPoolExecutor(_AT_ONCE)

    async def run(self, work: Callable[[], Any]) -> Any:
        """Call `work` in a thread and return its result.

        Raise RefusedError if too many calls are waiting already, or if it takes longer
        than the limit.
        """
        if self._n_waiting >= self.limits.queue:
            raise RefusedError(
                503, f"{self.limits.queue} recordings wait already; try again later."
            )
        self._n_waiting += 1
        try:
            async with self._places:
                loop = asyncio.get_running_loop()
                task = loop.run_in_executor(self._threads, work)
                return await asyncio.wait_for(task, self.limits.time)
        except TimeoutError:
            raise RefusedError(
                504, f"There was no answer within {self.limits.time:g} seconds."
            ) from None
        finally:
            self._n_waiting -= 1

    def describe(
        self,
        path: str | os.PathLike[str],
        *,
        location: str | None = None,
        prevalence: float | None = None,
    ) -> RecordingDescription:
        """Describe a file, or refuse with the sentence of the command line."""
        try:
            return describe_recording(
                self.model, self.opened(path), location=location, prevalence=prevalence
            )
        except (OSError, ValueError) as error:
            raise RefusedError(422, without_folder(str(error), path)) from None

    def describe_patient(self, paths: list[str]) -> PatientDescription:
        """Describe the files of one patient; refuse if none can be used."""
        found = [self._described_or_why(path) for path in paths]
        try:
            return patient_of(self.model, found, patient=None)
        except ValueError as error:
            raise RefusedError(422, str(error)) from None

    def _described_or_why(self, path: str) -> RecordingDescription | UnusableRecording:
        entry: Any = path
        with suppress(OSError, ValueError):  # the description says why it is broken
            entry = self.opened(path)
        found = describe_or_say_why(self.model, entry)
        if isinstance(found, UnusableRecording):
            return replace(found, error=without_folder(found.error, path))
        return found

    def opened(self, path: str | os.PathLike[str]) -> Recording:
        """Return a decoded file, or raise if it is larger or longer than the limits."""
        name, longest = Path(path).name, self.limits.duration
        if os.path.getsize(path) > self.limits.size * 1e6:
            raise RefusedError(413, f"{name!r} is larger than {self.limits.size:g} MB.")
        recording = Recording(str(path), 0).opened(longest + 1)
        waveform, rate = recording.decoded or ((), 1.0)
        if len(waveform) > longest * rate:
            raise RefusedError(413, f"{name!r} is longer than {longest:g} seconds.")
        return recording


def without_folder(sentence: str, path: str | os.PathLike[str]) -> str:
    """Return a sentence that names a file without its folder on this computer."""
    return sentence.replace(f"{Path(path).parent}{os.sep}", "")


def safe_name(name: str | None) -> str:
    """Return the name of an uploaded file as one that is safe on every disk."""
    last = re.split(r"[/\\]", name or "")[-1]
    kept = re.sub(r"[^\w.() -]", "_", last).strip(". ")[-80:]
    return kept or "recording"
