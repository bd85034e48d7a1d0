"""The page of ``skheart serve``: its tabs, drawn by Gradio. It computes nothing."""

from __future__ import annotations

import csv
import html
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import soundfile

from skheart._core.csv_cells import csv_cell
from skheart._core.optional import optional_import
from skheart.report.description import RecordingDescription
from skheart.report.locations import LOCATIONS
from skheart.report.report_page import report_page
from skheart.report.review import save_with_threshold, threshold_of_review
from skheart.report.web_desk import Desk, RefusedError

_NOTE = (
    "For research. Not a medical device: do not use the answer to decide about the "
    "care of a patient. Files are removed after their answer."
)
_KEYS = """
<script>
addEventListener("keydown", (event) => {
  const id = {ArrowLeft: "no", ArrowRight: "yes", ArrowDown: "skip"}[event.key];
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
  const button = id && !typing && document.querySelector(`#review-${id}`);
  if (button && button.offsetParent) { event.preventDefault(); button.click(); }
});
</script>
"""
_NOT_SAID = "The location is read from the file name, such as 9979_AV.wav."


def add_page(app: Any, desk: Desk) -> None:
    """Add the page to a FastAPI application, at its root."""
    gradio = optional_import("gradio", user="skheart serve", extra="web")
    blocks = gradio.Blocks(
        title="Heart sounds", analytics_enabled=False, delete_cache=(60, 600)
    )
    with blocks:
        gradio.Markdown(f"# Heart sounds\n\nModel: {desk.model.facts.name}. {_NOTE}")
        with gradio.Tab("One recording"):
            _one_recording(gradio, desk)
        with gradio.Tab("One patient"):
            _one_patient(gradio, desk)
        with gradio.Tab("Many recordings"):
            _many_recordings(gradio, desk)
        with gradio.Tab("Review"):
            _review(gradio, desk)
    blocks.queue(default_concurrency_limit=None)
    gradio.mount_gradio_app(
        app,
        blocks,
        path="/",
        max_file_size=round(desk.limits.size * 1e6),
        footer_links=[],
        head=_KEYS,
        ssr_mode=False,
        pwa=False,
        theme=_theme(gradio),
    )


