"""The command line, run as its users do: arguments in, files and exit codes out."""

import csv
import inspect
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skheart import (
    CNNClassifier,
    SpectrogramTransformer,
    __version__,
    load_model,
    save_model,
)
from skheart.cli.main import COMMANDS, command_parser, main
from skheart.cli.tables import prediction_rows, rows_text
from skheart.datasets import make_heart_sounds
from skheart.spectrogram import SpectrogramCache


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of class folders with simulated recordings, patient first in names."""
    home = tmp_path_factory.mktemp("recordings")
    sounds = make_heart_sounds(80, murmur_level=(-15.0, -8.0), random_state=0)
    for number, (sound, word, patient) in enumerate(
        zip(sounds.data, sounds.target, sounds.groups, strict=True)
    ):
        (home / word).mkdir(exist_ok=True)
        soundfile.write(
            home / word / f"{patient}_{number:02}.wav", sound, sounds.sample_rate
        )
    return home


@pytest.fixture(scope="module")
def model(folders, tmp_path_factory):
    """A model that `skheart train` wrote."""
    path = tmp_path_factory.mktemp("model") / "model.skheart"
    arguments = ["train", "folder", str(folders), "-o", str(path), "--epochs", "3"]
    arguments += ["--patient-pattern", "^([^_]+)_", "--quiet"]
    assert main(arguments) == 0
    return path


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Recordings that cannot be used, one of each kind."""
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


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


class TestTrain:
    def test_model_is_a_pipeline_that_says_what_it_saw(self, model, capsys):
        pipeline = load_model(model)
        assert isinstance(pipeline[0], SpectrogramTransformer)
        assert isinstance(pipeline[1], CNNClassifier)
        training = pipeline[1].training_
        assert training["complete"]
        (part,) = training["parts"]
        assert part["n_patients"] > part["n_held_out"] > 0
        assert sum(part["class_counts"].values()) == part["n_recordings"] < 80
        assert part["version"] == __version__

    def test_does_not_overwrite_unless_told(self, folders, model, capsys):
        before = model.read_bytes()
        arguments = ["train", "folder", str(folders), "-o", str(model)]
        assert main(arguments) == 2
        assert "pass --force" in capsys.readouterr().err
        assert model.read_bytes() == before

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--epochs", "0"], "epochs must be a positive integer, got 0"),
            (
                ["--hold-out", "0.9"],
                "--hold-out must be a positive number",
            ),
            (
                ["--classes", "normal", "click"],
                "--classes must name labels of",
            ),
            (["--classes", "normal"], "of two classes at least, got only 'normal'"),
            (["--rename", "click=normal"], "--rename must name labels of the corpus"),
            (["--loss", "nothing"], "loss must be"),
            (["--patient-pattern", "^(XX)"], "finds no patient in the name of"),
            (["--target", "murmur"], "--target is for circor2022 only"),
        ],
    )
    def test_errors_leave_nothing(self, folders, tmp_path, capsys, arguments, message):
        output = tmp_path / "model.skheart"
        code = main(["train", "folder", str(folders), "-o", str(output), *arguments])
        captured = capsys.readouterr()
        assert code == 2
        assert message in captured.err
        assert captured.err.count("skheart: error:") == 1
        assert not list(tmp_path.iterdir())

    def test_broken_recordings_are_all_named_or_skipped(
        self, broken, folders, tmp_path, capsys
    ):
        home = tmp_path / "home"
        for word in ("normal", "murmur"):
            (home / word).mkdir(parents=True)
            for source in sorted((folders / word).iterdir())[:3]:
                (home / word / source.name).write_bytes(source.read_bytes())
        for name in ("text.wav", "nan.wav"):
            (home / "normal" / name).write_bytes((broken / name).read_bytes())
        output = tmp_path / "model.skheart"
        arguments = ["train", "folder", str(home), "-o", str(output), "--epochs", "1"]
        arguments += ["--hold-out", "0", "-q"]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "2 of 8 recordings cannot be used" in error
        assert "text.wav" in error
        assert "nan.wav" in error
        assert not output.exists()
        assert main([*arguments, "--skip-unusable"]) == 0
        assert (
            "2 recordings could not be used and were left out"
            in capsys.readouterr().out
        )
        assert load_model(output)[1].training_["parts"][0]["n_recordings"] == 6

    def test_skipped_files_are_named(self, folders, tmp_path, capsys):
        home = copied(folders, tmp_path / "home", n=60)
        for number in range(5):
            (home / "normal" / f"phone{number}.m4a").write_bytes(b"no sound")
        arguments = ["train", "folder", str(home), "-o", str(tmp_path / "m.skheart")]
        assert main([*arguments, "--epochs", "1", "-q"]) == 0
        error = capsys.readouterr().err
        assert "files that were skipped: 5" in error
        assert "phone0.m4a" in error
        assert "and 2 more" in error

    def test_missing_corpus_says_where_to_get_it(self, tmp_path, capsys):
        code = main(
            ["train", "pascal", str(tmp_path), "-o", str(tmp_path / "m.skheart")]
        )
        assert code == 2
        error = capsys.readouterr().err
        assert str(tmp_path) in error
        assert "http://www.peterjbentley.com/heartchallenge" in error

    @pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
    def test_interrupt_leaves_nothing(self, folders, tmp_path, by):
        output = tmp_path / "model.skheart"
        command = [sys.executable, "-m", "skheart", "train", "folder"]
        command += [str(folders), "-o", str(output), "--epochs", "100000"]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            # What is started in the background is born deaf to Ctrl+C.
            preexec_fn=lambda: signal.signal(by, signal.SIG_DFL),
        )
        try:
            deadline = time.monotonic() + 120
            while not any(tmp_path.iterdir()):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.send_signal(by)
            _, error = process.communicate(timeout=120)
        finally:
            process.kill()
        assert process.returncode == 130
        assert "skheart: interrupted" in error
        assert not list(tmp_path.iterdir())


