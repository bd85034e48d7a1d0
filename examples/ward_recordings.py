"""Make the folder of a ward: m4a files of a phone and two tables, from PASCAL set B.

The page "A ward" of the documentation uses it in place of recordings of your own.

    python examples/ward_recordings.py PASCAL ward

Two thirds of the patients are listed in ``past.csv`` and the others in ``new.csv``,
which also lists an empty file, as an interrupted transfer leaves it. It needs PyAV:
``pip install "skheart[formats]"``.
"""

import argparse
import csv
from pathlib import Path

import av
import numpy as np

from skheart import read_recording
from skheart.datasets import load_pascal

RATE = 8000  # Hz; phones record at higher rates, heart sounds need less


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pascal", help="folder of the corpus")
    parser.add_argument("ward", type=Path, help="folder to write")
    options = parser.parse_args()

    pascal = load_pascal(options.pascal, subsets="b", classes=("murmur", "normal"))
    (options.ward / "recordings").mkdir(parents=True)
    rows = []
    for number, (source, label, group) in enumerate(
        zip(pascal.data, pascal.target, pascal.groups, strict=True), 1
    ):
        patient = group.removeprefix("b-")
        name = f"recordings/{patient}_{number:03}.m4a"
        write_m4a(options.ward / name, read_recording(source, sample_rate=RATE)[0])
        rows.append({"recording": name, "label": label, "patient": patient})

    patients = np.unique([row["patient"] for row in rows])
    new = set(patients[::3].tolist())
    past_rows = [row for row in rows if row["patient"] not in new]
    new_rows = [row for row in rows if row["patient"] in new]
    empty = new_rows[-1] | {"recording": "recordings/interrupted.m4a"}
    (options.ward / empty["recording"]).touch()
    write_table(options.ward / "past.csv", past_rows)
    write_table(options.ward / "new.csv", [*new_rows, empty])


def write_m4a(path: Path, waveform: np.ndarray) -> None:
    """Write a waveform as AAC in an MP4 file, the format of most phones."""
    with av.open(str(path), "w", format="ipod") as file:
        stream = file.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(waveform[np.newaxis], "fltp", "mono")
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a table as a spreadsheet saves it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    n_patients = len({row["patient"] for row in rows})
    print(f"{path}: {len(rows)} recordings of {n_patients} patients")


if __name__ == "__main__":
    main()
