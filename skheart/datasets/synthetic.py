"""Simulated heart sounds, for examples, docs and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.utils import Bunch, check_random_state

from skheart._core.checks import check_number
from skheart.datasets import heartbeat
from skheart.datasets.base import check_choices, make_bunch

CLASSES = ("normal", "murmur", "extrasystole")

_DESCR = """\
Simulated heart sounds
======================

Phonocardiograms made by skheart.datasets.make_heart_sounds: first and second heart
sounds, breathing, murmurs and extrasystoles of simulated patients, with background
noise. They are good for trying things out. No score on them says anything about
real patients.
"""


def make_heart_sounds(
    n_recordings: int = 100,
    *,
    classes: str | Sequence[str] = ("normal", "murmur"),
    weights: Sequence[float] | None = None,
    recordings_per_patient: int | tuple[int, int] = (1, 4),
    duration: float | tuple[float, float] = (4.0, 8.0),
    sample_rate: float = 2000,
    heart_rate: float | tuple[float, float] = (55.0, 110.0),
    murmur_level: float | tuple[float, float] = (-34.0, -14.0),
    murmurs: str | Sequence[str] = heartbeat.MURMURS,
    noise: float | tuple[float, float] | None = (-25.0, -8.0),
    as_frame: bool = False,
    random_state: int | RandomState | None = None,
) -> Bunch:
    """Simulate heart-sound recordings of patients who differ from each other.

    Each patient has a heart rate, a timbre of the two heart sounds and, in the class
    murmur, a kind, a pitch and a loudness of the murmur, which all recordings of the
    patient share; rhythm, breathing, noise and the place of the stethoscope change from
    recording to recording. Faint murmurs drown in the noise, as they do in a clinic.

    Parameters
    ----------
    n_recordings : int, default=100
        Number of recordings, at least 1.
    classes : str or sequence of str, default=("normal", "murmur")
        Labels to simulate, out of ``"normal"``, ``"murmur"`` and ``"extrasystole"``
        (premature beats, each followed by a compensatory pause). A patient has
        one label.
    weights : sequence of float of shape (n_classes,), default=None
        Share of each of the `classes` among the recordings; equal shares if None.
    recordings_per_patient : int or tuple of int, default=(1, 4)
        Number of recordings of a patient, or minimum and maximum number. The last
        patient of a class may have fewer.
    duration : float or tuple of float, default=(4.0, 8.0)
        Duration of a recording, or shortest and longest duration, in seconds.
    sample_rate : float, default=2000
        Sampling rate in Hz, at least 1000, since murmurs reach 500 Hz.
    heart_rate : float or tuple of float, default=(55.0, 110.0)
        Heart rate, or lowest and highest rate, in beats per minute (30 to 220).
    murmur_level : float or tuple of float, default=(-34.0, -14.0)
        RMS of a patient's murmur at its loudest, against the peak of the heart
        sounds, or lowest and highest level, in dB. It is up to 8 dB less at other
        locations than the best one.
    murmurs : str or sequence of str, default=("holosystolic", "mid-systolic", \
            "early-diastolic")
        Kinds of murmurs to simulate. With the default, 45 % of the patients with a
        murmur have a holosystolic one and 15 % an early-diastolic one; fewer kinds
        keep their proportion.
    noise : float or tuple of float or None, default=(-25.0, -8.0)
        RMS of the background noise against the RMS of the heart sounds, or lowest and
        highest level, in dB. None leaves noise, clicks and rubs out.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.
    random_state : int, RandomState instance or None, default=None
        Seed of the simulation; the same seed gives the same recordings.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        - data : ndarray of shape (n_recordings,) of dtype object, each entry a
          float32 waveform of shape (n_times,) in [-1, 1], of its own length.
          Recordings of a patient are neighbours; patients come in random order.
        - target : ndarray of shape (n_recordings,), the class as str.
        - groups : ndarray of shape (n_recordings,), the patient as str.
        - sample_rate : the parameter, in Hz.
        - target_names : ndarray of the distinct words of `target`, sorted.
        - frame : DataFrame or dict with one row a recording: ``recording``,
          ``patient``, ``location`` (AV, PV, TV or MV), ``duration`` in s,
          ``heart_rate`` in beats per minute, ``n_extrasystoles``, ``murmur``
          (``"holosystolic"``, ``"mid-systolic"`` or ``"early-diastolic"``, ``""``
          if there is none), ``murmur_level`` in dB (NaN if there is none),
          ``noise`` in dB (NaN if there is none).
        - beats : ndarray of shape (n_recordings,) of dtype object, each entry the
          onsets of the first heart sounds in s as ndarray of shape (n_beats,).
        - s2_onsets : the same of the second heart sounds.
        - DESCR : str, a note on what this is.

    Raises
    ------
    ValueError
        If a parameter is not of its type, or outside its range.
    ImportError
        If `as_frame` is True and pandas is not installed.

    See Also
    --------
    load_pascal : Real recordings, some of them with murmurs or extrasystoles.
    load_circor2022 : Real recordings with described murmurs.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(6, duration=5.0, random_state=0)
    >>> sounds.data.shape, sounds.data[0].shape, sounds.sample_rate
    ((6,), (10000,), 2000)
    >>> sounds.target_names
    array(['murmur', 'normal'], dtype='<U6')
    """
    check_number("n_recordings", n_recordings, integer=True)
    check_number("sample_rate", sample_rate, unit="Hz", low=1000, closed="left")
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    if len(check_choices("classes", classes, CLASSES)) < len(classes):
        raise ValueError(f"classes must be different words, got {classes!r}.")
    shares = _shares(weights, len(classes))
    sizes = _pair("recordings_per_patient", recordings_per_patient, integer=True)
    durations = _pair("duration", duration, unit="seconds")
    limits: dict[str, Any] = {"low": 30, "high": 220, "closed": "both"}
    rates = _pair("heart_rate", heart_rate, unit="beats per minute", **limits)
    kinds = check_choices("murmurs", murmurs, heartbeat.MURMURS)
    levels = _pair("murmur_level", murmur_level, unit="dB", low=-np.inf)
    noises = None if noise is None else _pair("noise", noise, unit="dB", low=-np.inf)
    three_beats = 180.0 / rates[0]
    if "extrasystole" in classes and durations[0] < three_beats:
        raise ValueError(
            "duration must be at least three beats for an extrasystole "
            f"({three_beats:.2f} s at {rates[0]:g} beats per minute), got "
            f"{durations[0]:g} s."
        )
    rng, rows = check_random_state(random_state), []
    patients = _plan_patients(rng, n_recordings, classes, shares, sizes)
    for number, (label, size) in enumerate(patients, start=1):
        patient = heartbeat.draw_patient(rng, label, rates, levels, kinds)
        locations = rng.permutation(len(heartbeat.LOCATIONS))
        for i in range(size):
            name, seconds = f"p{number:03d}", rng.uniform(*durations)
            row = _simulate(
                rng, patient, locations[i % 4], seconds, sample_rate, noises
            )
            rows.append({"recording": f"{name}_{i + 1}", "patient": name, **row})
    return _bunch(rows, sample_rate, as_frame)


def _simulate(
    rng: RandomState,
    patient: heartbeat.Patient,
    location: int,
    duration: float,
    sample_rate: float,
    noises: tuple[float, float] | None,
) -> dict:
    """Simulate one recording and say what is in it."""
    n_times = max(1, round(duration * sample_rate))
    times = np.arange(n_times) / sample_rate
    heart_rate = np.clip(
        patient.heart_rate * rng.uniform(0.95, 1.05), *patient.heart_rate_range
    )
    rhythm = heartbeat.draw_rhythm(rng, patient, heart_rate, duration)
    simulation = heartbeat.Simulation(rng, patient, rhythm, times, sample_rate)
    waveform = simulation.heart_sounds(location)
    loudness = np.sqrt(np.mean(waveform**2))
    level = patient.murmur_levels[location] if patient.murmur else np.nan
    if patient.murmur:
        waveform = waveform + 10 ** (level / 20) * simulation.murmur()
    noise = np.nan
    if noises is not None:
        noise = rng.uniform(*noises)
        waveform = waveform + loudness * 10 ** (noise / 20) * simulation.background()
        waveform = waveform + simulation.artefacts()
    peak = rng.uniform(0.2, 0.95)
    return {
        "target": patient.label,
        "location": heartbeat.LOCATIONS[location],
        "duration": n_times / sample_rate,
        "heart_rate": heart_rate,
        "n_extrasystoles": int(rhythm.premature.sum()),
        "murmur": patient.murmur,
        "murmur_level": level,
        "noise": noise,
        "data": (peak * waveform / max(np.abs(waveform).max(), 1e-9)).astype("float32"),
        "beats": _inside(rhythm.first, n_times / sample_rate),
        "s2_onsets": _inside(rhythm.second, n_times / sample_rate),
    }


def _inside(onsets: np.ndarray, duration: float) -> np.ndarray:
    return onsets[(onsets >= 0) & (onsets < duration)]


def _bunch(rows: list[dict], sample_rate: float, as_frame: bool) -> Bunch:
    """Turn the rows into columns: ragged ones as object arrays, others into a frame."""
    data, beats, s2_onsets = (
        np.fromiter([row.pop(key) for row in rows], dtype=object)
        for key in ("data", "beats", "s2_onsets")
    )
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return make_bunch(
        _DESCR,
        data=data,
        target=columns.pop("target"),
        groups=columns["patient"].copy(),
        columns=columns,
        as_frame=as_frame,
        sample_rate=sample_rate,
        beats=beats,
        s2_onsets=s2_onsets,
    )


def _plan_patients(
    rng: RandomState,
    n_recordings: int,
    classes: tuple[str, ...],
    shares: np.ndarray,
    sizes: tuple[int, int],
) -> list[tuple[str, int]]:
    """Return label and number of recordings of each patient, in random order."""
    exact = shares * n_recordings
    counts = np.floor(exact + 1e-9).astype(int)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: n_recordings - counts.sum()]] += 1
    patients = []
    for label, count in zip(classes, counts, strict=True):
        while count > 0:
            size = min(count, rng.randint(sizes[0], sizes[1] + 1))
            patients.append((label, size))
            count -= size
    return [patients[i] for i in rng.permutation(len(patients))]


def _pair(name: str, value: Any, **limits: Any) -> tuple[Any, Any]:
    """Return one number or two as the lowest and the highest, both within limits."""
    pair = tuple(value) if np.ndim(value) == 1 else (value, value)
    for number in pair:
        check_number(name, number, **limits)
    if len(pair) != 2 or pair[0] > pair[1]:
        raise ValueError(
            f"{name} must be a number, or a lowest and a highest one, got {value!r}."
        )
    return pair


def _shares(weights: Sequence[float] | None, n_classes: int) -> np.ndarray:
    """Return the share of each class, equal without weights."""
    shares = np.array(np.ones(n_classes) if weights is None else weights, dtype=float)
    finite = shares.shape == (n_classes,) and np.isfinite(shares).all()
    if not (finite and (shares >= 0).all() and shares.sum() > 0):
        raise ValueError(
            "weights must be non-negative and not all 0, one for each of the "
            f"{n_classes} classes, got {weights!r}."
        )
    return shares / shares.sum()
