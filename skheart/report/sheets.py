"""Sheets of a report: one for each recording, and one for each patient, as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from skheart.metrics.positive_classes import is_healthy
from skheart.report.data_urls import sound_address
from skheart.report.description import (
    LocationFinding,
    ModelFacts,
    PatientDescription,
    Performance,
    RecordingDescription,
    UnusableRecording,
)
from skheart.report.locations import VALVES
from skheart.report.timeline import (
    PHASE_NAMES,
    PHASES,
    beat_picture,
    marked_phase,
    rounded,
    timeline,
)

_PLACES = {
    "AV": "aortic valve",
    "PV": "pulmonary valve",
    "TV": "tricuspid valve",
    "MV": "mitral valve",
    "Phc": "another place",
}
_FINDINGS = {"none": "clear", "too noisy": "noisy", "not recorded": "absent"}
_RATIOS = {
    "systole/s1": "systole against S1",
    "diastole/s2": "diastole against S2",
    "systole/diastole": "systole against diastole",
}


def recording_sheet(description: RecordingDescription, *, name: str) -> str:
    """Return the sheet of a recording; `name` identifies it on the page."""
    shown = description.model.positive or description.answer
    place = description.location
    subtitle = f" <small>{escape(_place(place))}</small>" if place else ""
    return (
        f'<article class="sheet" id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title_of(description))}{subtitle}</h2>'
        + _answer(description.answer, description.probabilities, shown)
        + _facts(_recording_facts(description))
        + _doubts(description.doubts)
        + _player(description, shown)
        + '<div class="columns three">'
        + _beat(description)
        + _loudness(description)
        + frequency_table(description)
        + "</div>"
        + _reliance(description.performance, description.limits)
        + _settings(description.model)
        + "</article>"
    )


def patient_sheet(
    description: PatientDescription, *, name: str, links: list[str]
) -> str:
    """Return the sheet of a patient; `links` name the recordings' sheets."""
    shown = description.model.positive or description.answer
    n_all = len(description.recordings) + len(description.unusable)
    facts = {"Recordings": f"{len(description.recordings)} of {n_all} could be used"}
    cells = "".join(map(_location, description.locations))
    return (
        f'<article class="sheet" id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">Patient {escape(description.patient or "")}</h2>'
        + _answer(description.answer, description.probabilities, shown)
        + _facts(facts)
        + f'<h3>Where it was heard</h3><ul class="valves">{cells}</ul>'
        + _recordings(description, links, shown)
        + unusable_list(description.unusable, level=3)
        + _reliance(description.performance, description.limits)
        + _settings(description.model)
        + "</article>"
    )


def unusable_list(unusable: Any, *, level: int) -> str:
    """Return a list of the recordings that could not be used; "" for none.

    `level` is that of its heading.
    """
    if not unusable:
        return ""
    items = _list(f"{title_of(one)}: {one.error}" for one in unusable)
    return f"<h{level}>Not used</h{level}>{items}"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in items)}</ul>"


def title_of(description: RecordingDescription | UnusableRecording) -> str:
    """Return what a page calls a recording."""
    return description.file or "Recording"


def summary_of(description: RecordingDescription | PatientDescription) -> str:
    """Return the answer in a few words."""
    shown = description.model.positive or description.answer
    p = description.probabilities[shown]
    return f"{description.answer}, probability of {shown} {rounded(p)}"


def _place(location: str) -> str:
    return f"{location}, {_PLACES[location]}"


def _answer(answer: str, probabilities: dict[str, float], shown: str) -> str:
    others = [
        f"{name} {rounded(p)}"
        for name, p in probabilities.items()
        if name != shown and len(probabilities) > 2
    ]
    more = f" ({escape(', '.join(others))})" if others else ""
    kind = "clear" if is_healthy(answer) else "found"
    p = escape(rounded(probabilities[shown]))
    return (
        f'<p class="answer {kind}"><strong>{escape(answer)}</strong> '
        f"<span>probability of {escape(shown)} {p}{more}</span></p>"
    )


