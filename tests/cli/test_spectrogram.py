"""Test ``skheart spectrogram``."""

from skheart.cli.main import main


def test_draws(folders, tmp_path, capsys):
    from matplotlib.image import imread

    recording = str(next((folders / "murmur").iterdir()))
    output = tmp_path / "picture.png"
    assert main(["spectrogram", recording, "-o", str(output)]) == 0
    picture = imread(output)
    assert picture.shape[0] > 300
    assert picture[..., :3].std() > 0.1


def test_only_png(folders, tmp_path, capsys):
    recording = str(next((folders / "murmur").iterdir()))
    assert main(["spectrogram", recording, "-o", str(tmp_path / "a.jpg")]) == 2
    assert "-o must name a file that ends in .png" in capsys.readouterr().err


def test_errors_leave_nothing(broken, tmp_path, capsys):
    output = tmp_path / "picture.png"
    arguments = ["spectrogram", str(broken / "text.wav"), "-o", str(output)]
    assert main(arguments) == 2
    assert "text.wav" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
