"""Test ``skheart demo``."""

import re

import numpy as np
import pytest

from skheart.cli.main import main


@pytest.mark.slow
def test_demo(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "AUROC on the held-out patients" in text
    beats = re.findall(r"(\w+): (\d+) beats per minute .* sounds at ([\d., ]+) ", text)
    assert [word for word, _, _ in beats] == ["normal", "murmur"]
    for _, rate, first in beats:
        times = [float(time) for time in first.rstrip(", .").split(", ")]
        assert len(times) == 3
        assert 60 / np.diff(times).mean() == pytest.approx(float(rate), rel=0.2)
    assert "reloaded, it predicts the same" in text
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["model.skheart", "roc.png", "spectrogram.png"]