def _recording_facts(description: RecordingDescription) -> dict[str, str]:
    rate = description.heart_rate
    heart = "no heartbeat found"
    if np.isfinite(rate.bpm):
        heart = f"{rate.bpm:.0f} per minute, certainty {rate.certainty:.2f}"
    duration = f"{description.duration:.1f} s"
    if not description.complete:
        duration = f"the first {duration} of the recording"
    return {
        "Quality (0 to 1)": f"{description.quality.quality:.2f}",
        "Heart rate": heart,
        "Analysed": duration,
        "Sample rate": f"{description.sample_rate:g} Hz",
    }


def _facts(facts: dict[str, str]) -> str:
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{pairs}</dl>'


def _doubts(doubts: tuple[str, ...]) -> str:
    if not doubts:
        return ""
    return (
        '<div class="note" role="note"><strong>Reasons to doubt this answer</strong>'
        f"{_list(doubts)}</div>"
    )


def _player(description: RecordingDescription, shown: str) -> str:
    """Return the sound with its pictures over time."""
    sound = description.sound
    if sound is None:
        raise ValueError("description must hold its sound to be drawn.")
    address = sound_address(sound.waveform, sound.sample_rate)
    label = escape(f"Sound of {title_of(description)}", quote=True)
    return (
        f'<figure class="timeline" data-duration="{description.duration:.3f}">'
        f'<audio controls preload="auto" aria-label="{label}" src="{address}"></audio>'
        + timeline(description, shown)
        + f"<figcaption>{_legend()}</figcaption></figure>"
    )


def _legend() -> str:
    swatches = "".join(
        f'<span class="key"><svg width="11" height="11" aria-hidden="true">'
        f'<rect class="{phase}" width="11" height="11"/></svg> {PHASE_NAMES[phase]}'
        "</span> "
        for phase in PHASES
    )
    return (
        f"Phases: {swatches} Windows: blue is improbable, orange is probable. "
        '<span class="screen">Click into the picture to move the cursor. Heart sounds '
        "are low: use headphones.</span>"
    )


def _beat(description: RecordingDescription) -> str:
    if description.average_beat is None:
        return (
            "<section><h3>Average heartbeat</h3><p>No complete heartbeat was found."
            "</p></section>"
        )
    n_beats = description.average_beat.n_beats
    text = f"Loudness over {n_beats} beats: the mean, and where eight of ten lie."
    marked = marked_phase(description)
    if description.contribution is not None:
        cls = escape(description.contribution.positive)
        text += (
            f" Percentages: of what speaks for {cls}, the share in each phase. The "
            "network sees about 0.2 s at once, so that neighbours blur."
        )
        if marked is not None:
            share = description.contribution.by_phase[marked]
            text += f" <strong>{100 * share:.0f} % lie in {marked}</strong> (marked)."
    return (
        f'<figure class="average"><h3>Average heartbeat</h3>'
        f"{beat_picture(description)}<figcaption>{text}</figcaption></figure>"
    )


def _loudness(description: RecordingDescription) -> str:
    loudness = description.loudness
    if loudness is None:
        return ""
    rows = ""
    for key, name in {**PHASE_NAMES, **_RATIOS}.items():
        if key in loudness:
            known = np.isfinite(loudness[key])
            cell = f"{loudness[key]:.1f}" if known else "unknown"
            rows += f'<tr><th scope="row">{name}</th><td>{cell}</td></tr>'
    return (
        f'<section class="loudness"><h3>Loudness</h3><table><tr><th scope="col">phase'
        f'</th><th scope="col">dB</th></tr>{rows}</table></section>'
    )


