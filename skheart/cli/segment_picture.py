"""The picture of ``skheart segment -o FILE.png``: recordings with their phases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import

if TYPE_CHECKING:
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.segmentation import HeartRate, Segmentation

MOST = 10  # recordings in one picture
_INCHES_PER_SECOND = 0.6
_NARROWEST, _WIDEST = 10.0, 24.0  # inches
_HEIGHT = 4.4  # inches for each recording
_DPI = 110


def check_picture(n_recordings: int) -> None:
    """Raise if so many recordings cannot be drawn, or matplotlib is not installed."""
    if n_recordings > MOST:
        raise ValueError(
            f"A picture shows at most {MOST} recordings, got {n_recordings}; draw some "
            "of them, or write the rows to a .csv or .json file."
        )
    optional_import("matplotlib", user="skheart segment -o FILE.png", extra="plot")


def draw_picture(
    path: Path, found: list[tuple[str, Segmentation, HeartRate, str]]
) -> None:
    """Write a picture: waveform, spectrogram and phases, one recording below another.

    Each is its name, the phases, the heart rate and the reason if there is none.
    """
    import matplotlib
    from matplotlib.figure import Figure

    displays = [_display(name, segmentation) for name, segmentation, _, _ in found]
    seconds = [display.times[-1] for display in displays if display]
    width = _INCHES_PER_SECOND * max(seconds, default=0)
    width = float(np.clip(width, _NARROWEST, _WIDEST))
    figure = Figure(figsize=(width, _HEIGHT * len(found)), layout="constrained")
    rows = figure.subplots(2 * len(found), 1, squeeze=False)[:, 0].reshape(-1, 2)
    for (above, below), display, one in zip(rows, displays, found, strict=True):
        name, segmentation, rate, reason = one
        above.set_title(_title(name, rate, reason), loc="left")
        if display is None:
            above.set_axis_off()
            below.set_axis_off()
            continue
        above.sharex(below)
        display.name = None
        low = np.percentile(display.spectrogram, 20)  # most of it is between the beats
        display.plot(below, colorbar=False, vmin=low)
        display.plot_waveform(above)
        above.set(xlabel="", yticks=[])
        above.tick_params(labelbottom=False)
        if len(segmentation.start):
            above.legend(
                loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False
            )
    # A long waveform has more points than are drawn at a time.
    settings: Any = {"agg.path.chunksize": 20_000}
    with matplotlib.rc_context(settings), atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)


def _display(name: str, segmentation: Segmentation) -> SpectrogramDisplay | None:
    """Return a recording to draw; None if it has no spectrogram, such as a silent one.

    The resolution is that of the segmenter, up to where heart sounds and murmurs are.
    """
    from skheart.audio.waveform import RecordingError
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.spectrogram.transformer import SpectrogramTransformer

    transformer = SpectrogramTransformer(
        duration=None, normalize=None, window=0.04, hop=0.01, f_max=600.0
    )
    try:
        return SpectrogramDisplay.from_recording(
            name, transformer=transformer, segmentation=segmentation
        )
    except RecordingError:
        return None


def _title(name: str, rate: HeartRate, reason: str) -> str:
    """Return what is said above a recording."""
    if reason:
        return f"{Path(name).name}: no heart rate, {reason}"
    return (
        f"{Path(name).name}: {rate.bpm:.0f} beats per minute "
        f"(certainty {rate.certainty:.2f})"
    )
