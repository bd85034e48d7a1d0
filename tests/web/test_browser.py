"""Test the page and the report in a real browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import soundfile

from skheart import read_recording
from skheart.report import describe_recording, write_report

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytest.importorskip(
    "gradio", reason='tox -e web runs these tests: they need "skheart[web]"'
)
playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="tox -e web runs these tests: they need playwright"
)
if BROWSER is None:
    pytest.skip(
        "There is no chromium, so that nothing here is tested in a browser; install "
        "Debian's package, or set CHROMIUM.",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def spoken(heart, tmp_path_factory):
    """Return what the browser's microphone hears: a real recording at 44.1 kHz."""
    from skheart.audio import resample

    waveform, rate = read_recording(heart)
    path = tmp_path_factory.mktemp("microphone") / "heart.wav"
    waveform = resample(waveform, rate, 44_100)
    soundfile.write(path, waveform / abs(waveform).max() / 2, 44_100)
    return path


@pytest.fixture(scope="module")
def browser(spoken):
    with playwright_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=BROWSER,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={spoken}",
            ],
        )
        yield running
        running.close()


class Watched:
    """A page, with what it complained about and what it asked for."""

    def __init__(self, browser, width=1280, height=1000):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, permissions=["microphone"]
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.complaints, self.requests = [], []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _console(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def outside(self, address):
        """Return requests to anything but a server."""
        own = (address, "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]

    def shot(self, name):
        """Keep a picture if somebody wants to look at it."""
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def watched(browser):
    found = Watched(browser)
    yield found
    found.context.close()


def test_upload_a_real_recording(server, watched, heart):
    page = watched.page
    page.goto(server.address)
    page.set_input_files("#one-file input[type=file]", heart)
    frame = page.frame_locator("iframe[title=Report]")
    frame.get_by_role("heading", level=1).first.wait_for()
    expected = describe_recording("murmur", heart)
    assert expected.answer in frame.locator("body").inner_text()
    assert Path(heart).name in frame.locator("body").inner_text()
    watched.shot("upload")
    assert watched.complaints == []
    assert watched.outside(server.address) == []


def test_record_from_the_microphone(server, watched):
    page = watched.page
    page.goto(server.address)
    page.locator("#one-sound button", has_text="Record").first.click()
    page.wait_for_timeout(8000)  # of sound
    page.locator("#one-sound button", has_text="Stop").first.click()
    frame = page.frame_locator("iframe[title=Report]")
    frame.get_by_role("heading", level=1).first.wait_for()
    assert watched.complaints == []
    assert watched.outside(server.address) == []


def test_a_broken_file_gets_a_sentence(server, watched, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    watched.page.goto(server.address)
    watched.page.set_input_files("#one-file input[type=file]", broken)
    alert = watched.page.locator("#one-report [role=alert]")
    alert.wait_for()
    assert "broken.wav" in alert.inner_text()
    assert watched.complaints == []


def test_a_patient_and_a_table(server, watched, heart, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    page = watched.page
    page.goto(server.address)
    page.get_by_role("tab", name="One patient").click()
    page.set_input_files("#patient-files input[type=file]", [heart, str(broken)])
    page.locator("#patient-files").get_by_text("broken").first.wait_for()
    page.get_by_role("button", name="Describe").click()
    frame = page.frame_locator("#patient-report iframe")
    frame.get_by_role("heading", level=1).first.wait_for()
    text = frame.locator("body").inner_text()
    assert "broken.wav" in text
    assert str(server.folder) not in text
    page.get_by_role("tab", name="Many recordings").click()
    page.set_input_files("#many-files input[type=file]", [heart, str(broken)])
    page.locator("#many-files").get_by_text("broken").first.wait_for()
    page.get_by_role("button", name="Answer").click()
    table = page.locator("#many-table")
    table.get_by_text(Path(heart).name).locator("visible=true").first.wait_for()
    assert "broken.wav" in table.inner_text()
    watched.shot("table")
    assert watched.complaints == []
    assert watched.outside(server.address) == []


def test_a_report_from_disk(browser, watched, heart, tmp_path):
    path = tmp_path / "report.html"
    write_report(path, [describe_recording("murmur", heart)])
    page = watched.page
    page.goto(path.as_uri())
    assert Path(heart).name in page.locator("body").inner_text()
    watched.shot("report")
    assert watched.complaints == []
    assert watched.outside(path.as_uri()) == []
    phone = Watched(browser, width=375, height=700)
    phone.page.goto(path.as_uri())
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 375
    phone.shot("report-phone")
    phone.context.close()


def test_the_report_is_accessible(watched, heart, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    path = tmp_path / "report.html"
    write_report(path, [describe_recording("murmur", heart)])
    watched.page.goto(path.as_uri())
    found = axe.Axe().run(watched.page)
    assert found.violations_count == 0, found.generate_report()


def test_the_page_is_accessible(server, watched, heart):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    watched.page.goto(server.address)
    watched.page.get_by_role("tab", name="Review").wait_for()
    found = axe.Axe().run(watched.page)
    serious = [
        one
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_review_with_the_arrow_keys(server, watched, heart, shared_data):
    from skheart.datasets import load_circor2022

    corpus = load_circor2022(shared_data, target="murmur_at_location", as_frame=False)
    quiet = corpus.data[corpus.target == "Absent"][:2].tolist()
    page = watched.page
    page.goto(server.address)
    page.get_by_role("tab", name="Review").click()
    page.set_input_files("#review-files input[type=file]", [heart, *quiet])
    page.locator("#review-files").get_by_text(Path(quiet[-1]).stem[:5]).first.wait_for()
    page.locator("#review-start").click()
    asked = page.locator("#review-asked")
    for number, key in enumerate(("ArrowRight", "ArrowLeft", "ArrowDown"), 1):
        asked.get_by_text(f"Recording {number} of 3").wait_for()
        page.locator("body").press(key)
    asked.get_by_text("All 3 recordings are judged").wait_for()
    page.locator("#review-choose").click()
    page.locator("#review-result").get_by_text("Threshold").wait_for()
    text = page.locator("#review-result").inner_text()
    assert "of 1 recordings with murmur, 100 % are found" in text
    assert watched.complaints == []