def frequency_table(description: RecordingDescription) -> str:
    """Return how much the answer depends on each band as HTML; "" if not known."""
    found = description.frequency_contribution
    if found is None:
        return ""
    shares = np.nan_to_num([band.share for band in found.bands])
    left, right = min(shares.min(), 0.0), max(shares.max(), 0.0)
    scale = 100 / max(right - left, 1e-12)
    rows = []
    for band, share in zip(found.bands, shares, strict=True):
        kind = "for" if share > 0 else "against"
        x = scale * (min(share, 0.0) - left)
        bar = (
            f'<svg width="100%" height="11" aria-hidden="true"><rect class="{kind}" '
            f'x="{x:.1f}%" width="{scale * abs(share):.1f}%" height="11"/></svg>'
        )
        rows.append(
            f'<tr><th scope="row">{band.low:.0f} to {band.high:.0f} Hz</th>'
            f"<td>{bar}</td><td>{_percent(share)}</td></tr>"
        )
    name = escape(found.positive)
    return (
        '<section class="bands"><h3>By frequency</h3><table><tr><th scope="col">band'
        '</th><th scope="col">against, for</th><th scope="col">%</th></tr>'
        f"{''.join(rows)}</table><p>How much the answer changes if a band is hidden, "
        f"in percent of all changes: positive values support {name}, negative ones are "
        "evidence against it. S1 and S2 are mostly below 100 Hz, murmurs between 100 "
        "and 500 Hz.</p></section>"
    )


def _percent(share: float) -> str:
    """Return a share in percent as text, with its sign; 0 has none."""
    text = f"{100 * share:+.0f}".replace("-", "\N{MINUS SIGN}")
    return "0" if text[1:] == "0" else text


def _location(found: LocationFinding) -> str:
    kind = _FINDINGS.get(found.finding, "found")
    more = ""
    if found.probability is not None and found.quality is not None:
        p = escape(rounded(found.probability))
        more = f"probability {p}, quality {found.quality:.2f}"
    where = "" if found.location in VALVES else " wide"
    return (
        f'<li class="{kind}{where}"><span>{escape(_place(found.location))}</span> '
        f"<strong>{escape(found.finding)}</strong> <small>{more}</small></li>"
    )


def _recordings(description: PatientDescription, links: list[str], shown: str) -> str:
    head = ["Recording", "Location", "Answer", f"P({shown})", "Quality", "Heart rate"]
    head.append("Reasons to doubt")
    rows = []
    for one, link in zip(description.recordings, links, strict=True):
        bpm = one.heart_rate.bpm
        cells = [
            one.location or "unknown",
            one.answer,
            rounded(one.probabilities[shown]),
            f"{one.quality.quality:.2f}",
            f"{bpm:.0f}" if np.isfinite(bpm) else "none",
            str(len(one.doubts)) if one.doubts else "none",
        ]
        text = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(
            f'<tr><th scope="row"><a href="#{link}">{escape(title_of(one))}</a></th>'
            f"{text}</tr>"
        )
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    return (
        '<h3>Recordings</h3><div class="wide" tabindex="0" role="region" '
        f'aria-label="Recordings"><table><tr>{top}</tr>{"".join(rows)}</table></div>'
    )


def _reliance(performance: Performance, limits: tuple[str, ...]) -> str:
    figures = ""
    if performance.figures:
        figures = "<p>Measured on patients that the networks were not trained on:</p>"
        figures += _list(performance.figures)
    return (
        '<div class="columns"><section><h3>How often such an answer is right</h3>'
        f"<p>{escape(performance.sentence)}</p>{figures}</section>"
        f"<section><h3>Limits</h3>{_list(limits)}</section></div>"
    )


def _settings(model: ModelFacts) -> str:
    given = {k: v for k, v in model.spectrogram.items() if v is not None}
    spectrogram = ", ".join(f"{k} {v}" for k, v in given.items())
    how = "the most probable class"
    if model.threshold is not None:
        how = f"{model.positive} from a probability of {model.threshold:g} on"
    text = (
        f"Model {model.name} ({', '.join(model.classes)}), {model.hash or 'no hash'}, "
        f"skheart {model.version}. Answer: {how}. Spectrogram: {spectrogram}."
    )
    return f'<p class="settings">{escape(text)}</p>'
