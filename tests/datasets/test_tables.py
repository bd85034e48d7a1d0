"""Recordings that are listed in a table."""

from __future__ import annotations

import codecs

import numpy as np
import pytest
import soundfile

from skheart.datasets import load_table


@pytest.fixture
def folder(tmp_path):
    for name in ("1.wav", "2.wav", "more/3.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, np.ones(10) / 2, 2000)
    return tmp_path


def written(folder, text, name="labels.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


LINES = "recording,label,patient,location\n1.wav,murmur,A,AV\n2.wav,normal,B,MV\n"


def test_columns(folder):
    corpus = load_table(written(folder, LINES + "more/3.wav,normal,B,TV\n"))
    assert [path.rsplit("/", 1)[1] for path in corpus.data] == [
        "1.wav",
        "2.wav",
        "3.wav",
    ]
    assert corpus.target.tolist() == ["murmur", "normal", "normal"]
    assert corpus.groups.tolist() == ["A", "B", "B"]
    assert corpus.locations.tolist() == ["AV", "MV", "TV"]
    assert corpus.has_patients
    assert corpus.skipped == []


@pytest.mark.parametrize("separator", [";", "\t"])
def test_spreadsheets_of_other_countries(folder, separator):
    text = (
        codecs.BOM_UTF8 + LINES.replace(",", separator).replace("\n", "\r\n").encode()
    )
    assert load_table(written(folder, text)).target.tolist() == ["murmur", "normal"]


def test_other_names_of_columns_and_no_patients(folder):
    path = written(folder, "file,finding\n1.wav,murmur\n2.wav,normal\n")
    corpus = load_table(path, recording="file", label="finding")
    assert not corpus.has_patients
    assert corpus.groups.tolist() == corpus.data.tolist()
    assert load_table(path, recording="file", label=None).target.tolist() == ["", ""]


def test_rows_that_are_left_out_are_named_with_their_reason(folder):
    (folder / "empty.m4a").touch()
    rows = "gone.wav,murmur,C,\nempty.m4a,murmur,C,\nmore/3.wav,,C,\n,normal,C,\n"
    corpus = load_table(written(folder, LINES + rows))
    assert len(corpus.data) == 2
    reasons = [reason for _, _, reason in corpus.skipped]
    assert "line 4: there is no file" in reasons[0]
    assert "empty.m4a" in reasons[1]
    assert reasons[2:] == ["line 6 has no label", "line 7 has no recording"]
    assert [label for _, label, _ in corpus.skipped] == [
        "murmur",
        "murmur",
        "",
        "normal",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LINES.replace("label,", "finding,"),
            "has no column 'label' for the label; its",
        ),
        (LINES + "1.wav,normal,A,AV\n", "lists .*1.wav' twice, in lines 2 and 4"),
        ("", "must start with a line that names each column once"),
        ("a,a\n1,2\n", "must start with a line that names each column once"),
        (b"PK\x03\x04 a spreadsheet", "save the spreadsheet as CSV"),
        ("recording,label\ngone.wav,murmur\n", "no row that can be used: line 2"),
    ],
)
def test_tables_that_cannot_be_used(folder, text, message):
    with pytest.raises(ValueError, match=message):
        load_table(written(folder, text))


def test_no_table(folder):
    with pytest.raises(FileNotFoundError, match="There is no table"):
        load_table(folder / "none.csv")
    with pytest.raises(IsADirectoryError, match="is a folder, expected a table"):
        load_table(folder)


def test_frame_has_all_columns(folder):
    frame = load_table(written(folder, LINES), as_frame=True).frame
    assert list(frame.columns) == ["recording", "label", "patient", "location"]
