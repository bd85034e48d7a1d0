"""The report on recordings and patients: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from skheart._core.files import atomic_path
from skheart.report.description import (
    PatientDescription,
    RecordingDescription,
    UnusablePatient,
    UnusableRecording,
)
from skheart.report.sheets import (
    patient_sheet,
    recording_sheet,
    summary_of,
    title_of,
    unusable_list,
)

__all__ = ["report_page", "write_report"]

_Description = (
    RecordingDescription | PatientDescription | UnusableRecording | UnusablePatient
)
_FOLDER = Path(__file__).parent
_NOTE = (
    "skheart is for research. It is not a medical device: do not use this report to "
    "decide about the care of a patient."
)


def write_report(
    path: str | os.PathLike[str],
    descriptions: Sequence[_Description],
    *,
    title: str = "Heart sounds",
) -> None:
    """Write descriptions as one HTML file to look at and to listen to.

    The file contains the sounds, pictures and programs that it needs, and loads nothing
    from elsewhere. It prints on one A4 page for each recording and each patient.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write. An existing file is replaced.
    descriptions : sequence
        Of :func:`describe_recording` and :func:`describe_patient`.
    title : str, default="Heart sounds"
        Of the page.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If no file can be written there.
    ValueError
        If there are no descriptions.

    See Also
    --------
    report_page : Returns the same as text.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.report import describe_recording, write_report
    >>> sounds = make_heart_sounds(1, duration=8.0, random_state=0)
    >>> found = describe_recording("murmur", (sounds.sample_rate, sounds.data[0]))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "report.html"
    >>> write_report(path, [found])
    >>> path.stat().st_size > 50_000
    True
    """
    page = report_page(descriptions, title=title)
    with atomic_path(path) as temporary:
        # Names of files can contain what UTF-8 cannot.
        temporary.write_bytes(page.encode(errors="replace"))


def report_page(
    descriptions: Sequence[_Description], *, title: str = "Heart sounds"
) -> str:
    """Return descriptions as an HTML page that needs nothing else.

    Parameters
    ----------
    descriptions : sequence
        Of :func:`describe_recording` and :func:`describe_patient`.
    title : str, default="Heart sounds"
        Of the page.

    Returns
    -------
    page : str
        Its Content-Security-Policy allows nothing but what is in it.

    Raises
    ------
    ValueError
        If there are no descriptions.

    See Also
    --------
    write_report : Writes the page.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.report import describe_recording, report_page
    >>> sounds = make_heart_sounds(1, duration=8.0, random_state=0)
    >>> found = describe_recording("murmur", (sounds.sample_rate, sounds.data[0]))
    >>> report_page([found])[:15]
    '<!doctype html>'
    """
    if not descriptions:
        raise ValueError("descriptions must hold at least one description, got none.")
    sheets, entries = [], []
    unusable: list[UnusableRecording] = []
    for number, one in enumerate(descriptions, 1):
        name = f"sheet-{number}"
        if isinstance(one, UnusableRecording | UnusablePatient):
            unusable += [one] if isinstance(one, UnusableRecording) else one.unusable
            continue
        entries.append((name, one))
        if isinstance(one, RecordingDescription):
            sheets.append(recording_sheet(one, name=name))
            continue
        links = [f"{name}-{row}" for row, _ in enumerate(one.recordings, 1)]
        sheets.append(patient_sheet(one, name=name, links=links))
        sheets += [
            recording_sheet(recording, name=link)
            for recording, link in zip(one.recordings, links, strict=True)
        ]
    top = (
        f'<header><h1>{escape(title)}</h1><p class="note">{_NOTE}</p>'
        f"{_contents(entries)}{unusable_list(unusable, level=2)}</header>"
    )
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body>"
        f"{top}<main>{''.join(sheets)}</main><script>{script}</script></body></html>\n"
    )


def _contents(
    entries: list[tuple[str, RecordingDescription | PatientDescription]],
) -> str:
    """Return links to the sheets, if there are several."""
    if len(entries) < 2:
        return ""
    items = []
    for name, one in entries:
        if isinstance(one, PatientDescription):
            called = f"Patient {one.patient or ''}"
        else:
            called = title_of(one)
        text = f'<a href="#{name}">{escape(called)}</a>: {escape(summary_of(one))}'
        items.append(f"<li>{text}</li>")
    return f'<nav aria-label="Contents"><ol>{"".join(items)}</ol></nav>'


def _hash(text: str) -> str:
    """Return the source of a policy that allows exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
