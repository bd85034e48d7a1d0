"""Test ``skheart demo``."""

import pytest

from skheart.cli.main import main


@pytest.mark.slow
def test_demo(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "AUROC on the held-out patients" in text
    assert "reloaded, it predicts the same" in text
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["model.skheart", "roc.png", "spectrogram.png"]
