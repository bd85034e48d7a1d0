"""Codes of experts in the table of CinC 2016, database b, and what they mean."""

from __future__ import annotations

_NONE = {"2": "none", "3": "insignificant"}
_LENGTHS = ("under 2 s", "under 3 s", "under 4 s", "over 4 s")


def _graded(first: int, word: str = "") -> dict[str, str]:
    """Return the meanings of four codes, by the length of a noise."""
    start = f"{word}, " if word else ""
    return {str(first + i): start + length for i, length in enumerate(_LENGTHS)}


# The name of a column of the frame, how the table's name of it begins (the codes are
# listed behind, in brackets), and the words for its codes. The table holds 0, and once
# 1, without saying what they mean.
CODES: dict[str, tuple[str, dict[str, str]]] = {
    "arrhythmia": (
        "Arrhythmia (",
        {
            **{"2": "none", "3": "one beat", "7": "two beats"},
            **{"4": "medium", "5": "severe", "6": "unclear"},
        },
    ),
    "murmur": (
        "Murmurs (",
        {"2": "none", "3": "weak", "4": "strong", "6": "unclear"},
    ),
    "murmur_timing": (
        "Murmur Location (",
        {"2": "systole", "3": "diastole", "4": "both"},
    ),
    "respiration_noise": (
        "Respiration noise (",
        {
            **_NONE,
            **_graded(4, "weak"),
            **_graded(8, "powerful"),
            **{"12": "unclear", "13": "weak, under 1 s", "14": "under 1 s"},
            **{"15": "powerful, under 1 s", "16": "weak, under 1 s"},
            **{"17": "powerful, under 1 s"},
        },
    ),
    "ambient_noise": (
        "Ambient noise (",
        {
            **_NONE,
            **_graded(4, "weak"),
            **_graded(8),
            **_graded(12, "powerful"),
            **{"16": "unclear", "17": "weak, under 1 s", "18": "under 1 s"},
            **{"19": "powerful, under 1 s"},
        },
    ),
    "recording_noise": (
        "Recording noise (",
        {
            **_NONE,
            **{"4": "at the beginning", "5": "at the end", "6": "at both ends"},
            **_graded(7, "weak"),
            **_graded(11, "powerful"),
            **{"15": "spikes", "16": "unclear"},
            **{"17": "weak, under 1 s", "18": "powerful, under 1 s"},
        },
    ),
    "abdominal_noise": (
        "Abdominal sounds (",
        {**_NONE, **_graded(4), **{"8": "unclear", "9": "under 1 s"}},
    ),
}


def meanings(row: dict[str, str]) -> dict[str, str]:
    """Return the words for the codes in a row of the table; "" where none is given."""
    found = {}
    for column, (start, words) in CODES.items():
        code = next((row[name] for name in row if name.startswith(start)), "")
        found[column] = words.get(code.removesuffix(".0"), "")  # codes such as 2.0
    return found
