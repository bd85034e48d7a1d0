"""Test image files of spectrograms, without axes and margins."""

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from skheart import RecordingError, SpectrogramTransformer, save_spectrogram_images

HINT = "needs matplotlib; install it with \"pip install 'skheart[plot]'\"."


@pytest.fixture
def tone_file(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(100, sample_rate=4000), 4000)
    return path


def test_one_pixel_is_one_band_of_one_frame(tmp_path, tone):
    sounds = [tone(100), tone(800, duration=3.333)]
    paths = save_spectrogram_images(sounds, tmp_path / "new" / "images")
    assert paths == [
        tmp_path / "new" / "images" / f"recording_{index}.png" for index in range(2)
    ]
    for path, n_frames, row in zip(paths, (101, 167), (36, 4), strict=True):
        image = imread(path)[..., :3]
        assert image.shape == (40, n_frames, 3)
        brightness = image.sum(axis=2)
        # Row 0 is at the top, where frequencies are high.
        assert brightness.mean(axis=1).argmax() == pytest.approx(row, abs=1)


def test_colours_are_the_values(tmp_path, tone):
    settings = SpectrogramTransformer(duration=1.0, n_bands=12)
    rng = np.random.default_rng(0)
    sounds = [tone(100) + rng.normal(scale=0.1, size=4000) for _ in range(3)]
    paths = save_spectrogram_images(sounds, tmp_path, transformer=settings, cmap="gray")
    for path, values in zip(paths, settings.transform(sounds), strict=True):
        image = imread(path)[::-1, :, 0]
        scaled = (values - values.min()) / (values.max() - values.min())
        np.testing.assert_allclose(image, scaled, atol=2 / 255)


def test_flatten_and_on_error_of_the_transformer_are_ignored(tmp_path, tone):
    settings = SpectrogramTransformer(duration=1.0, flatten=True, on_error="nan")
    (path,) = save_spectrogram_images([tone(100)], tmp_path, transformer=settings)
    assert imread(path).shape[:2] == (40, 51)
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        save_spectrogram_images(
            [str(tmp_path / "absent.wav")], tmp_path, transformer=settings
        )


def test_names_that_repeat_get_numbers(tmp_path, tone):
    sources = []
    for folder, name in [
        ("a", "x.wav"),
        ("b", "x.wav"),
        ("c", "x.flac"),
        ("d", "y.1.wav"),
        ("e", "x_2.wav"),
    ]:
        (tmp_path / folder).mkdir()
        sources.append(tmp_path / folder / name)
        soundfile.write(sources[-1], tone(50 + 100 * len(sources)), 2000)
    paths = save_spectrogram_images(sources, tmp_path / "images")
    names = [path.name for path in paths]
    assert names == ["x.png", "x_2.png", "x_3.png", "y.1.png", "x_2_2.png"]
    brightest = [imread(path)[..., :3].sum(axis=(1, 2)).argmax() for path in paths]
    assert brightest == sorted(set(brightest), reverse=True)  # each shows its own tone


def test_images_beside_waveforms_in_memory(tmp_path, tone_file, tone):
    paths = save_spectrogram_images([tone_file, tone(100)], tmp_path)
    assert [path.name for path in paths] == ["tone.png", "recording_1.png"]


def test_rows_of_an_array(tmp_path, tone):
    paths = save_spectrogram_images(np.stack([tone(100), tone(200)]), tmp_path)
    assert [path.name for path in paths] == ["recording_0.png", "recording_1.png"]


def test_missing_file_leaves_only_complete_images(tmp_path, tone_file):
    images = tmp_path / "images"
    missing = tmp_path / "absent.wav"
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(missing)))):
        save_spectrogram_images([tone_file, missing, tone_file], images)
    assert sorted(os.listdir(images)) == ["tone.png"]
    assert imread(images / "tone.png").shape[:2] == (40, 101)


def test_error_names_the_place_of_a_waveform(tmp_path, tone):
    sounds = [tone(100), tone(200), np.full(5000, np.nan)]
    with pytest.raises(RecordingError, match=r"^Recording 2 of X holds NaN"):
        save_spectrogram_images(sounds, tmp_path)
    assert len(os.listdir(tmp_path)) == 2


def test_an_unknown_colour_map_leaves_no_file(tmp_path, tone):
    with pytest.raises(ValueError, match="nocolour"):
        save_spectrogram_images([tone(100)], tmp_path / "images", cmap="nocolour")
    assert os.listdir(tmp_path / "images") == []


def test_images_without_matplotlib_say_what_to_install(tmp_path, tone, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    expected = re.escape(f"save_spectrogram_images {HINT}")
    with pytest.raises(ImportError, match=expected):
        save_spectrogram_images([tone(100)], tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_one_path_in_place_of_several(tmp_path, tone_file):
    with pytest.raises(ValueError, match="X must hold several recordings, got one"):
        save_spectrogram_images(str(tone_file), tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_verbose_shows_a_bar_on_standard_error(tmp_path, tone, capfd):
    save_spectrogram_images([tone(100)] * 3, tmp_path, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3 recordings" in err
    save_spectrogram_images([tone(100)] * 3, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_images_of_real_recordings(tmp_path, shared_data):
    sources = sorted((shared_data / "pascal" / "set_b").glob("*.flac"))[::250]
    paths = save_spectrogram_images(sources, tmp_path)
    assert [path.stem for path in paths] == [source.stem for source in sources]
    for path, source in zip(paths, sources, strict=True):
        information = soundfile.info(source)
        n_times = np.ceil(information.frames * 2000 / information.samplerate)
        height, width = imread(path).shape[:2]
        assert height == 40
        assert width == pytest.approx(1 + n_times // 40, abs=1)
