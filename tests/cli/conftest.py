"""Recordings and a model for the tests of the command line."""

import numpy as np
import pytest
import soundfile

from skheart import load_pretrained, save_model
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.metrics import Decision, PatientModel


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Return class folders of simulated recordings; names begin with the patient."""
    home = tmp_path_factory.mktemp("recordings")
    sounds = make_heart_sounds(80, murmur_level=(-15.0, -8.0), random_state=0)
    for number, (sound, label, patient) in enumerate(
        zip(sounds.data, sounds.target, sounds.groups, strict=True)
    ):
        (home / label).mkdir(exist_ok=True)
        path = home / label / f"{patient}_{number:02}.wav"
        soundfile.write(path, sound, sounds.sample_rate)
    return home


@pytest.fixture(scope="session")
def model(folders, tmp_path_factory):
    """Return the path of a model written by ``skheart train``."""
    path = tmp_path_factory.mktemp("model") / "model.skheart"
    arguments = ["train", "folder", str(folders), "-o", str(path), "--epochs", "3"]
    arguments += ["--patient-pattern", "^([^_]+)_", "--quiet"]
    assert main(arguments) == 0
    return path


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    """Return a folder of recordings that cannot be used, one of each kind."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("not a sound")
    soundfile.write(folder / "silent.wav", np.zeros(4000), 2000)
    soundfile.write(folder / "nan.wav", np.full(4000, np.nan), 2000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", np.sin(np.arange(4000.0)), 1000)
    soundfile.write(folder / "cut.wav", np.sin(np.arange(4000.0)) / 2, 2000)
    data = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(data[: len(data) // 2])
    return folder


@pytest.fixture(scope="session")
def three(tmp_path_factory):
    """Return the path of a model of three classes with a patient model."""
    pipeline = load_pretrained("murmur3")
    patient_model = PatientModel(
        features=["highest_Present", "mean_Unknown", "n_recordings"],
        means=[0.0, 0.0, 1.0],
        scales=[2.0, 2.0, 0.5],
        coefficients=[[-1, -0.5, 0.3], [1.5, -0.2, 0.1], [-0.5, 1, -0.4]],
        intercepts=[0.8, -0.3, -0.5],
        weights=[1.0, 5.0, 3.0],
    )
    pipeline[-1].decision_ = Decision(patient_model=patient_model)
    path = tmp_path_factory.mktemp("three") / "three.skheart"
    save_model(pipeline, path)
    return path
