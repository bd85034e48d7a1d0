"""Test the loaders of the corpora on the real corpora and on small folders."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skheart.datasets import (
    CORPORA,
    CORPUS_INFO,
    load_cinc2016,
    load_circor2022,
    load_pascal,
    read_segmentation,
)
from skheart.datasets.cinc2016_codes import CODES


def touch(path: Path) -> None:
    """Create a file that is not empty; the loaders do not read sound files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def groups_of(patients, groups) -> dict[str, set[str]]:
    """Return the groups in which each patient appears."""
    found = defaultdict(set)
    for patient, group in zip(patients, groups, strict=True):
        found[patient].add(group)
    return found


# All corpora


def test_every_corpus_has_a_loader_and_a_description():
    assert list(CORPORA) == list(CORPUS_INFO) == ["pascal", "cinc2016", "circor2022"]
    for name, info in CORPUS_INFO.items():
        assert info.name == name
        for text in (info.title, info.homepage, info.citation, info.licence):
            assert text in info.describe()
        assert info.homepage.startswith("http")


@pytest.mark.parametrize("name", list(CORPORA))
def test_bunch_has_one_entry_per_recording(shared_data, name):
    bunch = CORPORA[name](shared_data / name, as_frame=True)
    n_recordings = len(bunch.data)
    assert bunch.data.shape == bunch.target.shape == bunch.groups.shape
    assert len(bunch.frame) == n_recordings == len(set(bunch.data))
    assert all(type(path) is str for path in bunch.data)
    assert all(Path(path).is_file() for path in bunch.data)
    stems = [Path(path).stem for path in bunch.data]
    assert bunch.frame["recording"].tolist() == stems
    assert bunch.target_names.tolist() == sorted(set(bunch.target.tolist()))
    assert CORPUS_INFO[name].citation in bunch.DESCR
    assert not any(group.endswith("-") or not group for group in bunch.groups)


@pytest.mark.parametrize("name", list(CORPORA))
def test_parent_folder_and_kinds_of_frames(shared_data, name):
    first = CORPORA[name](shared_data / name, as_frame=True)
    second = CORPORA[name](str(shared_data), as_frame=False)
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.groups, second.groups)
    assert type(second.frame) is dict
    assert list(first.frame.columns) == list(second.frame)
    for key, values in second.frame.items():
        assert values.shape == second.data.shape
        np.testing.assert_array_equal(first.frame[key].to_numpy(values.dtype), values)


@pytest.mark.parametrize("name", list(CORPORA))
def test_folder_without_the_corpus(tmp_path, name):
    info = CORPUS_INFO[name]
    with pytest.raises(FileNotFoundError, match=r"data_home must be the folder") as got:
        CORPORA[name](tmp_path)
    assert info.homepage in str(got.value)
    assert str(tmp_path) in str(got.value)
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        CORPORA[name](tmp_path / "nowhere")
    with pytest.raises(TypeError, match=r"data_home must be the path .* got None"):
        CORPORA[name](None)


def test_frame_without_pandas(tmp_path, monkeypatch):
    touch(tmp_path / "set_a" / "normal__201101070538.wav")
    monkeypatch.setitem(sys.modules, "pandas", None)
    bunch = load_pascal(tmp_path, subsets="a")
    assert type(bunch.frame) is dict
    assert bunch.frame["subset"].tolist() == ["a"]
    with pytest.raises(ImportError, match=r"pip install 'skheart\[pandas\]'"):
        load_pascal(tmp_path, subsets="a", as_frame=True)


def test_as_frame_is_checked(tmp_path):
    touch(tmp_path / "set_a" / "normal__201101070538.wav")
    with pytest.raises(ValueError, match=r"as_frame must be .*got 'yes'"):
        load_pascal(tmp_path, subsets="a", as_frame="yes")