def _theme(gradio: Any) -> Any:
    """Return a theme with fonts of this computer, and enough contrast."""
    theme = gradio.themes.Base(
        font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    darker = ("body_text_color_subdued", "block_info_text_color")
    return theme.set(
        **dict.fromkeys(darker, "*neutral_600"),
        **dict.fromkeys((f"{name}_dark" for name in darker), "*neutral_300"),
    )


def framed(page: str) -> str:
    """Return a report as a frame that can run its own scripts only."""
    return (
        '<iframe title="Report" sandbox="allow-scripts" '
        'style="width:100%;height:85vh;border:0" '
        f'srcdoc="{html.escape(page, quote=True)}"></iframe>'
    )


def said(sentence: str) -> str:
    """Return a sentence as an alert."""
    return f'<p role="alert"><strong>{html.escape(sentence)}</strong></p>'


async def _report_or_why(desk: Desk, work: Callable[[], Any]) -> str:
    """Return the report on what is described, or why there is none."""
    try:
        return framed(report_page([await desk.run(work)]))
    except RefusedError as refused:
        return said(str(refused))


def row_of(description: RecordingDescription) -> list[Any]:
    """Return the row of a table, in the order of :func:`columns_of`."""
    numbers = [round(value, 4) for value in description.probabilities.values()]
    quality = round(description.quality.quality, 2)
    rate = description.heart_rate.bpm
    rate = None if rate != rate else round(rate)
    return [description.file, description.answer, *numbers, quality, rate, ""]


def columns_of(desk: Desk) -> list[str]:
    """Return the names of the columns of a table of recordings."""
    names = [f"probability_{name}" for name in desk.model.facts.classes]
    return ["recording", "prediction", *names, "quality", "heart_rate", "error"]


def _one_recording(gradio: Any, desk: Desk) -> None:
    async def answer(path: str | None, location: str | None) -> str:
        if not path:
            return ""
        work = partial(desk.describe, path, location=location or None)
        return await _report_or_why(desk, work)

    with gradio.Row():
        file = gradio.File(label="Drop a recording", elem_id="one-file")
        sound = gradio.Audio(
            label="or record one",
            sources=["microphone"],
            type="filepath",
            elem_id="one-sound",
            buttons=[],
        )
    choices = [("not said", ""), *((name, name) for name in LOCATIONS)]
    where = gradio.Dropdown(
        choices, value="", label="Where the stethoscope was", info=_NOT_SAID
    )
    report = gradio.HTML(elem_id="one-report")
    file.upload(answer, [file, where], report)
    sound.stop_recording(answer, [sound, where], report)


def _one_patient(gradio: Any, desk: Desk) -> None:
    async def answer(paths: Sequence[str] | None) -> str:
        if not paths:
            return said("Drop the recordings of one patient first.")
        return await _report_or_why(desk, partial(desk.describe_patient, list(paths)))

    files = gradio.File(
        label="Drop all recordings of one patient",
        file_count="multiple",
        elem_id="patient-files",
    )
    gradio.Markdown(_NOT_SAID)
    button = gradio.Button("Describe", variant="primary")
    report = gradio.HTML(elem_id="patient-report")
    button.click(answer, files, report)


def _many_recordings(gradio: Any, desk: Desk) -> None:
    columns, bar = columns_of(desk), gradio.Progress()

    async def answer(
        paths: Sequence[str] | None, progress: Any = bar
    ) -> tuple[list[list[Any]], str]:
        rows = []
        for path in progress.tqdm(list(paths or []), desc="Describing"):
            try:
                found = await desk.run(partial(desk.describe, path))
                rows.append(row_of(found))
            except RefusedError as refused:
                empty = [None] * (len(columns) - 2)
                rows.append([Path(path).name, *empty, str(refused)])
        return rows, _table_file(columns, rows)

    files = gradio.File(
        label="Drop recordings", file_count="multiple", elem_id="many-files"
    )
    button = gradio.Button("Answer", variant="primary")
    table = gradio.Dataframe(
        headers=columns, interactive=False, label="Answers", elem_id="many-table"
    )
    download = gradio.DownloadButton("Download CSV", elem_id="many-csv")
    button.click(answer, files, [table, download])


def _new_file(name: str) -> Path:
    """Return a path in a new temporary folder, which Gradio deletes later."""
    return Path(tempfile.mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR"))) / name


def _table_file(columns: list[str], rows: list[list[Any]]) -> str:
    """Write a table."""
    path = _new_file("answers.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([map(csv_cell, row) for row in rows])
    return str(path)


def _playable(description: RecordingDescription) -> str:
    """Write the sound as a file that browsers play."""
    sound: Any = description.sound
    path = _new_file("heart.wav")
    soundfile.write(path, sound.waveform, round(sound.sample_rate))
    return str(path)


def _review(gradio: Any, desk: Desk) -> None:
    positive = desk.model.decision.positive
    if positive is None:
        gradio.Markdown("A review needs a model with a positive class.")
        return

    bar = gradio.Progress()

    async def start(
        paths: Sequence[str] | None, progress: Any = bar
    ) -> tuple[Any, ...]:
        state: dict[str, Any] = {"paths": [], "scores": [], "judged": []}
        for path in progress.tqdm(list(paths or []), desc="Reading"):
            try:
                found = await desk.run(partial(desk.describe, path))
            except RefusedError:
                continue
            state["paths"].append(_playable(found))
            state["scores"].append(found.probabilities[positive])
        return shown(state)

    def judge(state: dict[str, Any] | None, yes: bool | None) -> tuple[Any, ...]:
        if state and len(state["judged"]) < len(state["paths"]):
            state = {**state, "judged": [*state["judged"], yes]}
        return shown(state or {"paths": [], "scores": [], "judged": []})

    def shown(state: dict[str, Any]) -> tuple[Any, ...]:
        """Return the state, the next recording, and how many are left."""
        done, total = len(state["judged"]), len(state["paths"])
        if total == 0:
            return state, None, "No recording could be used."
        if done == total:
            return state, None, f"All {total} recordings are judged."
        text = f"Recording {done + 1} of {total}: do you hear {positive}?"
        return state, state["paths"][done], text

    def choose(state: dict[str, Any] | None, sensitivity: float) -> tuple[str, Any]:
        state = state or {"scores": [], "judged": []}
        scores = state["scores"][: len(state["judged"])]
        try:
            threshold, chosen = threshold_of_review(
                scores, state["judged"], sensitivity=sensitivity
            )
            path = _new_file("reviewed.skheart")
            save_with_threshold(desk.model, threshold, chosen, path)
        except ValueError as error:
            return str(error), None
        found, low, high = (100 * value for value in chosen["sensitivity"])
        other, below, above = (100 * value for value in chosen["specificity"])
        return (
            f"Threshold {threshold:.3f}: of {chosen['n_positive']} recordings with "
            f"{positive}, {found:.0f} % are found ({low:.0f} to {high:.0f} %); of "
            f"{chosen['n_negative']} others, {other:.0f} % are not called so "
            f"({below:.0f} to {above:.0f} %). The same recordings chose it: expect "
            "less on others."
        ), str(path)

    gradio.Markdown(
        "Judge recordings of your own by ear, before you see an answer. Then choose "
        "the threshold that reaches a sensitivity on them."
    )
    files = gradio.File(
        label="Drop recordings", file_count="multiple", elem_id="review-files"
    )
    begin = gradio.Button("Start", variant="primary", elem_id="review-start")
    state = gradio.State()
    asked = gradio.Markdown(elem_id="review-asked")
    sound = gradio.Audio(
        label="Recording", type="filepath", interactive=False, buttons=[]
    )
    with gradio.Row():
        for text, yes, name in (
            ("← No", False, "no"),
            ("↓ Skip", None, "skip"),
            ("→ Yes", True, "yes"),
        ):
            button = gradio.Button(text, elem_id=f"review-{name}")
            button.click(partial(judge, yes=yes), state, [state, sound, asked])
    begin.click(start, files, [state, sound, asked])
    wanted = gradio.Number(0.95, label="Required sensitivity", minimum=0, maximum=1)
    choosing = gradio.Button("Choose threshold", elem_id="review-choose")
    result = gradio.Markdown(elem_id="review-result")
    model = gradio.DownloadButton("Download the model with this threshold")
    choosing.click(choose, [state, wanted], [result, model])
