"""Labelled plots, images without margins, and files written whole or not at all."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import soundfile

from skheart import (
    RecordingError,
    SpectrogramDisplay,
    SpectrogramTransformer,
    save_spectrogram_images,
)
from skheart._core.files import atomic_path

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.image import imread

HINT = "needs matplotlib; install it with \"pip install 'skheart[plot]'\"."


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def tone_file(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(100, sample_rate=4000), 4000)
    return path


# SpectrogramDisplay ------------------------------------------------------------------


def peak_frequency(display):
    return display.frequencies[display.spectrogram.mean(axis=1).argmax()]


def test_waveform(tone):
    display = SpectrogramDisplay.from_recording(tone(100))
    assert display.spectrogram.shape == (40, 101)
    assert display.frequencies.shape == (40,)
    np.testing.assert_allclose(display.times, np.arange(101) * 0.02)
    assert peak_frequency(display) == pytest.approx(100, abs=15)
    assert (display.name, display.unit) == (None, "dB")


@pytest.mark.parametrize("kind", [str, Path])
def test_path(tone_file, kind):
    display = SpectrogramDisplay.from_recording(kind(tone_file))
    assert display.spectrogram.shape == (40, 101)
    assert peak_frequency(display) == pytest.approx(100, abs=15)
    assert display.name == "tone.wav"


@pytest.mark.parametrize("scale", ["mel", "linear"])
@pytest.mark.parametrize("frequency", [200, 500, 1500])
def test_frequencies_are_those_of_the_bands(tone, scale, frequency):
    settings = SpectrogramTransformer(
        sample_rate=4000.0, duration=None, normalize=None, scale=scale, f_max=1900.0
    )
    waveform = tone(frequency, sample_rate=4000)
    display = SpectrogramDisplay.from_recording(waveform, transformer=settings)
    spacing = np.diff(display.frequencies).max()
    assert peak_frequency(display) == pytest.approx(frequency, abs=spacing)


def test_settings_of_the_transformer_are_used_and_left(tone):
    settings = SpectrogramTransformer(
        duration=1.0, n_bands=16, hop=0.01, flatten=True, on_error="nan"
    )
    before = settings.get_params()
    display = SpectrogramDisplay.from_recording(
        tone(100), transformer=settings, name="a tone"
    )
    assert settings.get_params() == before
    assert display.spectrogram.shape == (16, 101)
    np.testing.assert_allclose(display.times[-1], 1.0)
    assert (display.name, display.unit) == ("a tone", "standard deviations")


def test_plot_has_labels_with_units(tone_file):
    display = SpectrogramDisplay.from_recording(tone_file)
    assert display.plot() is display
    assert display.ax_.get_xlabel() == "Time (s)"
    assert display.ax_.get_ylabel() == "Frequency (Hz)"
    assert display.ax_.get_title() == "tone.wav"
    colour_bar = next(ax for ax in display.figure_.axes if ax is not display.ax_)
    assert colour_bar.get_ylabel() == "dB"
    np.testing.assert_array_equal(display.image_.get_array(), display.spectrogram)
    low, high = display.ax_.get_ylim()
    assert 0 < low < 50
    assert 850 < high < 950
    display.figure_.canvas.draw()  # no warning


def test_plot_draws_where_it_is_told(tone):
    figure, axes = plt.subplots(1, 2)
    display = SpectrogramDisplay.from_recording(tone(100)).plot(axes[1], cmap="gray")
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.image_ in axes[1].collections
    assert display.image_.get_cmap().name == "gray"
    assert not axes[0].has_data()
    assert plt.get_fignums() == [figure.number]
    assert axes[1].get_title() == ""


def test_plot_passes_options_on(tone):
    display = SpectrogramDisplay.from_recording(tone(100)).plot(vmin=-50, vmax=0)
    assert display.image_.get_clim() == (-50, 0)


def test_a_display_can_be_plotted_again(tone):
    display = SpectrogramDisplay.from_recording(tone(100))
    first = display.plot().ax_
    assert display.plot().ax_ is not first


def test_display_of_a_recording_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        SpectrogramDisplay.from_recording(tmp_path / "absent.wav")
    with pytest.raises(RecordingError, match="is silent"):
        SpectrogramDisplay.from_recording(np.zeros(5000))


def test_plot_without_matplotlib_says_what_to_install(tone, monkeypatch):
    display = SpectrogramDisplay.from_recording(tone(100))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    expected = re.escape(f"SpectrogramDisplay.plot {HINT}")
    with pytest.raises(ImportError, match=expected):
        display.plot()


# save_spectrogram_images -------------------------------------------------------------


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
        # Row 0 is the top, where the frequencies are high.
        assert brightness.mean(axis=1).argmax() == pytest.approx(row, abs=1)


def test_pixels_are_the_values_in_colours(tmp_path, tone):
    settings = SpectrogramTransformer(duration=1.0, n_bands=12)
    rng = np.random.default_rng(0)
    sounds = [tone(100) + rng.normal(scale=0.1, size=4000) for _ in range(3)]
    paths = save_spectrogram_images(sounds, tmp_path, transformer=settings, cmap="gray")
    for path, values in zip(paths, settings.transform(sounds), strict=True):
        image = imread(path)[::-1, :, 0]
        scaled = (values - values.min()) / (values.max() - values.min())
        np.testing.assert_allclose(image, scaled, atol=2 / 255)


def test_flatten_and_nan_of_the_transformer_do_not_count(tmp_path, tone):
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
    assert brightest == sorted(set(brightest), reverse=True)  # each its own tone


def test_images_beside_waveforms_in_memory(tmp_path, tone_file, tone):
    paths = save_spectrogram_images([tone_file, tone(100)], tmp_path)
    assert [path.name for path in paths] == ["tone.png", "recording_1.png"]


def test_rows_of_an_array(tmp_path, tone):
    paths = save_spectrogram_images(np.stack([tone(100), tone(200)]), tmp_path)
    assert [path.name for path in paths] == ["recording_0.png", "recording_1.png"]


def test_missing_file_leaves_whole_images_only(tmp_path, tone_file):
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


# atomic_path -------------------------------------------------------------------------


def test_a_whole_file_replaces_the_old_one(tmp_path):
    target = tmp_path / "model.tar.gz"
    target.write_text("old")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".gz"
        assert temporary != target
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["model.tar.gz"]


@pytest.mark.parametrize("old", ["old", None])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file(tmp_path, old, error):
    target = tmp_path / "model.bin"
    if old is not None:
        target.write_text(old)

    def write():
        with atomic_path(str(target)) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == ([] if old is None else ["model.bin"])
    assert old is None or target.read_text() == old


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_file_has_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    with atomic_path(tmp_path / "ours") as temporary:
        temporary.write_text("")
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode


def test_folder_as_target(tmp_path):
    expected = re.escape(f"{str(tmp_path)!r} is a folder, expected a file name.")
    with pytest.raises(IsADirectoryError, match=expected), atomic_path(tmp_path):
        pass


def test_missing_parent(tmp_path):
    target = tmp_path / "none" / "model.bin"
    expected = re.escape(
        f"There is no folder {str(target.parent)!r} to write 'model.bin' in; make it "
        "first."
    )
    with pytest.raises(FileNotFoundError, match=expected), atomic_path(target):
        pass
    assert os.listdir(tmp_path) == []


def test_a_name_without_folder_and_a_long_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model.bin", "m" * 240 + ".bin"):
        with atomic_path(name) as temporary:
            temporary.write_text("new")
        assert Path(name).read_text() == "new"
