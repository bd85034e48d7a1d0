"""Test that interrupted trainings resume, and that a full disk loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import soundfile
from sklearn.model_selection import GridSearchCV

from skheart import CNNClassifier, load_model, load_pretrained, save_model
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.neural.graphs import architecture
from skheart.spectrogram import SpectrogramCache


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(24, 12, 40)).astype(np.float32)
    y = np.arange(24) % 2
    X[y == 1, :4] += 1
    return X, y


def light_network(n_bands, n_frames, n_channels, n_outputs, dropout, l2):
    """Build a network that is much faster to compile than the built-in ones."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    penalty = keras.regularizers.L2(l2)
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer=penalty)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(dropout)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def classifier(**parameters):
    settings = {"epochs": 6, "batch_size": 8, "crop_frames": 30, "random_state": 0}
    return CNNClassifier(**settings | {"network": light_network} | parameters)


class InterruptedTraining(Exception):  # noqa: N818
    """Raised in place of a kill."""


class Epochs(keras.callbacks.Callback):
    """Count the epochs that are trained, and interrupt the training after some."""

    trained: list[int] = []  # noqa: RUF012 (copies of the callback share it)
    last = None

    def on_epoch_begin(self, epoch, logs=None):
        self.trained.append(epoch)

    def on_epoch_end(self, epoch, logs=None):
        if len(self.trained) == self.last:
            raise InterruptedTraining


@pytest.fixture
def epochs():
    """Return the list of the epochs that `watched` classifiers train."""
    Epochs.trained.clear()
    yield Epochs.trained
    Epochs.trained.clear()


def watched(**parameters):
    return classifier(callbacks=[Epochs()], **parameters)


def interrupted(after, **parameters):
    """Return a classifier whose training is interrupted after some epochs."""
    callback = Epochs()
    callback.last = after
    return classifier(callbacks=[callback], **parameters)


WAYS = {
    "plain": {"network": "compact"},
    "dropout and augmentation": {"dropout": 0.5, "augment": 0.5, "l2": 1e-3},
    "early stopping": {"patience": 5, "validation": 0.25, "epochs": 9},
    "auroc": {"loss": "auroc", "class_weight": "balanced"},
    "instance of an optimizer": {"optimizer": keras.optimizers.SGD(0.05, 0.9)},
    "constant rate": {"schedule": None, "network": "deep_stethoscope"},
}


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_training_has_identical_results(tmp_path, data, epochs, way, after):
    X, y = data
    fit = {"groups": np.arange(24)} if "patience" in WAYS[way] else {}
    expected = classifier(**WAYS[way]).fit(X, y, **fit)
    n_epochs = len(expected.history_["loss"])
    with pytest.raises(InterruptedTraining):
        interrupted(after, checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    epochs.clear()
    resumed = watched(checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    assert epochs == list(range(after, n_epochs))
    np.testing.assert_array_equal(resumed.predict_proba(X), expected.predict_proba(X))
    assert resumed.history_ == expected.history_
    # A finished training is only read again.
    epochs.clear()
    again = watched(checkpoint=tmp_path, **WAYS[way]).fit(X, y, **fit)
    assert not epochs
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


def test_spectrograms_on_disk_resume_too(tmp_path, data, epochs):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = classifier().fit(X, y).predict_proba(X)
    with pytest.raises(InterruptedTraining):
        interrupted(3, checkpoint=tmp_path / "state").fit(on_disk, y)
    resumed = classifier(checkpoint=tmp_path / "state").fit(on_disk, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), expected)


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
def test_another_training_starts_from_the_beginning(tmp_path, data, epochs, kind):
    X, y = data[0].copy(), data[1].copy()
    with pytest.raises(InterruptedTraining):
        interrupted(2, checkpoint=tmp_path).fit(X, y)
    (kept,) = tmp_path.iterdir()
    before = kept.read_bytes()
    parameters, change = CHANGES[kind]
    if change:
        change(X, y)
    epochs.clear()
    fitted = watched(checkpoint=tmp_path, **parameters).fit(X, y)
    assert epochs == list(range(len(fitted.history_["loss"])))
    expected = classifier(**parameters).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert kept.read_bytes() == before


def test_a_search_resumes(tmp_path, data, epochs):
    X, y = data

    def search(make, *arguments):
        grid = {"learning_rate": [1e-3, 4e-3]}
        kept = make(*arguments, epochs=3, checkpoint=tmp_path)
        return GridSearchCV(kept, grid, cv=2, error_score="raise")

    with pytest.raises(InterruptedTraining):
        search(interrupted, 5).fit(X, y)
    epochs.clear()
    search(watched).fit(X, y)
    # The first fit is complete; the second one resumes with its last epoch.
    assert epochs == [2, *range(3), *range(3), *range(3)]
    epochs.clear()
    found = search(watched).fit(X, y)
    assert not epochs
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "changed"])
def test_a_damaged_state_is_ignored_with_a_warning(tmp_path, data, epochs, damage):
    X, y = data
    with pytest.raises(InterruptedTraining):
        interrupted(2, checkpoint=tmp_path).fit(X, y)
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
    """A user's loss without a get_config, so that its power is not described."""

    def __init__(self, power):
        super().__init__()
        self.power = power

    def call(self, y_true, y_pred):
        wrong = keras.ops.abs(y_true - keras.ops.sigmoid(y_pred))
        return keras.ops.mean(wrong**self.power, axis=-1)


