"""Trainings that are ended and go on, and full disks: nothing finished is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import soundfile
from sklearn.model_selection import GridSearchCV

from skheart import CNNClassifier, load_model, load_pretrained, save_model
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.neural.checkpoint import Checkpoint
from skheart.spectrogram import SpectrogramCache


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(24, 12, 40)).astype(np.float32)
    y = np.arange(24) % 2
    X[y == 1, :4] += 1
    return X, y


def classifier(**parameters):
    settings = {"epochs": 6, "batch_size": 8, "crop_frames": 30, "random_state": 0}
    return CNNClassifier(**settings | parameters)


class EndedError(Exception):
    """In place of a kill."""


@pytest.fixture
def ended_after(monkeypatch):
    """Return a function that ends the next training after some epochs."""

    def end_after(epochs):
        save = Checkpoint.save

        def save_and_end(self, trainer, losses, stopping):
            save(self, trainer, losses, stopping)
            if len(losses) == epochs:
                monkeypatch.setattr(Checkpoint, "save", save)
                raise EndedError

        monkeypatch.setattr(Checkpoint, "save", save_and_end)

    return end_after


@pytest.fixture
def steps(monkeypatch):
    """Return a list that grows with each step of training."""
    from skheart.neural.graphs import Trainer

    made = []
    step = Trainer.step
    monkeypatch.setattr(
        Trainer, "step", lambda self, *parts: made.append(1) or step(self, *parts)
    )
    return made


WAYS = {
    "plain": {},
    "dropout and augmentation": {"dropout": 0.5, "augment": 0.5, "l2": 1e-3},
    "early stopping": {"patience": 5, "validation": 0.25, "epochs": 9},
    "auroc": {"loss": "auroc", "class_weight": "balanced"},
    "instance of an optimizer": {"optimizer": keras.optimizers.SGD(0.05, 0.9)},
    "rate kept": {"schedule": None, "network": "deep_stethoscope"},
}


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("way", WAYS)
def test_as_if_never_ended(tmp_path, data, ended_after, steps, way, after):
    X, y = data
    fit = {"groups": np.arange(24)} if "patience" in WAYS[way] else {}
    expected = classifier(**WAYS[way]).fit(X, y, **fit)
    n_steps = len(steps)
    ended_after(after)
    with pytest.raises(EndedError):
        classifier(checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    steps.clear()
    went_on = classifier(checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    assert 0 < len(steps) < n_steps
    np.testing.assert_array_equal(went_on.predict_proba(X), expected.predict_proba(X))
    assert went_on.history_ == expected.history_
    # And a finished one is not trained again.
    steps.clear()
    again = classifier(checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    assert not steps
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


def test_from_the_disk_too(tmp_path, data, ended_after):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = classifier().fit(X, y).predict_proba(X)
    ended_after(3)
    with pytest.raises(EndedError):
        classifier(checkpoint=tmp_path / "state").fit(on_disk, y)
    went_on = classifier(checkpoint=tmp_path / "state").fit(on_disk, y)
    np.testing.assert_array_equal(went_on.predict_proba(X), expected)


CHANGES = {
    "seed": ({"random_state": 1}, None),
    "epochs": ({"epochs": 7}, None),
    "learning rate": ({"learning_rate": 1e-3}, None),
    "loss": ({"loss": "auroc"}, None),
    "dropout": ({"dropout": 0.1}, None),
    "optimizer": ({"optimizer": "sgd"}, None),
    "one value": ({}, lambda X, y: X.__setitem__((3, 2, 1), 9.0)),
    "one label": ({}, lambda X, y: y.__setitem__(0, 1)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_another_training_is_left_alone(tmp_path, data, ended_after, steps, kind):
    X, y = data[0].copy(), data[1].copy()
    ended_after(2)
    with pytest.raises(EndedError):
        classifier(checkpoint=tmp_path).fit(X, y)
    (kept,) = tmp_path.iterdir()
    before = kept.read_bytes()
    parameters, change = CHANGES[kind]
    if change:
        change(X, y)
    steps.clear()
    fitted = classifier(checkpoint=tmp_path, **parameters).fit(X, y)
    assert len(steps) == 3 * len(fitted.history_["loss"])  # from the beginning
    expected = classifier(**parameters).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert kept.read_bytes() == before


def test_a_search_goes_on(tmp_path, data, ended_after, steps):
    X, y = data

    def search():
        grid = {"learning_rate": [1e-3, 4e-3]}
        kept = classifier(epochs=3, checkpoint=tmp_path)
        return GridSearchCV(kept, grid, cv=2, error_score="raise")

    ended_after(2)
    with pytest.raises(EndedError):
        search().fit(X, y)
    search().fit(X, y)
    steps.clear()
    found = search().fit(X, y)
    assert not steps
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "changed"])
def test_a_damaged_state_is_said_and_left(tmp_path, data, ended_after, damage):
    X, y = data
    ended_after(2)
    with pytest.raises(EndedError):
        classifier(checkpoint=tmp_path).fit(X, y)
    (kept,) = tmp_path.iterdir()
    content = kept.read_bytes()
    broken = {
        "empty": b"",
        "other": b"no archive",
        "cut": content[: len(content) // 2],
        "changed": content[:3000] + b"\xff" * 64 + content[3064:],
    }
    kept.write_bytes(broken[damage])
    with pytest.warns(RuntimeWarning, match=r"cannot be read .* from the beginning"):
        fitted = classifier(checkpoint=tmp_path).fit(X, y)
    expected = classifier().fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))


class Focal(keras.losses.Loss):
    """A loss of a user, which does not say its settings."""

    def __init__(self, power):
        super().__init__()
        self.power = power

    def call(self, y_true, y_pred):
        wrong = keras.ops.abs(y_true - keras.ops.sigmoid(y_pred))
        return keras.ops.mean(wrong**self.power, axis=-1)


def test_code_of_ones_own_is_never_taken_for_the_same(tmp_path, data):
    X, y = data
    answers = []
    for power in (1.0, 3.0):
        own = classifier(loss=Focal(power), checkpoint=tmp_path)
        with pytest.warns(RuntimeWarning, match="checkpoint has no effect with a loss"):
            answers.append(own.fit(X, y).predict_proba(X))
    assert not list(tmp_path.iterdir())
    assert not np.array_equal(*answers)


def test_without_a_seed_nothing_goes_on_and_it_is_said(tmp_path, data):
    with pytest.warns(RuntimeWarning, match="checkpoint needs random_state"):
        classifier(random_state=None, epochs=1, checkpoint=tmp_path).fit(*data)


def test_the_same_name_in_every_process_and_for_nested_layers(data):
    from skheart.neural.graphs import architecture

    def nested():
        inner = keras.Sequential([keras.layers.Dense(3), keras.layers.ReLU()])
        inputs = keras.Input((4, 5))
        x = keras.layers.Bidirectional(keras.layers.LSTM(2))(inner(inputs))
        return keras.Model(inputs, keras.layers.Dense(1)(x))

    assert architecture(nested()) == architecture(nested()) is not None


def test_wrong_folders(tmp_path, data):
    with pytest.raises(ValueError, match="checkpoint must name a folder or be None"):
        classifier(checkpoint=3).fit(*data)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"cannot be written to .*file"):
        classifier(checkpoint=tmp_path / "file").fit(*data)
    assert (tmp_path / "file").read_text() == "mine"


# The command line -------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("recordings")
    sounds = make_heart_sounds(12, duration=2.0, random_state=0)
    for number, (waveform, word) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (home / word).mkdir(exist_ok=True)
        soundfile.write(home / word / f"{number}.wav", waveform, 2000)
    return home


def train(folders, output, *more):
    arguments = ["train", "folder", str(folders), "-o", str(output), "--duration", "2"]
    return [*arguments, "--epochs", "60", "--hold-out", "0", "--quiet", *more]


def killed_in_training(folders, output, by):
    """Start a training in a process of its own, and end it in the middle."""
    command = [sys.executable, "-m", "skheart", *train(folders, output)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What is started in the background is born deaf to Ctrl+C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    state = output.with_name(f"{output.name}.checkpoint")
    deadline = time.monotonic() + 120
    try:
        while not list(state.glob("[!.]*.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(by)
        return process.communicate(timeout=120)[1], process.returncode
    finally:
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_train_goes_on(tmp_path, folders, capsys, by):
    output, other = tmp_path / "model.skheart", tmp_path / "other.skheart"
    said, code = killed_in_training(folders, output, by)
    if by == signal.SIGINT:
        assert code == 130
        assert "the same command with --resume resumes" in said
    assert not output.exists()
    state = tmp_path / "model.skheart.checkpoint"
    (file,) = state.glob("[!.]*.npz")
    with np.load(file) as arrays:
        n_epochs = len(arrays["losses"])
    assert 0 < n_epochs < 60
    assert main(train(folders, output)) == 2
    assert "pass --resume to resume it, or --force" in capsys.readouterr().err
    assert main(train(folders, output, "--resume")) == 0
    assert "started at the beginning" not in capsys.readouterr().out
    assert not state.exists()
    assert main(train(folders, other)) == 0
    one, two = load_model(output), load_model(other)
    assert one["cnn"].history_ == two["cnn"].history_
    recordings = sorted(folders.rglob("*.wav"))
    np.testing.assert_allclose(
        one.predict_proba(recordings), two.predict_proba(recordings), atol=1e-6
    )


def test_resume_says_when_there_is_nothing_to_go_on_with(tmp_path, folders, capsys):
    output = tmp_path / "model.skheart"
    assert main([*train(folders, output, "--resume"), "--epochs", "1"]) == 0
    assert "There was no training to resume" in capsys.readouterr().out
    state = tmp_path / "model.skheart.checkpoint"
    state.mkdir()
    (state / "0.npz").write_bytes(b"of another training")
    again = [*train(folders, output, "--force"), "--epochs", "1"]
    assert main([*again, "--resume"]) == 0
    assert "had other recordings or settings" in capsys.readouterr().out
    state.mkdir()
    assert main(again) == 0
    assert not state.exists()
    assert load_model(output)["cnn"].checkpoint is None


# A full disk ------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of its own, of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"No disk of its own can be had here: {done.stderr}")
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, *, leaving):
    """Fill a disk but for so many bytes."""
    room = os.statvfs(folder)
    n_bytes = room.f_bavail * room.f_frsize - leaving
    (folder / "full").write_bytes(b"\0" * max(0, n_bytes))


def test_a_full_disk_loses_no_model(small_disk, capsys):
    path = small_disk / "model.skheart"
    save_model(load_pretrained("murmur"), path)
    before = path.read_bytes()
    fill(small_disk, leaving=100_000)
    with pytest.raises(OSError, match="No space left"):
        save_model(load_pretrained("murmur3"), path)
    assert path.read_bytes() == before
    target = small_disk / "model.onnx"
    assert main(["export", "--model", "murmur", "--onnx", str(target)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert sorted(p.name for p in small_disk.iterdir()) == ["full", "model.skheart"]
    assert load_model(path).classes_.tolist() == ["murmur", "normal"]


def test_a_full_disk_loses_no_epoch(small_disk, data):
    X, y = data
    save, saved = Checkpoint.save, []

    def save_until_full(self, *arguments):
        if len(saved) == 3:
            fill(small_disk, leaving=20_000)
        save(self, *arguments)
        saved.append(self.path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_until_full)
        with pytest.raises(OSError, match=r"cannot be written .*No space left.*free"):
            classifier(checkpoint=small_disk / "state").fit(X, y)
    (kept,) = (small_disk / "state").iterdir()
    assert kept.read_bytes() == saved[-1]
    (small_disk / "full").unlink()
    went_on = classifier(checkpoint=small_disk / "state").fit(X, y)
    expected = classifier().fit(X, y)
    np.testing.assert_array_equal(went_on.predict_proba(X), expected.predict_proba(X))


def test_a_full_disk_loses_no_spectrogram(small_disk):
    sounds = make_heart_sounds(8, duration=20.0, random_state=0)
    transformer = load_pretrained("murmur")[0]
    transformer.set_params(cache=small_disk / "cache", duration=20.0)
    expected = transformer.fit_transform(sounds.data[:2])
    fill(small_disk, leaving=200_000)
    with pytest.raises(OSError, match=r"[Nn]o space left"):
        transformer.transform(sounds.data)
    n_kept = SpectrogramCache(small_disk / "cache").contents().n_spectrograms
    assert 2 <= n_kept < 8
    np.testing.assert_array_equal(transformer.transform(sounds.data[:2]), expected)
    (small_disk / "full").unlink()
    assert transformer.transform(sounds.data).shape[0] == 8


def test_a_full_disk_leaves_no_half_of_a_table(small_disk, folders, capsys):
    recordings = [str(path) for path in sorted(folders.rglob("*.wav"))]
    output = small_disk / "answers.csv"
    output.write_text("mine")
    fill(small_disk, leaving=0)
    arguments = ["predict", *recordings * 4, "-o", str(output), "--quiet", "--force"]
    assert main(arguments) == 2
    assert "No space left" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert sorted(path.name for path in small_disk.iterdir()) == ["answers.csv", "full"]
