"""Download recordings from URLs with fsspec."""

from __future__ import annotations

import re

from skheart._core.optional import optional_import
from skheart.audio.limits import LARGEST_FILE
from skheart.audio.waveform import RecordingError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# None of these protocols runs code or opens files of this machine.
_PROTOCOLS = ("abfs", "az", "gcs", "gs", "http", "https", "memory", "s3")
_BLOCK = 1 << 20


def is_url(name: str) -> bool:
    """Check whether a name is a URL, not a path."""
    return _URL.match(name) is not None


def download(url: str) -> bytes:
    """Return the content of a URL, at most 1 GiB."""
    if url.split("://")[0].lower() not in _PROTOCOLS or "::" in url:
        raise RecordingError(
            f"{url!r} is not a URL that can be read; expected one that begins with "
            f"{', '.join(_PROTOCOLS)} and contains no '::'."
        )
    fsspec = optional_import("fsspec", user=f"Reading {url!r}", extra="remote")
    try:
        with fsspec.open(url, "rb") as source:
            content = bytearray()
            while len(content) <= LARGEST_FILE and (block := source.read(_BLOCK)):
                content += block
    except ImportError as error:
        raise ImportError(f"{url!r} cannot be read: {error}") from error
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {url!r}; check the URL.") from None
    except Exception as error:  # each storage has error types of its own
        raise OSError(
            f"{url!r} cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not content:
        raise RecordingError(f"{url!r} is an empty file.")
    if len(content) > LARGEST_FILE:
        raise RecordingError(
            f"{url!r} is larger than {LARGEST_FILE} bytes; download it and cut it."
        )
    return bytes(content)
