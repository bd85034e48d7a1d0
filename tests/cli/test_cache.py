"""Test ``skheart cache``."""

from skheart import (
    SpectrogramTransformer,
)
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.spectrogram import SpectrogramCache


def test_counts_bounds_and_clears(tmp_path, capsys):
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


def test_errors(tmp_path, capsys):
    assert main(["cache", str(tmp_path / "none")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert main(["cache", str(tmp_path), "--max-megabytes", "-1"]) == 2
    assert "--max-megabytes must be" in capsys.readouterr().err