class TestPredict:
    def test_rows_in_order_and_broken_ones_lose_nothing(
        self, model, folders, broken, tmp_path, capsys
    ):
        good = sorted(map(str, (folders / "murmur").iterdir()))[:2]
        bad = sorted(map(str, broken.iterdir()))
        given = [good[0], *bad, str(tmp_path / "absent.wav"), str(tmp_path), good[1]]
        assert main(["predict", "--model", str(model), *given]) == 1
        captured = capsys.readouterr()
        rows = rows_of(captured.out)
        assert [row["recording"] for row in rows] == given
        assert list(rows[0]) == [
            "recording",
            "prediction",
            "probability_murmur",
            "probability_normal",
            "error",
        ]
        for row in (rows[0], rows[-1]):
            assert row["error"] == ""
            murmur, normal = (
                float(row["probability_murmur"]),
                float(row["probability_normal"]),
            )
            assert murmur + normal == pytest.approx(1, abs=1e-5)
            assert row["prediction"] == ("murmur" if murmur > normal else "normal")
        for row in rows[1:-1]:
            assert os.path.basename(row["recording"]) in row["error"]
            assert row["prediction"] == row["probability_murmur"] == ""
        errors = {os.path.basename(row["recording"]): row["error"] for row in rows}
        assert "is an empty file" in errors["empty.wav"]
        assert "is truncated" in errors["cut.wav"]
        assert "is silent" in errors["silent.wav"]
        assert "NaN" in errors["nan.wav"]
        assert "sample rate of 1000 Hz" in errors["slow.wav"]
        assert "There is no file" in errors["absent.wav"]
        assert f"{len(bad) + 2} of {len(given)} recordings" in captured.err

    def test_same_as_the_pipeline(self, model, folders, capsys):
        paths = sorted(map(str, (folders / "normal").iterdir()))[:3]
        assert main(["predict", "--model", str(model), "--format", "json", *paths]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        rows = json.loads(captured.out)
        expected = load_model(model).predict_proba(paths)
        got = [[row["probability_murmur"], row["probability_normal"]] for row in rows]
        np.testing.assert_allclose(got, expected, atol=1e-6)

    def test_output_file_and_odd_names(self, model, folders, tmp_path, capsys):
        source = next((folders / "normal").iterdir())
        odd = tmp_path / 'a, "b"\nc.wav'
        odd.write_bytes(source.read_bytes())
        output = tmp_path / "answers.csv"
        assert (
            main(["predict", "--model", str(model), "-o", str(output), str(odd)]) == 0
        )
        assert capsys.readouterr().out == ""
        with output.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["recording"] for row in rows] == [str(odd)]

    def test_name_that_is_not_utf8(self, model, folders, tmp_path):
        source = sorted((folders / "normal").iterdir())[0]
        odd = os.fsencode(tmp_path) + b"/bad\xffname.wav"
        with open(odd, "wb") as file:
            file.write(source.read_bytes())
        command = [sys.executable, "-m", "skheart", "predict", "--model", model]
        output = tmp_path / "out.csv"
        for arguments in ([], ["-o", str(output)]):
            done = subprocess.run(
                [*command, *arguments, odd, source],
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr
            table = (
                done.stdout if not arguments else (tmp_path / "out.csv").read_bytes()
            )
            assert [line.split(b",")[0] for line in table.splitlines()[1:]] == [
                odd,
                os.fsencode(source),
            ]

    @pytest.mark.parametrize("kind", ["absent", "folder", "text", "other", "linear"])
    def test_wrong_models(self, kind, tmp_path, folders, capsys):
        path = tmp_path / "model.joblib"
        if kind == "folder":
            path.mkdir()
        elif kind == "text":
            path.write_text("not a model")
        elif kind == "other":
            joblib.dump({"a": 1}, path)
        elif kind == "linear":
            flat = SpectrogramTransformer(flatten=True, duration=1.0)
            rng = np.random.default_rng(0)
            pipeline = make_pipeline(flat, LinearSVC())
            joblib.dump(pipeline.fit(rng.normal(size=(4, 2000)), [0, 0, 1, 1]), path)
        recording = str(next((folders / "normal").iterdir()))
        arguments = ["predict", "--allow-pickle", "--model", str(path), recording]
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert str(path) in captured.err
        assert captured.out == ""

    @pytest.mark.parametrize("name", ["x.skheart", "x.joblib", "x", "x.pkl", "x.onnx"])
    @pytest.mark.parametrize(
        "command", ["predict", "weights", "models", "evaluate", "export"]
    )
    def test_pickles_are_never_run_unasked(self, tmp_path, capsys, name, command):
        class Runs:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "ran"),)

        path = tmp_path / name
        joblib.dump(Runs(), path)
        arguments = {
            "predict": ["predict", "--model", str(path), "a.wav"],
            "weights": [
                *("train", "folder", str(tmp_path), "--weights", str(path)),
                *("-o", str(tmp_path / "out.skheart")),
            ],
            "models": ["models", str(path)],
            "evaluate": ["evaluate", "--model", str(path), "folder", str(tmp_path)],
            "export": [
                "export",
                "--model",
                str(path),
                "--onnx",
                str(tmp_path / "out.onnx"),
            ],
        }[command]
        assert main(arguments) == 2
        assert not (tmp_path / "ran").exists()
        captured = capsys.readouterr()
        assert str(path) in captured.err + captured.out
        if name == "x.joblib":
            assert "pass --allow-pickle" in captured.err