def test_a_loss_of_ones_own_is_not_resumed(tmp_path, data):
    X, y = data
    probabilities = []
    for power in (1.0, 3.0):
        own = classifier(loss=Focal(power), checkpoint=tmp_path)
        with pytest.warns(RuntimeWarning, match="checkpoint has no effect with a loss"):
            probabilities.append(own.fit(X, y).predict_proba(X))
    assert not list(tmp_path.iterdir())
    assert not np.array_equal(*probabilities)


def test_without_a_seed_there_is_a_warning(tmp_path, data):
    with pytest.warns(RuntimeWarning, match="checkpoint needs random_state"):
        classifier(random_state=None, epochs=1, checkpoint=tmp_path).fit(*data)


def test_names_of_nested_layers_do_not_matter():
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
    for number, (waveform, label) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (home / label).mkdir(exist_ok=True)
        soundfile.write(home / label / f"{number}.wav", waveform, 2000)
    return home


def train(folders, output, *more):
    arguments = ["train", "folder", str(folders), "-o", str(output), "--duration", "2"]
    return [*arguments, "--epochs", "6", "--hold-out", "0", "--quiet", *more]


def skheart(*arguments):
    command = [sys.executable, "-m", "skheart", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


KILLED = """
import os, signal, sys
number, n_states = int(sys.argv.pop(1)), 0

def kill_at_third_state(event, arguments):
    global n_states
    if event == "os.rename" and ".checkpoint" in str(arguments[1]):
        n_states += 1
        if n_states == 3:
            os.kill(os.getpid(), number)

sys.addaudithook(kill_at_third_state)
# A process in the background can inherit that SIGINT is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from skheart.cli.main import main
sys.exit(main())
"""


@pytest.mark.slow
def test_train_interrupted_before_the_first_state(tmp_path, folders):
    code = KILLED.replace("n_states == 3", "n_states == 1")
    code = code.replace('"os.rename"', '"os.mkdir"').replace(
        "arguments[1]", "arguments[0]"
    )
    output = tmp_path / "model.skheart"
    command = [sys.executable, "-c", code, str(int(signal.SIGINT))]
    done = subprocess.run([*command, *train(folders, output)], capture_output=True)
    assert done.returncode == 130
    assert b"--resume" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_train_resumes(tmp_path, folders, capsys, by):
    output, other = tmp_path / "model.skheart", tmp_path / "other.skheart"
    command = [sys.executable, "-c", KILLED, str(int(by)), *train(folders, output)]
    killed = subprocess.run(command, capture_output=True, text=True)
    if by == signal.SIGINT:
        assert killed.returncode == 130, killed.stderr
        assert "the same command with --resume resumes" in killed.stderr
    else:
        assert killed.returncode == -by, killed.stderr
    assert not output.exists()
    state = tmp_path / "model.skheart.checkpoint"
    (file,) = state.glob("[!.]*.npz")
    with np.load(file) as arrays:
        assert len(arrays["losses"]) in (2, 3)
    assert main(train(folders, output)) == 2
    assert "pass --resume to resume it, or --force" in capsys.readouterr().err
    # All in processes of their own: tests before this one can have set the number of
    # threads, which changes the last digits.
    resumed = skheart(*train(folders, output, "--resume"))
    assert "started at the beginning" not in resumed.stdout
    assert not state.exists()
    skheart(*train(folders, other))
    one, two = load_model(output), load_model(other)
    assert one["cnn"].history_ == two["cnn"].history_
    recordings = sorted(folders.rglob("*.wav"))
    np.testing.assert_allclose(
        one.predict_proba(recordings), two.predict_proba(recordings), atol=1e-6
    )


def test_resume_without_a_training_to_resume(tmp_path, folders, capsys):
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
    """Return a folder on a separate disk of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"A separate disk cannot be mounted here: {done.stderr}")
        pytest.skip("needs the permission to mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, *, leaving):
    """Fill a disk, and leave some bytes free."""
    disk = os.statvfs(folder)
    n_bytes = disk.f_bavail * disk.f_frsize - leaving
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


class FillingDisk(keras.callbacks.Callback):
    """Keep the state after each epoch, and fill the disk in the fourth one."""

    def __init__(self, disk):
        super().__init__()
        self.disk, self.states = disk, []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            fill(self.disk, leaving=5_000)

    def on_epoch_end(self, epoch, logs=None):
        (file,) = (self.disk / "state").iterdir()
        self.states.append(file.read_bytes())


def test_a_full_disk_loses_no_epoch(small_disk, data):
    X, y = data
    parameters = {"checkpoint": small_disk / "state", "network": "compact"}
    filling = FillingDisk(small_disk)
    with pytest.raises(OSError, match=r"cannot be written .*No space left.*free"):
        classifier(callbacks=[filling], **parameters).fit(X, y)
    (kept,) = (small_disk / "state").iterdir()
    assert len(filling.states) == 3
    assert kept.read_bytes() == filling.states[-1]
    (small_disk / "full").unlink()
    resumed = classifier(**parameters).fit(X, y)
    expected = classifier(network="compact").fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), expected.predict_proba(X))


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


def test_a_full_disk_leaves_no_incomplete_row(small_disk, folders, capsys):
    recordings = [str(path) for path in sorted(folders.rglob("*.wav"))]
    output = small_disk / "table.csv"
    output.touch()
    fill(small_disk, leaving=0)
    arguments = ["predict", *recordings * 4, "-o", str(output), "--quiet", "--force"]
    assert main(arguments) == 2
    assert "No space left" in capsys.readouterr().err
    rows = output.read_text()
    assert rows == "" or rows.endswith("\n")
    assert sorted(path.name for path in small_disk.iterdir()) == ["full", "table.csv"]
