"""The sound of one simulated patient: rhythm, heart sounds, murmur and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

LOCATIONS = ("AV", "PV", "TV", "MV")
_SHARES = {"holosystolic": 0.45, "mid-systolic": 0.4, "early-diastolic": 0.15}
MURMURS = tuple(_SHARES)


@dataclass(frozen=True)
class Sound:
    """A first or second heart sound as a sum of damped sine waves."""

    frequencies: np.ndarray  # Hz
    amplitudes: np.ndarray
    phases: np.ndarray  # radians
    attack: float  # s
    decay: float  # s


@dataclass(frozen=True)
class Patient:
    """What stays the same over the recordings of one simulated patient."""

    label: str
    heart_rate: float  # beats a minute
    heart_rate_range: tuple[float, float]
    sinus_arrhythmia: float  # share of the beat's length that breathing changes
    breathing_rate: float  # Hz
    first: Sound
    second: Sound
    split: float  # s between the two halves of the second sound, breathing in
    loudness: np.ndarray  # of the second sound at each of LOCATIONS, first sound = 1
    murmur: str  # one of MURMURS, or "" for none
    murmur_levels: np.ndarray  # dB under the first sound's peak at each of LOCATIONS
    murmur_band: tuple[float, float]  # Hz


@dataclass(frozen=True)
class Rhythm:
    """Onsets of the first and second sounds, in s, beginning before the recording."""

    first: np.ndarray
    second: np.ndarray
    premature: np.ndarray  # whether each beat is an extrasystole


def draw_patient(
    rng: RandomState,
    label: str,
    heart_rate: tuple[float, float],
    murmur_level: tuple[float, float],
    murmurs: Sequence[str] = MURMURS,
) -> Patient:
    """Draw a patient of the class `label`."""
    # The first sound lies at about 20 to 110 Hz, the second a little higher and
    # shorter (Rangayyan and Lehner 1987).
    decay = rng.uniform(0.028, 0.042)
    first = _draw_sound(rng, 24.0, 110.0, attack=0.008, decay=decay)
    decay = rng.uniform(0.017, 0.026)
    second = _draw_sound(rng, 40.0, 150.0, attack=0.004, decay=decay)
    at_base, at_apex = rng.uniform(0.8, 1.3), rng.uniform(0.4, 0.8)
    shares = np.array([_SHARES[kind] for kind in murmurs])
    murmur = str(rng.choice(murmurs, p=shares / shares.sum()))
    fall = rng.uniform(0.0, 8.0, size=len(LOCATIONS))
    fall[rng.randint(len(LOCATIONS))] = 0.0
    low = rng.uniform(80.0, 180.0)
    return Patient(
        label=label,
        heart_rate=rng.uniform(*heart_rate),
        heart_rate_range=heart_rate,
        sinus_arrhythmia=rng.uniform(0.01, 0.06),
        breathing_rate=rng.uniform(0.18, 0.4),
        first=first,
        second=second,
        split=rng.uniform(0.01, 0.035),
        loudness=np.array([at_base, at_base, at_apex, at_apex]),
        murmur=murmur if label == "murmur" else "",
        murmur_levels=rng.uniform(*murmur_level) - fall,
        murmur_band=(low, rng.uniform(low + 80.0, 480.0)),
    )


def _draw_sound(
    rng: RandomState, low: float, high: float, attack: float, decay: float
) -> Sound:
    frequencies = np.sort(rng.uniform(low, high, size=4))
    return Sound(
        frequencies=frequencies,
        amplitudes=rng.uniform(0.4, 1.0, size=4) * (low / frequencies) ** 0.5,
        phases=rng.uniform(0.0, 2 * np.pi, size=4),
        attack=attack,
        decay=decay,
    )


def draw_rhythm(
    rng: RandomState, patient: Patient, heart_rate: float, duration: float
) -> Rhythm:
    """Draw the beats of a recording of `duration` seconds and a little around it."""
    period = 60.0 / heart_rate
    n_beats = int(np.ceil(1.25 * duration / period)) + 4
    phase = rng.uniform(0.0, 2 * np.pi)
    angles = 2 * np.pi * patient.breathing_rate * period * np.arange(n_beats)
    breath = np.sin(angles + phase)
    jitter = np.clip(rng.normal(0.0, 0.012, size=n_beats), -0.04, 0.04)
    intervals = period * (1 + patient.sinus_arrhythmia * breath + jitter)
    onsets = np.cumsum(intervals) - intervals[0] - rng.uniform(0.0, period)
    premature = np.zeros(n_beats, dtype=bool)
    if patient.label == "extrasystole":
        premature = _draw_premature(rng, onsets, duration)
        # Only the premature beat itself moves: the next one comes when it would
        # have come anyway, which is the full compensatory pause.
        coupling = rng.uniform(0.5, 0.7, size=n_beats)
        onsets = np.where(premature, onsets - (1 - coupling) * intervals, onsets)
    # Ejection time against heart rate after Weissler et al., Circulation 37:149, 1968.
    systole = max(0.413 - 0.0017 * heart_rate, 0.3 * period)
    following = np.append(np.diff(onsets), period)
    return Rhythm(onsets, onsets + np.minimum(systole, 0.55 * following), premature)


def _draw_premature(
    rng: RandomState, onsets: np.ndarray, duration: float
) -> np.ndarray:
    """Choose the beats that come too early: at least one, never two in a row."""
    visible = (onsets[1:] < duration) & (onsets[:-1] >= 0)
    paused = visible & (np.append(onsets[2:], np.inf) < duration)
    candidates = 1 + np.flatnonzero(paused if paused.any() else visible)
    premature = np.zeros(onsets.size, dtype=bool)
    premature[candidates[rng.uniform(size=candidates.size) < 0.2]] = True
    premature[rng.choice(candidates)] = True
    for beat in np.flatnonzero(premature):
        premature[beat] = not premature[beat - 1]
    return premature


@dataclass(frozen=True)
class Simulation:
    """The parts of the waveform of one recording, each of shape (n_times,)."""

    rng: RandomState
    patient: Patient
    rhythm: Rhythm
    times: np.ndarray  # s
    sample_rate: float

    def heart_sounds(self, location: int) -> np.ndarray:
        """Return the first and second sounds, the loudest point being 1."""
        rng, patient, rhythm = self.rng, self.patient, self.rhythm
        phase = 2 * np.pi * patient.breathing_rate * rhythm.first
        breath = np.sin(phase + rng.uniform(0, 2 * np.pi))
        depth, shape = rng.uniform(0.03, 0.2), (2, rhythm.first.size)
        strength = (1 + depth * breath) * (1 + rng.normal(0.0, 0.07, size=shape))
        # A premature beat finds the heart half filled: less blood, a fainter second
        # sound.
        faint = rng.uniform(0.3, 0.9, size=(2, 1))
        strength *= np.where(rhythm.premature, faint, 1.0)
        second = strength[1] * patient.loudness[location]
        split = patient.split * (1 + breath) / 2
        waveform = np.zeros(self.times.size)
        self._add(waveform, patient.first, rhythm.first, strength[0])
        self._add(waveform, patient.second, rhythm.second, second)
        self._add(waveform, patient.second, rhythm.second + split, 0.5 * second)
        return waveform / max(np.abs(waveform).max(), 1e-9)

    def _add(
        self, waveform: np.ndarray, sound: Sound, onsets: np.ndarray, level: np.ndarray
    ) -> None:
        """Add a sound at every onset, to a fraction of a point of the signal."""
        starts = np.ceil(onsets * self.sample_rate).astype(int)
        n_times = int(6 * sound.decay * self.sample_rate)
        positions = starts[:, None] + np.arange(n_times)
        since = positions / self.sample_rate - onsets[:, None]
        angles = 2 * np.pi * since[..., None] * sound.frequencies + sound.phases
        envelope = (1 - np.exp(-since / sound.attack)) * np.exp(-since / sound.decay)
        values = level[:, None] * envelope * (np.sin(angles) @ sound.amplitudes)
        inside = (positions >= 0) & (positions < waveform.size)
        np.add.at(waveform, positions[inside], values[inside])

    def murmur(self) -> np.ndarray:
        """Return the patient's murmur, whose RMS is 1 where it is loudest."""
        kind, times, rhythm = self.patient.murmur, self.times, self.rhythm
        beat = np.searchsorted(rhythm.first, times, side="right") - 1
        first, second = rhythm.first[beat], rhythm.second[beat]
        if kind == "holosystolic":
            start, end = first + 0.05, second
        elif kind == "mid-systolic":
            start, end = first + 0.08, second - 0.03
        else:
            start, end = second + 0.03, second + 0.7 * (rhythm.first[beat + 1] - second)
        share = np.clip((times - start) / np.maximum(end - start, 0.02), 0.0, 1.0)
        envelope = {
            "holosystolic": np.sin(np.pi * share) ** 0.3,
            "mid-systolic": np.sin(np.pi * share) ** 1.5,
            "early-diastolic": (1 - share) ** 2 * np.minimum(share / 0.08, 1.0),
        }[kind]
        return envelope * self._band_noise(*self.patient.murmur_band)

    def background(self) -> np.ndarray:
        """Return room and breathing noise, with an RMS of 1."""
        rng = self.rng
        slope = rng.uniform(0.5, 1.5)
        room = self._noise(lambda f: f / (f + 15) * (f + 15) ** (-slope / 2))
        phase = np.pi * self.patient.breathing_rate * self.times
        swell = np.sin(phase + rng.uniform(0.0, np.pi)) ** 2
        low = rng.uniform(90.0, 200.0)
        breath = swell * self._band_noise(low, rng.uniform(low + 80.0, 480.0))
        return _unit(room + 10 ** (rng.uniform(-20.0, 2.0) / 20) * breath)

    def artefacts(self) -> np.ndarray:
        """Return clicks and rubs of the chest piece, about one in seven seconds."""
        rng, times = self.rng, self.times
        waveform = np.zeros(times.size)
        duration = times.size / self.sample_rate
        for _ in range(rng.poisson(0.15 * duration)):
            length = rng.choice([rng.uniform(0.004, 0.015), rng.uniform(0.05, 0.2)])
            since = times - rng.uniform(0.0, duration)
            here = (since >= 0) & (since < length)
            burst = np.sin(np.pi * since[here] / length) * rng.normal(size=here.sum())
            waveform[here] += rng.uniform(0.05, 0.3) * burst
        return waveform

    def _band_noise(self, low: float, high: float) -> np.ndarray:
        """Return noise of RMS 1 between two frequencies in Hz (24 dB an octave)."""

        def gain(f: np.ndarray) -> np.ndarray:
            below, above = (low / np.maximum(f, 1e-9)) ** 8, (f / high) ** 8
            return 1 / np.sqrt((1 + below) * (1 + above))

        return self._noise(gain)

    def _noise(self, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return noise whose amplitude at each frequency in Hz is `gain` of it."""
        n_times = self.times.size
        n_fft = 2 ** int(np.ceil(np.log2(n_times + 1)))
        amplitudes = gain(np.fft.rfftfreq(n_fft, 1 / self.sample_rate))
        real, imaginary = self.rng.normal(size=(2, amplitudes.size))
        noise = np.fft.irfft(amplitudes * (real + 1j * imaginary), n_fft)
        return _unit(noise[:n_times])


def _unit(waveform: np.ndarray) -> np.ndarray:
    return waveform / max(np.sqrt(np.mean(waveform**2)), 1e-9)