class TestEvaluate:
    def test_scores_the_patients_held_out(self, model, folders, capsys):
        arguments = ["evaluate", "--model", str(model), "folder", str(folders)]
        assert main([*arguments, "--format", "json", "--quiet"]) == 0
        report = json.loads(capsys.readouterr().out)
        (part,) = load_model(model)[1].training_["parts"]
        assert report["n_patients"] == part["n_held_out"]
        assert report["n_recordings"] == 80 - part["n_recordings"]
        assert report["positive"] == "murmur"
        value, low, high = (report["auroc"][name] for name in ("value", "low", "high"))
        assert 0 <= low <= value <= high <= 1
        assert report["seen"] == "unseen"
        assert report["n_left_out"] == part["n_recordings"]
        assert main([*arguments, "--quiet"]) == 0
        text = capsys.readouterr().out
        assert f"AUROC by recording   {value:.3f}" in text
        assert "none of which the model was trained on" in text

    def test_says_when_all_patients_were_seen(self, folders, tmp_path, capsys):
        path = str(tmp_path / "all.skheart")
        pattern = ["--patient-pattern", "^([^_]+)_"]
        arguments = ["train", "folder", str(folders), "-o", path, "--hold-out", "0"]
        assert main([*arguments, "--epochs", "1", "-q", *pattern]) == 0
        assert main(["evaluate", "--model", path, "folder", str(folders), "-q"]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert "ALL OF WHICH THE MODEL WAS TRAINED ON" in text

    def test_other_words_are_renamed(self, model, folders, tmp_path, capsys):
        (tmp_path / "Present").symlink_to(folders / "murmur")
        (tmp_path / "Absent").symlink_to(folders / "normal")
        arguments = ["evaluate", "--model", str(model), "folder", str(tmp_path), "-q"]
        arguments += ["--format", "json"]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "does not know Absent, Present" in error
        assert "--rename Present=murmur" in error
        renaming = ["--rename", "Present=murmur", "Absent=normal"]
        assert main([*arguments, *renaming]) == 0
        report = json.loads(capsys.readouterr().out)
        # The same recordings in another folder are recognised.
        assert report["seen"] == "unseen"
        assert report["n_recordings"] == 80 - report["n_left_out"] < 80
        assert report["positive"] == "murmur"

    def test_positive_class_can_be_chosen(self, model, folders, capsys):
        arguments = ["evaluate", "--model", str(model), "folder", str(folders), "-q"]
        arguments += ["--format", "json"]
        assert main(arguments) == 0
        murmur = json.loads(capsys.readouterr().out)
        assert main([*arguments, "--positive", "normal"]) == 0
        normal = json.loads(capsys.readouterr().out)
        assert normal["positive"] == "normal"
        assert normal["sensitivity"]["normal"] == murmur["specificity"]["murmur"]
        assert normal["auroc"]["value"] == pytest.approx(murmur["auroc"]["value"])
        assert main([*arguments, "--positive", "click"]) == 2
        assert "--positive must be one of" in capsys.readouterr().err

    def test_few_patients_have_no_interval(self, model, folders, tmp_path, capsys):
        for word in ("normal", "murmur"):
            (tmp_path / word).mkdir()
            source = sorted((folders / word).iterdir())[0]
            (tmp_path / word / f"x{word}_1.wav").write_bytes(source.read_bytes())
        arguments = ["evaluate", "--model", str(model), "folder", str(tmp_path), "-q"]
        assert main([*arguments, "--patient-pattern", "^x([a-z]+)"]) == 0
        assert "too few patients for an interval" in capsys.readouterr().out
        assert main([*arguments, "--patient-pattern", "(x)"]) == 0
        assert "undefined, because there is only one class" in capsys.readouterr().out
        single = [*arguments, "--patient-pattern", "(x)", "--format", "json"]
        assert main(single) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["patient_auroc"] == {"value": None, "low": None, "high": None}

    def test_rates_of_a_class_that_is_absent_are_undefined(
        self, model, folders, tmp_path, capsys
    ):
        home = copied(folders, tmp_path, rename=lambda name: f"x{name}")
        for path in (home / "normal").iterdir():
            path.unlink()
        arguments = ["evaluate", "--model", str(model), "folder", str(home), "-q"]
        assert main(arguments) == 0
        assert re.search(
            r"murmur: sensitivity \d\.\d{3}, specificity undefined\n",
            capsys.readouterr().out,
        )
        assert main([*arguments, "--format", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["specificity"] == {"murmur": None}
        assert report["auroc"] == {"value": None, "low": None, "high": None}


class TestSpectrogram:
    def test_draws(self, folders, tmp_path, capsys):
        from matplotlib.image import imread

        recording = str(next((folders / "murmur").iterdir()))
        output = tmp_path / "picture.png"
        assert main(["spectrogram", recording, "-o", str(output)]) == 0
        picture = imread(output)
        assert picture.shape[0] > 300
        assert picture[..., :3].std() > 0.1

    def test_only_png(self, folders, tmp_path, capsys):
        recording = str(next((folders / "murmur").iterdir()))
        assert main(["spectrogram", recording, "-o", str(tmp_path / "a.jpg")]) == 2
        assert "-o must name a file that ends in .png" in capsys.readouterr().err

    def test_errors_leave_nothing(self, broken, tmp_path, capsys):
        output = tmp_path / "picture.png"
        arguments = ["spectrogram", str(broken / "text.wav"), "-o", str(output)]
        assert main(arguments) == 2
        assert "text.wav" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


class TestProgram:
    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "skheart", *arguments],
            capture_output=True,
            text=True,
        )

    def test_help_and_version_need_no_tensorflow(self):
        program = (
            "import sys\n"
            "from skheart.cli.main import main\n"
            "try:\n"
            "    main(sys.argv[1:])\n"
            "except SystemExit as stop:\n"
            "    assert stop.code == 0\n"
            "assert not {'tensorflow', 'librosa', 'sklearn'} & set(sys.modules)\n"
        )
        helps = ([command, "--help"] for command in COMMANDS)
        for arguments in (["--help"], ["--version"], *helps):
            done = subprocess.run(
                [sys.executable, "-c", program, *arguments],
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout

    def test_usage_errors(self):
        for arguments in (
            [],
            ["predict"],
            ["cure"],
            ["train", "mitbih", "x", "-o", "y"],
        ):
            done = self.run(*arguments)
            assert done.returncode == 2
            assert done.stderr.startswith("usage: skheart")

    def test_output_holds_rows_only(self, model, folders):
        recording = str(next((folders / "normal").iterdir()))
        done = self.run("predict", "--model", str(model), recording)
        assert done.returncode == 0
        assert done.stderr == ""
        assert len(rows_of(done.stdout)) == 1


@pytest.mark.slow
def test_demo(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "AUROC on the held-out patients" in text
    assert "reloaded, it predicts the same" in text
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["model.skheart", "roc.png", "spectrogram.png"]


@pytest.mark.parametrize("corpus", ["pascal", "circor2022-official-sample"])
def test_real_recordings(shared_data, tmp_path, capsys, corpus):
    """Train, evaluate and predict on a published corpus."""
    model = str(tmp_path / "model.skheart")
    home = str(shared_data / corpus)
    name, options = "pascal", ["--classes", "normal", "murmur"]
    if corpus != "pascal":
        name, options = "circor2022", ["--classes", "Absent", "Present"]
        options += ["--hold-out", "0"]
    arguments = ["train", name, home, "-o", model, "--epochs", "2", "-q", *options]
    assert main(arguments) == 0
    assert main(["evaluate", "--model", model, name, home, "-q"]) == 0
    text = capsys.readouterr().out
    assert "AUROC by recording" in text
    files = sorted((shared_data / corpus).rglob("*.[fw][la][av]*"))[:3]
    assert len(files) == 3
    assert main(["predict", "--model", model, *map(str, files)]) == 0
    assert [row["recording"] for row in rows_of(capsys.readouterr().out)] == [
        str(file) for file in files
    ]


class TestCache:
    def test_counts_bounds_and_clears(self, tmp_path, capsys):
        sounds = make_heart_sounds(5, duration=(1.0, 2.0), random_state=0)
        SpectrogramTransformer(duration=2.0, cache=tmp_path).transform(sounds.data)
        sizes = sorted(path.stat().st_size for path in tmp_path.glob("*/*.npy"))
        assert main(["cache", str(tmp_path)]) == 0
        expected = f"5 spectrograms, {sum(sizes) / 1e6:.1f} MB\n"
        assert capsys.readouterr().out == expected
        most = str(sizes[-1] * 2.5 / 1e6)
        assert main(["cache", str(tmp_path), "--max-megabytes", most]) == 0
        left = SpectrogramCache(tmp_path).contents()
        assert 0 < left.n_bytes < sizes[-1] * 2.5
        assert f"Removed {5 - left.n_spectrograms} spec" in capsys.readouterr().out
        assert main(["cache", str(tmp_path), "--max-megabytes", "0"]) == 0
        assert capsys.readouterr().out.endswith("0 spectrograms, 0.0 MB\n")

    def test_errors(self, tmp_path, capsys):
        assert main(["cache", str(tmp_path / "none")]) == 2
        assert "There is no folder" in capsys.readouterr().err
        assert main(["cache", str(tmp_path), "--max-megabytes", "-1"]) == 2
        assert "--max-megabytes must be" in capsys.readouterr().err


# What a model says of the recordings that it was trained on ---------------------------

PATTERN = ["--patient-pattern", "^([^_]+)_"]


def evaluated(model, home, capsys, *arguments):
    """Run ``skheart evaluate`` and return its report."""
    command = ["evaluate", "--model", str(model), "folder", str(home), "-q"]
    assert main([*command, "--format", "json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def copied(folders, home, *, rename=str, n=None):
    """Copy the recordings into other class folders."""
    for path in sorted(folders.glob("*/*.wav"))[:n]:
        target = home / path.parent.name / rename(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return home


class TestProvenance:
    def test_a_copied_folder_with_other_names_is_recognised(
        self, model, folders, tmp_path, capsys
    ):
        expected = evaluated(model, folders, capsys)
        home = copied(folders, tmp_path / "copy")
        assert evaluated(model, home, capsys) == expected
        home = copied(folders, tmp_path / "odd", rename=lambda name: f"z{name}")
        assert evaluated(model, home, capsys) == expected

    def test_another_pattern_is_not_known(self, model, folders, capsys):
        report = evaluated(model, folders, capsys, "--patient-pattern", "_([0-9]+)")
        assert report["seen"] == "unknown"
        assert report["n_left_out"] > 50

    def test_new_recordings_are_not_known(self, model, tmp_path, capsys):
        sounds = make_heart_sounds(8, murmur_level=(-15.0, -8.0), random_state=9)
        for number, (sound, word) in enumerate(
            zip(sounds.data, sounds.target, strict=True)
        ):
            (tmp_path / word).mkdir(exist_ok=True)
            soundfile.write(tmp_path / word / f"p001_{number}.wav", sound, 2000)
        report = evaluated(model, tmp_path, capsys)
        assert (report["seen"], report["n_left_out"]) == ("unknown", 0)

    def test_without_patients_independence_is_not_known(
        self, folders, tmp_path, capsys
    ):
        path = tmp_path / "m.skheart"
        home = copied(folders, tmp_path / "home", n=60)
        arguments = ["train", "folder", str(home), "-o", str(path), "-q"]
        assert main([*arguments, "--epochs", "1"]) == 0
        assert "Each recording was counted as a patient" in capsys.readouterr().out
        report = evaluated(path, home, capsys)
        assert (report["seen"], report["has_patients"]) == ("unknown", False)
        assert report["n_left_out"] == 60 - report["n_recordings"] > 0

    def test_what_the_start_has_seen_is_seen(self, model, folders, tmp_path, capsys):
        home = copied(folders, tmp_path / "new", rename=lambda name: f"n{name}")
        for path in home.glob("*/*.wav"):
            waveform, rate = soundfile.read(path)
            soundfile.write(path, waveform[: len(waveform) // 2], rate)
        tuned = tmp_path / "tuned.skheart"
        arguments = ["train", "folder", str(home), "--weights", str(model), "-q"]
        arguments += ["-o", str(tuned), "--epochs", "1", *PATTERN]
        assert main(arguments) == 0
        capsys.readouterr()
        classifier = load_model(tuned)[1]
        assert classifier.learning_rate == 2e-4
        assert len(classifier.training_["parts"]) == 2
        before = evaluated(model, folders, capsys)
        after = evaluated(tuned, folders, capsys)
        assert after["n_left_out"] == before["n_left_out"]
        assert after["seen"] == "unseen"

    def test_a_start_that_is_not_recorded_makes_the_rest_unknown(
        self, model, folders, tmp_path, capsys
    ):
        pipeline = load_model(model)
        pipeline[1].training_ = {"parts": [], "complete": False}
        save_model(pipeline, tmp_path / "start.skheart")
        tuned = tmp_path / "tuned.skheart"
        arguments = ["train", "folder", str(folders), "-o", str(tuned), "-q", *PATTERN]
        arguments += ["--weights", str(tmp_path / "start.skheart"), "--epochs", "1"]
        assert main(arguments) == 0
        capsys.readouterr()
        assert evaluated(tuned, folders, capsys)["seen"] == "unknown"

    def test_renames_are_kept_and_the_printed_command_works(
        self, folders, tmp_path, capsys
    ):
        path = tmp_path / "my model.skheart"
        arguments = ["train", "folder", str(folders), "-o", str(path), "-q", *PATTERN]
        arguments += ["--rename", "murmur=sick", "normal=well", "--epochs", "1"]
        assert main(arguments) == 0
        printed = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
        name, *command = shlex.split(printed)
        assert name == "skheart"
        # The names of the classes do not show which is the positive one.
        assert main([*command, "-q"]) == 2
        assert "--positive must name the positive class" in capsys.readouterr().err
        assert main([*command, "-q", "--positive", "sick"]) == 0
        assert "none of which the model was trained on" in capsys.readouterr().out

    def test_model_files_hold_no_names_and_no_paths(self, model, folders):
        with zipfile.ZipFile(model) as archive:
            text = archive.read("model.json").decode()
        assert str(folders) not in text
        names = {path.name.split("_")[0] for path in folders.glob("*/*.wav")}
        assert not [name for name in names if name in text]

    def test_a_pattern_that_could_take_for_ever_is_not_used(
        self, model, folders, tmp_path, capsys
    ):
        pipeline = load_model(model)
        pipeline[1].training_["parts"][0]["patient_pattern"] = "^(p+)+$"
        save_model(pipeline, tmp_path / "m.skheart")
        arguments = ["evaluate", "--model", str(tmp_path / "m.skheart"), "folder"]
        assert main([*arguments, str(folders), "-q"]) == 2
        assert "pass it as --patient-pattern if you trust it" in capsys.readouterr().err

    def test_a_public_corpus_is_evaluated_without_renaming(self, shared_data, capsys):
        arguments = ["evaluate", "--model", "murmur", "circor2022", "-q"]
        home = shared_data / "circor2022-official-sample"
        assert main([*arguments, str(home), "--format", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["seen"] == "seen"
        assert report["positive"] == "murmur"


# Arguments ----------------------------------------------------------------------------


class TestArguments:
    def test_options_stand_between_recordings(self, model, folders, capsys):
        one, two = sorted(map(str, (folders / "murmur").iterdir()))[:2]
        assert main(["predict", one, "--model", str(model), "-q", two]) == 0
        rows = rows_of(capsys.readouterr().out)
        assert [row["recording"] for row in rows] == [one, two]

    def test_recordings_after_two_dashes(self, model, folders, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        source = next((folders / "murmur").iterdir())
        (tmp_path / "-a.wav").write_bytes(source.read_bytes())
        arguments = ["--model", str(model), "-o", "out.csv", "--", "-a.wav"]
        assert main(["predict", *arguments]) == 0
        (row,) = rows_of((tmp_path / "out.csv").read_text())
        assert row["recording"] == "'-a.wav"  # no formula for a spreadsheet

    @pytest.mark.parametrize("name", ["ft.joblib", "m.skheart", "m.ONNX", "pascal"])
    def test_a_model_is_no_recording(self, name, capsys):
        assert main(["predict", "a.wav", name]) == 2
        error = capsys.readouterr().err
        assert f"{name!r} is a model and not a recording; name it with --model" in error

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Nothing to write"),
            (["--onnx", "a.tflite"], "--onnx must name a file that ends in .onnx"),
            (["--litert", "a"], "--litert must name a file that ends in .tflite"),
            (["--onnx", "z", "--litert", "z"], "must name a file that ends in"),
            (["--onnx", "a.onnx", "--half"], "--half is for --litert only"),
            (["--onnx", "a.onnx", "--duration", "5"], "--duration is for --litert"),
            (["--onnx", "there.onnx"], "'there.onnx' exists; pass --force"),
        ],
    )
    def test_exports_that_make_no_sense(
        self, arguments, message, tmp_path, capsys, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "there.onnx").write_text("mine")
        assert main(["export", "--model", "murmur", *arguments]) == 2
        assert message in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
        assert (tmp_path / "there.onnx").read_text() == "mine"

    @pytest.mark.parametrize("command", ["predict", "spectrogram", "demo"])
    def test_files_are_replaced_with_force_only(
        self, command, folders, model, tmp_path, capsys
    ):
        recording = str(next((folders / "murmur").iterdir()))
        there = tmp_path / "model.skheart"
        arguments = {
            "predict": ["--model", str(model), recording, "-o", str(there)],
            "spectrogram": [recording, "-o", str(tmp_path / "a.png")],
            "demo": ["-o", str(tmp_path)],
        }[command]
        there = tmp_path / "a.png" if command == "spectrogram" else there
        there.write_text("mine")
        assert main([command, *arguments]) == 2
        assert f"{str(there)!r} exists; pass --force" in capsys.readouterr().err
        assert there.read_text() == "mine"
        if command != "demo":
            assert main([command, *arguments, "--force"]) == 0
            assert there.read_bytes() != b"mine"

    @pytest.mark.parametrize("option", ["--force", "--resume"])
    def test_foreign_files_in_a_checkpoint_are_kept(
        self, option, folders, tmp_path, capsys
    ):
        output = tmp_path / "m.skheart"
        folder = tmp_path / "m.skheart.checkpoint"
        folder.mkdir()
        (folder / "thesis.txt").write_text("mine")
        arguments = ["train", "folder", str(folders), "-o", str(output), option]
        assert main(arguments) == 2
        assert "but other files are in it" in capsys.readouterr().err
        assert (folder / "thesis.txt").read_text() == "mine"

    def test_help_names_the_defaults_of_the_estimators(self):
        parser = command_parser("train")
        text = " ".join(parser.format_help().split())
        defaults = {
            parameter.name: parameter.default
            for estimator in (SpectrogramTransformer, CNNClassifier)
            for parameter in inspect.signature(estimator).parameters.values()
        }
        options = parser.parse_args(["folder", "x", "-o", "y"])
        for name in (
            *("duration", "n_bands", "f_min", "f_max", "network", "epochs"),
            *("augment", "batch_size", "loss", "learning_rate"),
        ):
            assert getattr(options, name) is None
            flag = re.escape("--" + name.replace("_", "-"))
            said = re.search(rf" {flag} \S+ (?:(?! --).)*?\bdefault: ([\w.]+)", text)
            said = said or re.search(rf" {flag} \S+ (\w+) \(default\)", text)
            assert said[1].rstrip(".") == str(defaults[name]), name

    def test_network_goes_without_weights(self, folders, tmp_path, capsys):
        arguments = ["train", "folder", str(folders), "-o", str(tmp_path / "m.skheart")]
        arguments += ["--weights", "murmur", "--network", "compact"]
        assert main(arguments) == 2
        assert "--network cannot be changed with --weights" in capsys.readouterr().err


class TestModels:
    def test_describes_a_model_file(self, model, capsys):
        assert main(["models", str(model)]) == 0
        text = capsys.readouterr().out
        assert "classes: murmur, normal" in text
        assert re.search(r"trained on: folder, \d+ recordings of \d+ patients", text)
        assert f"skheart {__version__}" in text
        assert main(["models", str(model), "--format", "json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["training"]["complete"]
        assert facts["bytes"] == model.stat().st_size
        assert facts["spectrogram"]["f_max"] == 900
        assert facts["n_parameters"] > 1000

    def test_describes_an_onnx_file(self, model, tmp_path, capsys):
        path = tmp_path / "m.onnx"
        assert main(["export", "--model", str(model), "--onnx", str(path)]) == 0
        capsys.readouterr()
        assert main(["models", str(path)]) == 0
        text = capsys.readouterr().out
        assert "classes: murmur, normal" in text
        assert "trained on: not recorded" in text
        assert f"skheart {__version__}" in text


# The output ---------------------------------------------------------------------------


def run(*command, **settings):
    return subprocess.run(
        [sys.executable, "-m", "skheart", *map(str, command)],
        capture_output=True,
        **settings,
    )


class TestOutput:
    def test_json_has_null_for_what_is_absent(self, model, folders, broken, capsys):
        good, bad = next((folders / "normal").iterdir()), broken / "text.wav"
        arguments = ["predict", "--model", str(model), "--format", "json"]
        assert main([*arguments, str(good), str(bad)]) == 1
        one, other = json.loads(capsys.readouterr().out)
        assert one["error"] is None
        assert other["prediction"] is other["probability_murmur"] is None
        assert "text.wav" in other["error"]

    def test_probabilities_that_are_not_finite_are_errors(
        self, model, folders, tmp_path, capsys
    ):
        pipeline = load_model(model)
        weights = pipeline[1].model_.get_weights()
        pipeline[1].model_.set_weights([np.full_like(w, 1e30) for w in weights])
        path, recording = tmp_path / "m.skheart", next((folders / "normal").iterdir())
        save_model(pipeline, path)
        arguments = ["predict", "--model", str(path), "--format", "json"]
        assert main([*arguments, str(recording)]) == 1
        (row,) = json.loads(capsys.readouterr().out)
        assert "NaN or infinite logits" in row["error"]
        assert row["prediction"] is row["probability_murmur"] is None

    def test_cells_are_no_formulas(self):
        names = ["=cmd|' /C calc'!A0", "+1", "-1", "@a", "\tx", "ok", "\ud800"]
        rows = prediction_rows(
            names,
            np.full((7, 2), 0.5),
            np.full(7, "", dtype=object),
            np.array(["=a", "b"]),
        )
        table = rows_of(rows_text(rows, "csv").encode().decode())
        got = [row["recording"] for row in table]
        assert got == [*(f"'{name}" for name in names[:5]), "ok", "\ufffd"]
        assert {row["prediction"] for row in table} == {"'=a"}
        assert [
            row["recording"] for row in json.loads(rows_text(rows, "json"))
        ] == names

    def test_a_name_that_the_terminal_cannot_show_loses_no_row(
        self, model, folders, tmp_path
    ):
        odd = tmp_path / "Herzgeräusch ♥.wav"
        odd.write_bytes(next((folders / "normal").iterdir()).read_bytes())
        done = run(
            *("predict", "--model", model, odd),
            env=os.environ | {"PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0, done.stderr
        assert [row["recording"] for row in rows_of(done.stdout.decode())] == [str(odd)]

    def test_messages_stay_out_of_the_rows(self, model, folders, broken):
        paths = [next((folders / "normal").iterdir()), broken / "text.wav"]
        command = shlex.join([sys.executable, "-m", "skheart", "predict", "--model"])
        names = shlex.join(map(str, [model, *paths]))
        done = subprocess.run(
            f"{command} {names} 2>&-", shell=True, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert len(done.stdout.splitlines()) == 3
        assert "skheart:" not in done.stdout

    def test_native_messages_stay_out_of_the_rows(self):
        program = (
            "import ctypes, sys\n"
            "from skheart.cli.quiet import quiet_stdout\n"
            "print('before')\n"
            "with quiet_stdout():\n"
            "    ctypes.CDLL(None).printf(b'Error A : 7E\\n')\n"
            "print('after')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True
        )
        assert (done.stdout, done.stderr) == ("before\nafter\n", "")

    def test_a_reader_that_stops_is_no_error(self):
        command = shlex.join([sys.executable, "-m", "skheart", "models", "murmur"])
        done = subprocess.run(
            ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() in ("0", "141")
        assert done.stderr == ""

    def test_without_docstrings(self, model, folders):
        recording = next((folders / "normal").iterdir())
        optimized = os.environ | {"PYTHONOPTIMIZE": "2"}
        for command in (["--help"], ["predict", "--model", model, recording]):
            done = run(*command, env=optimized)
            assert done.returncode == 0, done.stderr
            assert done.stdout

    def test_a_pipe_is_written_to(self, model, folders, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        recording = next((folders / "normal").iterdir())
        cat = ["cat", str(pipe)]
        with subprocess.Popen(cat, stdout=subprocess.PIPE, text=True) as reader:
            try:
                done = run("predict", "--model", model, recording, "-o", pipe)
                assert done.returncode == 0, done.stderr
                assert pipe.is_fifo()
                assert len(rows_of(reader.communicate(timeout=60)[0])) == 1
            finally:
                reader.kill()


def endless_onnx(source, target):
    """Write a copy of an exported model that computes for ever."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(source)
    condition = helper.make_tensor_value_info("condition", TensorProto.BOOL, [])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["condition_out"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            condition,
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("condition_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    name = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["endless" if x == name else x for x in node.output]
    for key, kind, value in (("n", TensorProto.INT64, 2**62), ("go", 9, True)):
        model.graph.initializer.append(helper.make_tensor(key, kind, [], [value]))
    model.graph.node.append(
        helper.make_node("Loop", ["n", "go", "endless"], [name], body=body)
    )
    onnx.save(model, target)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_native_code(model, folders, tmp_path, by):
    assert main(["export", "--model", str(model), "--onnx", f"{tmp_path}/m.onnx"]) == 0
    endless_onnx(tmp_path / "m.onnx", tmp_path / "endless.onnx")
    recording = next((folders / "normal").iterdir())
    command = [sys.executable, "-m", "skheart", "predict", str(recording)]
    process = subprocess.Popen(
        [*command, "--model", str(tmp_path / "endless.onnx")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(by, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        # It has computed for longer than all else takes: it is in the loop.
        while cpu_seconds(process.pid) < 10:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(by)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "skheart: interrupted" in error


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
