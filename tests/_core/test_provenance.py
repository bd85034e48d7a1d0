"""Test which patients a model is known to have been trained on."""

import hashlib
import json

import numpy as np
import pytest

from skheart._core.provenance import (
    known_training,
    same_names,
    seen_in,
    training_part,
)

PATTERN = "^([^_]+)_"


def digests(recordings):
    """Return a function that hashes recordings; None stands for an unreadable one."""
    return lambda key: [
        None if r is None else hashlib.blake2b(r.encode(), key=key).digest()
        for r in recordings
    ]


def part(corpus="folder", *, grouped=True, pattern=PATTERN, salt=None):
    """Describe training on a1, a2 of Ann and b1 of Bob, with c1, c2 of Cid held out."""
    return training_part(
        corpus,
        ["Ann", "Ann", "Bob"],
        lambda key: (digests(["a1", "a2", "b1"])(key), digests(["c1", "c2"])(key)),
        grouped=grouped,
        patient_pattern=pattern,
        salt=salt,
    )


def training(*parts, complete=True):
    return known_training({"parts": list(parts), "complete": complete})


def status(known, corpus, rows, pattern=PATTERN):
    patients, recordings = zip(*rows, strict=True)
    return seen_in(
        known,
        corpus,
        np.array(patients),
        digests(recordings),
        patient_pattern=pattern,
    ).tolist()


HELD_OUT = [("Cid", "c1"), ("Cid", "c2")]
TRAINED = [("Ann", "a1"), ("Ann", "a2"), ("Bob", "b1")]


def test_the_folder_it_was_trained_on():
    rows = [*TRAINED, *HELD_OUT]
    assert status(training(part()), "folder", rows) == ["seen"] * 3 + ["unseen"] * 2


def test_a_copy_under_other_names_is_recognised_by_content():
    rows = [("x", "a1"), ("y", "b1"), ("z", "c1"), ("z", "c2")]
    expected = ["seen", "seen", "unseen", "unseen"]
    assert status(training(part()), "folder", rows) == expected


def test_new_recordings_of_known_and_of_new_patients():
    rows = [*TRAINED, ("Ann", "a3"), ("Dan", "d1")]
    expected = ["seen"] * 4 + ["unknown"]
    assert status(training(part()), "folder", rows) == expected


def test_the_same_names_in_another_folder_are_unknown():
    rows = [("Ann", "other 1"), ("Cid", "other 2")]
    assert status(training(part()), "folder", rows) == ["unknown"] * 2


def test_with_another_pattern_the_unseen_are_unknown():
    rows = [("1", "a1"), ("2", "b1"), ("3", "c1"), ("1", "c2")]
    expected = ["seen", "seen", "unknown", "seen"]
    assert status(training(part()), "folder", rows, pattern="(.)$") == expected


def test_without_a_pattern_nothing_is_known_to_be_unseen():
    known = training(part(grouped=False, pattern=None))
    rows = [("a1.wav", "a1"), ("c1.wav", "c1")]
    assert status(known, "folder", rows, pattern=None) == ["seen", "unknown"]
    # With a pattern, the recording held out belongs to a patient trained on.
    assert status(known, "folder", [("A", "a1"), ("A", "c1")]) == ["seen", "seen"]


def test_the_training_of_the_start_counts():
    known = training(part("pascal"), part())
    rows = [("Ann", "new"), ("Eve", "e")]
    assert status(known, "pascal", rows) == ["seen", "unknown"]
    # Held out in one part and trained on in the other.
    both = training_part(
        "folder",
        ["Cid"],
        lambda key: (digests(["c1"])(key), []),
        grouped=True,
        patient_pattern=PATTERN,
    )
    assert status(training(part(), both), "folder", HELD_OUT) == ["seen", "seen"]


def test_an_incomplete_record_never_means_unseen():
    known = training(part("pascal"), complete=False)
    rows = [*TRAINED, *HELD_OUT, ("Eve", "e")]
    assert status(known, "pascal", rows) == ["seen"] * 3 + ["unknown"] * 3
    assert status(training(complete=True), "pascal", rows) == ["unknown"] * 6


def test_public_corpora_are_recognised_by_patient():
    known = training(part("pascal", pattern=None))
    rows = [("Ann", "converted to another format"), ("Eve", "e1")]
    assert status(known, "pascal", rows) == ["seen", "unseen"]
    assert status(known, "circor2022", rows) == ["unseen", "unseen"]


def test_a_public_corpus_that_was_trained_on_as_a_folder():
    rows = [("112", "a1"), ("112", "a9"), ("113", "other")]
    assert status(training(part()), "pascal", rows) == ["seen", "seen", "unknown"]


def test_unreadable_recordings_are_unknown():
    rows = [("x", None), ("Cid", "c1")]
    assert status(training(part()), "folder", rows) == ["unknown", "unseen"]


def test_names_are_hashed_with_a_new_salt_each_time():
    one, two = part(), part()
    assert one["salt"] != two["salt"]
    assert not {one["patients"], one["recordings"]} & {
        two["patients"],
        two["recordings"],
    }
    assert not any(name in json.dumps(one) for name in ("Ann", "Bob", "Cid"))
    assert part(salt="ab") == part(salt="ab")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"corpus": "folder", "patients": ["Ann"], "data_home": "/home/me"},
        {"parts": [{}], "complete": True},
        {"parts": [part() | {"salt": "no"}], "complete": True},
        {"parts": [part() | {"recordings": "AAAA"}], "complete": True},
        {"parts": 3, "complete": True},
    ],
)
def test_invalid_records_count_as_empty(value):
    assert known_training(value) == {"parts": [], "complete": False}


def test_names_of_patients_in_another_folder():
    """Cid was held out, and Dan is unknown."""
    patients = np.array(["Bob", "Cid", "Ann", "Dan"])
    found = same_names(training(part()), "folder", patients)
    assert found.tolist() == [True, False, True, False]
    assert not same_names(training(part("table")), "folder", patients).any()