def test_loading_imports_nothing_heavy(tmp_path):
    touch(tmp_path / "set_a" / "normal__201101070538.wav")
    code = (
        "import sys, skheart.datasets as d\n"
        "assert 'sklearn' not in sys.modules\n"
        f"d.load_pascal({str(tmp_path)!r}, subsets='a', as_frame=False)\n"
        "heavy = {'tensorflow', 'keras', 'librosa', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# PASCAL


def test_pascal_counts(shared_data):
    bunch = load_pascal(shared_data / "pascal", unlabelled=True)
    assert Counter(bunch.target.tolist()) == {
        "artifact": 40,
        "extrahls": 19,
        "extrasystole": 46,
        "murmur": 129,
        "normal": 351,
        "unlabelled": 247,
    }
    assert len(load_pascal(shared_data / "pascal").data) == 832 - 247
    assert bunch.data.tolist() == sorted(bunch.data)


def test_pascal_names_agree_with_the_csv_files(shared_data):
    bunch = load_pascal(shared_data / "pascal", unlabelled=True, as_frame=False)
    rows = {
        row["fname"]: row
        for subset in "ab"
        for row in table(shared_data / "pascal" / f"set_{subset}.csv")
    }
    assert set(bunch.frame["fname"]) == set(rows)
    listed = [rows[fname] for fname in bunch.frame["fname"]]
    spelling = {"extrastole": "extrasystole", "": "unlabelled"}
    labels = [spelling.get(row["label"], row["label"]) for row in listed]
    assert labels == bunch.target.tolist()
    noisy = [row["sublabel"].startswith("noisy") for row in listed]
    assert noisy == bunch.frame["noisy"].tolist()
    assert [row["dataset"] for row in listed] == bunch.frame["subset"].tolist()


def test_pascal_patients_stay_together(shared_data):
    bunch = load_pascal(shared_data / "pascal", unlabelled=True)
    stems = [Path(path).stem for path in bunch.data]
    people = [
        (subset, stem.split("_")[2])
        for subset, stem in zip(bunch.frame["subset"], stems, strict=True)
    ]
    found = groups_of(people, bunch.groups)
    assert all(len(groups) == 1 for groups in found.values())
    assert len(set(bunch.groups)) == len(found)
    assert sum(subset == "b" for subset, _ in found) == 171


def test_pascal_sounds_published_under_two_labels_share_a_group(shared_data):
    bunch = load_pascal(shared_data / "pascal", subsets="a")
    twice = [i for i, path in enumerate(bunch.data) if "201104021355" in path]
    first, second = (soundfile.read(bunch.data[i])[0] for i in twice)
    assert np.corrcoef(first, second)[0, 1] > 0.999
    assert bunch.target[twice].tolist() == ["extrahls", "murmur"]
    assert bunch.groups[twice].tolist() == ["a-201104021355"] * 2


def test_pascal_locations(shared_data):
    frame = load_pascal(shared_data / "pascal", as_frame=True).frame
    in_b = frame["subset"] == "b"
    assert set(frame["location"][in_b]) == set("ABCDEF")
    assert set(frame["location"][~in_b]) == {""}
    row = frame[frame["recording"] == "murmur_noisymurmur_162_1307101835989_B_1"].iloc[
        0
    ]
    assert (row["location"], row["repetition"]) == ("B", 1)
    assert (row["patient"], bool(row["noisy"])) == ("162", True)


def test_pascal_choices(shared_data):
    home = shared_data / "pascal"
    two = load_pascal(home, subsets="b", classes=("normal", "murmur"))
    assert two.target_names.tolist() == ["murmur", "normal"]
    assert set(two.frame["subset"]) == {"b"}
    assert len(two.data) == 66 + 29 + 200 + 120  # counted in set_b.csv
    with pytest.raises(ValueError, match=r"classes must be .* got 'extrastole'"):
        load_pascal(home, classes="extrastole")
    with pytest.raises(ValueError, match=r"subsets must be .* got 'c'"):
        load_pascal(home, subsets=("a", "c"))
    with pytest.raises(ValueError, match=r"subsets must be .* got none"):
        load_pascal(home, subsets=())
    with pytest.raises(ValueError, match="there is no recording of"):
        load_pascal(home, subsets="b", classes="artifact")


def test_pascal_as_wav_with_and_without_the_lists(shared_data, tmp_path):
    source = shared_data / "pascal"
    for path in load_pascal(source, subsets="b").data[:5]:
        (tmp_path / "set_b").mkdir(exist_ok=True)
        audio, sample_rate = soundfile.read(path, dtype="int16")
        target = tmp_path / "set_b" / f"{Path(path).stem}.wav"
        soundfile.write(target, audio, sample_rate, subtype="PCM_16")
        touch(target.with_name(f"._{target.name}"))
    bunch = load_pascal(tmp_path, subsets="b")
    assert len(bunch.data) == 5
    assert all(path.endswith(".wav") for path in bunch.data)
    assert set(bunch.target) == {"extrasystole"}
    shutil.copy(source / "set_b.csv", tmp_path)
    with pytest.raises(FileNotFoundError, match="651 of the 656 recordings listed"):
        load_pascal(tmp_path, subsets="b")
    with pytest.raises(FileNotFoundError, match="expected the folder set_a"):
        load_pascal(tmp_path)


def test_wav_is_preferred_to_flac_and_empty_files_are_missing(tmp_path):
    for suffix in (".flac", ".wav"):
        touch(tmp_path / "set_a" / f"normal__201101070538{suffix}")
    (tmp_path / "set_a" / "murmur__201101070539.wav").touch()
    bunch = load_pascal(tmp_path, subsets="a")
    assert [Path(path).name for path in bunch.data] == ["normal__201101070538.wav"]
    (tmp_path / "set_a.csv").write_text(
        "dataset,fname,label,sublabel\n"
        "a,set_a/normal__201101070538.wav,normal,\n"
        "a,set_a/murmur__201101070539.wav,murmur,\n"
    )
    with pytest.raises(FileNotFoundError, match=r"1 of the 2 .*murmur__201101070539"):
        load_pascal(tmp_path, subsets="a")


def test_pascal_strange_name(tmp_path):
    touch(tmp_path / "set_b" / "my_own_recording.wav")
    with pytest.raises(ValueError, match=r"named as in the corpus.*my_own_recording"):
        load_pascal(tmp_path, subsets="b")
    (tmp_path / "set_b" / "my_own_recording.wav").unlink()
    with pytest.raises(FileNotFoundError, match="expected WAV or FLAC files in set_b"):
        load_pascal(tmp_path, subsets="b")


# PhysioNet/CinC 2016


def test_cinc_reads_the_corrected_list(shared_data):
    bunch = load_cinc2016(shared_data / "cinc2016")
    assert len(bunch.data) == 2620
    per_database = Counter(bunch.frame["database"].tolist())
    assert per_database == {"a": 330, "b": 416, "c": 25, "d": 41, "e": 1723, "f": 85}
    assert Counter(bunch.target.tolist()) == {"normal": 2105, "abnormal": 515}
    good = load_cinc2016(shared_data / "cinc2016", quality="good")
    assert len(good.data) == (bunch.frame["quality"] == 1).sum() == 2370
    assert set(good.frame["quality"]) == {1}


def test_cinc_labels_agree_with_the_appendix(shared_data):
    home = shared_data / "cinc2016"
    bunch = load_cinc2016(home, as_frame=False)
    rows = table(home / "annotations" / "Online Appendix_training set.csv")
    names = {"-1": "normal", "1": "abnormal"}
    listed = {
        row["Challenge record name"]: names[row["Class (-1=normal 1=abnormal)"]]
        for row in rows
    }
    labels = [listed[name] for name in bunch.frame["recording"]]
    assert labels == bunch.target.tolist()


def test_cinc_patients_stay_together(shared_data):
    home = shared_data / "cinc2016"
    bunch = load_cinc2016(home, as_frame=False)
    rows = table(home / "annotations" / "Online Appendix_training set.csv")
    row_of = {row["Challenge record name"]: row for row in rows}
    subject, pieces = [], []
    for name, group in zip(bunch.frame["recording"], bunch.groups, strict=True):
        assert group[:2] == f"{name[0]}-"
        row = row_of[name]
        if name[0] == "b":
            subject.append((float(row["Subject ID"]), group))
        if name[0] == "e":
            key = row["Class (-1=normal 1=abnormal)"], float(row["# Raw record"])
            pieces.append((key, group))
    for pairs, n_groups in ((subject, 91), (pieces, 336)):
        found = groups_of(*zip(*pairs, strict=True))
        assert all(len(groups) == 1 for groups in found.values())
        assert len(found) == len({group for _, group in pairs}) == n_groups


def test_cinc_patients_of_known_records(shared_data):
    bunch = load_cinc2016(shared_data / "cinc2016", as_frame=False)
    patient = dict(zip(bunch.frame["original_name"], bunch.groups, strict=True))
    assert patient["C45S1"] == "a-C45"
    assert patient["S98f2_data"] == "b-98"
    assert patient["id17"] == "c-id17"
    assert patient["C014PRAU"] == patient["C014PRAU2"] == "d-C014PRAU"
    assert patient["42432"] == "d-42432"
    assert patient["a68-1"] == patient["a68-2"] == "f-a68"
    assert patient["e01430"] == "e-normal-198"


HEARD = ("arrhythmia", "murmur", "murmur_timing")
NOISES = ("respiration_noise", "ambient_noise", "recording_noise", "abdominal_noise")


def test_cinc_has_a_word_for_every_code_that_the_table_describes(shared_data):
    home = shared_data / "cinc2016"
    header = list(table(home / "annotations" / "Online Appendix_training set.csv")[0])
    assert list(CODES) == [*HEARD, *NOISES]
    for start, meanings in CODES.values():
        (name,) = [name for name in header if name.startswith(start)]
        assert set(re.findall(r"(\d+) ?=", name)) == set(meanings)


def test_cinc_words_of_experts(shared_data):
    frame = load_cinc2016(shared_data, databases=["a", "b"], as_frame=True).frame
    experts = frame[[*HEARD, *NOISES]]
    assert (experts[frame["database"] == "a"] == "").all(axis=None)
    b = frame[frame["database"] == "b"]
    assert Counter(b["arrhythmia"]) == {
        **{"none": 357, "one beat": 35, "medium": 5, "severe": 1, "": 18}
    }
    assert Counter(b["murmur"]) == {"none": 357, "weak": 39, "strong": 16, "unclear": 4}
    assert Counter(b["murmur_timing"]) == {"": 360, "systole": 50, "diastole": 6}
    early = b["arrhythmia"].isin(["one beat", "medium", "severe"])
    assert b[early].groupby("patient").ngroups == 23
    rows = b.set_index("recording")
    assert rows.loc["b0015", [*HEARD, *NOISES]].tolist() == [
        *("one beat", "none", "", "weak, under 4 s", "insignificant"),
        *("weak, over 4 s", "insignificant"),
    ]
    assert rows.loc["b0390", [*HEARD, *NOISES]].tolist() == [
        *("severe", "unclear", "", "", "", "", "under 2 s")
    ]
    assert rows.loc["b0315", "recording_noise"] == ""  # the code 1, not described


def test_cinc_one_database(shared_data):
    bunch = load_cinc2016(shared_data / "cinc2016", databases="d", as_frame=True)
    assert len(bunch.data) == 41
    assert set(bunch.frame["database"]) == {"d"}
    frame = load_cinc2016(shared_data / "cinc2016", databases="f", as_frame=True).frame
    assert set(frame["sex"]) == {"M", "F"}
    assert frame["age"].between(18, 100).sum() > 80
    with pytest.raises(ValueError, match=r"databases must be .* got 'g'"):
        load_cinc2016(shared_data / "cinc2016", databases=["a", "g"])
    with pytest.raises(
        ValueError, match=r"quality must be one of None, 'good', got 'bad'"
    ):
        load_cinc2016(shared_data / "cinc2016", quality="bad")


APPENDIX_HEADER = (
    "Challenge record name,Database,Original record name,Diagnosis,Gender,Age (year),"
    "Height (cm),Weight (kg),BMI,Subject ID,# Raw record,Transducer site on body,"
    "Recording state\n"
)


@pytest.fixture
def tiny_cinc(tmp_path):
    """Return a folder of three records of database a; the list contains two of them."""
    for name in ("a0001", "a0002", "a0003"):
        touch(tmp_path / "training-a" / f"{name}.wav")
    lists = tmp_path / "annotations" / "updated" / "training-a"
    lists.mkdir(parents=True)
    (lists / "REFERENCE_withSQI.csv").write_text("a0002,1,0\na0001,-1,1\n")
    (tmp_path / "annotations" / "Online Appendix_training set.csv").write_text(
        APPENDIX_HEADER
        + "a0001,training-a,C45S1,Normal ,,,,,,,,Left of apex ,\n"
        + "a0002,training-a,C45S2b,MVP,F,61.0,,,,,,,\n"
    )
    return tmp_path


def test_cinc_tiny(tiny_cinc):
    touch(tiny_cinc / "validation" / "a0001.wav")
    bunch = load_cinc2016(tiny_cinc, databases="a", as_frame=False)
    assert [Path(path).stem for path in bunch.data] == ["a0001", "a0002"]
    assert bunch.target.tolist() == ["normal", "abnormal"]
    assert bunch.groups.tolist() == ["a-C45", "a-C45"]
    assert bunch.frame["diagnosis"].tolist() == ["Normal", "MVP"]
    assert bunch.frame["location"].tolist() == ["Left of apex", ""]
    np.testing.assert_array_equal(bunch.frame["age"], [np.nan, 61.0])
    assert bunch.frame["arrhythmia"].tolist() == ["", ""]  # no such column


def test_cinc_incomplete(tiny_cinc):
    homepage = CORPUS_INFO["cinc2016"].homepage
    with pytest.raises(
        FileNotFoundError, match="expected the folder training-b"
    ) as got:
        load_cinc2016(tiny_cinc)
    assert homepage in str(got.value)
    (tiny_cinc / "training-a" / "a0002.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 2 recordings .*: a0002"):
        load_cinc2016(tiny_cinc, databases="a")
    touch(tiny_cinc / "training-a" / "a0002.flac")
    appendix = tiny_cinc / "annotations" / "Online Appendix_training set.csv"
    appendix.write_text(APPENDIX_HEADER + "a0001,training-a,C45S1,,,,,,,,,,\n")
    with pytest.raises(FileNotFoundError, match=r"lacks 1 recordings, first a0002"):
        load_cinc2016(tiny_cinc, databases="a")
    appendix.write_text("Challenge record name\na0001\na0002\n")
    with pytest.raises(ValueError, match=r"must have a column 'Original record name'"):
        load_cinc2016(tiny_cinc, databases="a")
    shutil.rmtree(tiny_cinc / "annotations")
    with pytest.raises(FileNotFoundError, match=r"REFERENCE_withSQI\.csv") as got:
        load_cinc2016(tiny_cinc, databases="a")
    assert homepage in str(got.value)


def test_cinc_damaged_list(tiny_cinc):
    path = (
        tiny_cinc / "annotations" / "updated" / "training-a" / "REFERENCE_withSQI.csv"
    )
    path.write_text("a0001,0,1\n")
    with pytest.raises(ValueError, match=r"must hold lines such as .* got a0001,0,1"):
        load_cinc2016(tiny_cinc, databases="a")
    path.write_text("")
    with pytest.raises(FileNotFoundError, match="which has none"):
        load_cinc2016(tiny_cinc, databases="a")


# CirCor


def test_circor_targets(shared_data):
    home = shared_data / "circor2022"
    murmur = load_circor2022(home)
    rows = {row["Patient ID"]: row for row in table(home / "training_data.csv")}
    assert set(murmur.frame["patient"]) == set(rows)
    assert len(rows) == 759
    assert len(murmur.data) == len(list((home / "training_data").glob("*.flac")))
    own = [rows[patient] for patient in murmur.frame["patient"]]
    assert murmur.target.tolist() == [row["Murmur"] for row in own]
    outcome = load_circor2022(home, target="outcome")
    assert outcome.target.tolist() == [row["Outcome"] for row in own]
    here = load_circor2022(home, target="murmur_at_location")
    for row, location, label in zip(
        own, here.frame["location"], here.target, strict=True
    ):
        if row["Murmur"] == "Present":
            audible = location in row["Murmur locations"].split("+")
            assert label == ("Present" if audible else "Inaudible")
        else:
            assert label == row["Murmur"]
    assert here.target_names.tolist() == ["Absent", "Inaudible", "Present", "Unknown"]


def test_circor_children_of_two_campaigns_stay_together(shared_data):
    bunch = load_circor2022(shared_data / "circor2022")
    found = groups_of(bunch.frame["patient"], bunch.groups)
    assert all(len(groups) == 1 for groups in found.values())
    rows = table(shared_data / "circor2022" / "training_data.csv")
    pairs = [
        (row["Patient ID"], row["Additional ID"])
        for row in rows
        if row["Additional ID"] != "nan"
    ]
    assert len(pairs) == 124
    assert all(found[one] == found[other] for one, other in pairs)
    assert len(set(bunch.groups)) == 759 - 124 // 2


def test_circor_locations(shared_data):
    frame = load_circor2022(shared_data / "circor2022", as_frame=True).frame
    assert set(frame["location"]) == {"AV", "PV", "TV", "MV", "Phc"}
    twice = frame[frame["recording"].isin(["50348_AV_1", "50348_AV_2"])]
    assert twice["repetition"].tolist() == [1, 2]
    assert frame["pregnancy_status"].dtype == bool
    assert frame["height"].between(30, 200).sum() > 2000
    assert frame["height"].isna().any()
    assert all(Path(path).suffix == ".tsv" for path in frame["segmentation"])


def test_circor_official_sample(shared_data):
    bunch = load_circor2022(shared_data / "circor2022-official-sample", as_frame=True)
    folder = shared_data / "circor2022-official-sample" / "training_data"
    assert set(bunch.data) == {str(path) for path in folder.glob("*.wav")}
    assert list(dict.fromkeys(bunch.groups)) == sorted(set(bunch.groups), key=int)
    first = bunch.frame[bunch.frame["patient"] == "9979"].iloc[0]
    assert first["systolic_murmur_grading"] == "III/VI"
    assert first["most_audible_location"] == "TV"


CIRCOR_HEADER = (
    "Patient ID,Recording locations:,Age,Sex,Height,Weight,Pregnancy status,Murmur,"
    "Murmur locations,Most audible location,Systolic murmur timing,"
    "Systolic murmur shape,Systolic murmur grading,Systolic murmur pitch,"
    "Systolic murmur quality,Diastolic murmur timing,Diastolic murmur shape,"
    "Diastolic murmur grading,Diastolic murmur pitch,Diastolic murmur quality,Outcome,"
    "Campaign,Additional ID\n"
)


def circor_row(patient, locations, murmur, audible_at, other):
    unknown = ",".join(["nan"] * 11)
    return (
        f"{patient},{locations},Child,Male,nan,20.5,False,{murmur},{audible_at},{unknown},"
        f"Normal,CC2014,{other}\n"
    )


def test_circor_tiny(tmp_path):
    # Patients 10 and 7 are the same child; 3 is also 99, which is not in the table.
    (tmp_path / "training_data.csv").write_text(
        CIRCOR_HEADER
        + circor_row("10", "AV+MV", "Present", "MV", "7")
        + circor_row("7", "AV+AV", "Absent", "nan", "nan")
        + circor_row("3", "PV", "Unknown", "nan", "99")
    )
    for name in ("10_AV", "10_MV", "7_AV_1", "7_AV_2", "3_PV"):
        touch(tmp_path / "training_data" / f"{name}.wav")
    bunch = load_circor2022(tmp_path, target="murmur_at_location", as_frame=False)
    stems = [Path(path).stem for path in bunch.data]
    assert stems == ["3_PV", "7_AV_1", "7_AV_2", "10_AV", "10_MV"]
    assert bunch.groups.tolist() == ["3", "7", "7", "7", "7"]
    expected = ["Unknown", "Absent", "Absent", "Inaudible", "Present"]
    assert bunch.target.tolist() == expected
    assert bunch.frame["segmentation"].tolist() == [""] * 5
    (tmp_path / "training_data" / "7_AV_2.wav").unlink()
    (tmp_path / "training_data" / "10_MV.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"2 of the 5 .*: 7_AV, 10_MV;") as got:
        load_circor2022(tmp_path)
    assert CORPUS_INFO["circor2022"].homepage in str(got.value)
    with pytest.raises(ValueError, match=r"target must be .* got 'Murmur'"):
        load_circor2022(tmp_path, target="Murmur")
    (tmp_path / "training_data.csv").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"expected the file training_data\.csv"
    ):
        load_circor2022(tmp_path)


def test_every_real_segmentation_can_be_read(shared_data):
    frame = load_circor2022(shared_data / "circor2022").frame
    empty = []
    for path in frame["segmentation"]:
        start, end, state = read_segmentation(path)
        assert start.shape == end.shape == state.shape
        assert (end > start).all()
        if not state.size:
            empty.append(Path(path).stem)
    assert empty == ["50782_MV_1"]


def test_read_segmentation_states_follow_each_other(shared_data):
    path = shared_data / "circor2022-official-sample" / "training_data" / "14241_AV.tsv"
    start, end, state = read_segmentation(path)
    assert state[:5].tolist() == ["unlabelled", "s1", "systole", "s2", "diastole"]
    np.testing.assert_allclose([start[1], end[1]], [9.0625, 9.161888])
    after = {"s1": "systole", "systole": "s2", "s2": "diastole", "diastole": "s1"}
    follows = [
        after.get(one) == other
        for one, other in pairwise(state)
        if "unlabelled" not in (one, other)
    ]
    assert len(follows) > 20
    assert all(follows)


@pytest.mark.parametrize("line", ["0\t1", "0\t1\t5", "0\t1\t1.5", "a\tb\tc"])
def test_read_segmentation_damaged(tmp_path, line):
    path = tmp_path / "x.tsv"
    path.write_text(f"0\t0.5\t0\n{line}\n")
    with pytest.raises(ValueError, match="in line 2 of"):
        read_segmentation(path)


def test_read_segmentation_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_segmentation(tmp_path / "x.tsv")
