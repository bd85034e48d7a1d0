"""Descriptions of real recordings."""

import pytest

from skheart import load_pretrained
from skheart.report import describe_patient, describe_recording
from skheart.report.answering_model import answering

LOCATIONS = ("AV", "PV", "TV", "MV")


@pytest.fixture(scope="session")
def circor(shared_data):
    """Return the paths of a patient with a murmur and of one without, by location."""
    folder = shared_data / "circor2022" / "training_data"
    return {
        patient: [str(folder / f"{patient}_{place}.flac") for place in LOCATIONS]
        for patient in ("9979", "2530")
    }


@pytest.fixture(scope="session")
def murmur():
    return answering(load_pretrained("murmur"), name="murmur")


@pytest.fixture(scope="session")
def loud(murmur, circor):
    """Return the description of a recording with a loud holosystolic murmur."""
    return describe_recording(murmur, circor["9979"][2])


@pytest.fixture(scope="session")
def patient(murmur, circor, tmp_path_factory):
    """Return the description of a patient, of whom one recording is damaged."""
    bad = tmp_path_factory.mktemp("bad") / "9979_Phc.wav"
    bad.write_text("no sound")
    return describe_patient(murmur, [*circor["9979"], str(bad)], patient="9979")
