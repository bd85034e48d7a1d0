"""Make the pictures of the report and of the page again. Look at them afterwards.

pip install -e ".[web]" pillow playwright    (and Debian's package chromium)
python docs/pictures.py corpora/circor2022/training_data/9979_TV.flac

The report is on this recording of CirCor DigiScope. Without it, only the pictures of
the page are made. All recordings on the page are simulated.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from skheart.datasets import make_heart_sounds
from skheart.report import describe_recording, write_report

IMAGES = Path(__file__).parent / "images"
LOCATIONS = ("AV", "PV", "TV", "MV")
WIDTH = 800  # pixels


def simulated(folder: Path) -> list[str]:
    """Write the recordings of a patient with a murmur, one for each location."""
    sounds = make_heart_sounds(
        4,
        classes="murmur",
        murmurs="holosystolic",
        murmur_level=-14.0,
        noise=-25.0,
        recordings_per_patient=4,
        duration=12.0,
        heart_rate=64.0,
        random_state=1,
    )
    paths = [str(folder / f"simulated_{place}.wav") for place in LOCATIONS]
    for path, waveform in zip(paths, sounds.data, strict=True):
        soundfile.write(path, waveform, sounds.sample_rate)
    return paths


def save(content: bytes, name: str, *, n_colours: int = 128) -> None:
    """Write a screenshot with a palette, which makes it small."""
    image = Image.open(io.BytesIO(content)).convert("RGB").quantize(n_colours)
    image.save(IMAGES / f"{name}.png", optimize=True)


def picture_report(page: Page, recording: str, folder: Path) -> None:
    write_report(folder / "report.html", [describe_recording("murmur", recording)])
    page.goto((folder / "report.html").as_uri())
    save(page.locator("article").screenshot(), "report", n_colours=64)


def picture_page(page: Page, address: str, paths: list[str]) -> None:
    """Make a picture of each tab."""
    page.goto(address)
    page.set_input_files("#one-file input[type=file]", paths[3])
    sound = page.frame_locator("#one-report iframe").locator("audio")
    sound.evaluate("a => a.readyState || new Promise(done => a.oncanplay = done)")
    save(page.screenshot(full_page=True), "page_recording")

    page.get_by_role("tab", name="One patient").click()
    upload(page, "patient", paths)
    page.get_by_role("button", name="Describe").click()
    frame = page.frame_locator("#patient-report iframe")
    frame.get_by_role("heading", level=1).first.wait_for()
    save(page.screenshot(full_page=True), "page_patient")

    page.get_by_role("tab", name="Many recordings").click()
    upload(page, "many", paths)
    page.get_by_role("button", name="Answer").click()
    table = page.locator("#many-table")
    table.get_by_text("simulated_MV").locator("visible=true").first.wait_for()
    save(page.screenshot(full_page=True), "page_table")

    page.get_by_role("tab", name="Review").click()
    upload(page, "review", paths)
    page.locator("#review-start").click()
    asked = page.locator("#review-asked")
    for number, key in enumerate(("ArrowRight", "ArrowRight", "ArrowLeft"), 1):
        asked.get_by_text(f"Recording {number} of 4").wait_for()
        page.locator("body").press(key)
    asked.get_by_text("Recording 4 of 4").wait_for()
    save(page.screenshot(full_page=True), "page_review")


def upload(page: Page, tab: str, paths: list[str]) -> None:
    page.set_input_files(f"#{tab}-files input[type=file]", paths)
    page.locator(f"#{tab}-files").get_by_text("simulated_MV").first.wait_for()


def main(recording: str | None = None) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    command = [sys.executable, "-m", "skheart", "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.set_default_timeout(300_000)
        if recording is not None:
            picture_report(page, recording, folder)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                (address,) = re.findall(r"http://\S+:\d+", server.stdout.readline())
                picture_page(page, address, simulated(folder))
            finally:
                browser.close()  # the server waits for its pages
                server.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
