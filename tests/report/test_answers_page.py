"""The report: complete, self-contained, safe, readable by everyone."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

import skheart.report
from skheart.report import UnusableRecording, report_page, write_report
from skheart.report.data_urls import png, spectrogram_address
from skheart.report.description import BandContribution, FrequencyContribution
from skheart.report.sheets import frequency_table
from skheart.report.timeline import marked_phase, rounded

STYLE = (Path(skheart.report.__file__).parent / "report.css").read_text("utf-8")
VOID = ("meta", "br", "img", "input", "link")
LOADING = ("src", "href", "xlink:href", "action", "data", "poster", "srcset")


class Tags(HTMLParser):
    """Collect the elements of a page, and check that they are nested."""

    def __init__(self, page):
        super().__init__()
        self.open, self.found = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), f"twice the same in {tag}"
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def page(patient, loud):
    bad = UnusableRecording("bad.wav", None, "'bad.wav' is an empty file.")
    return report_page([patient, loud, bad], title="Ward & more")


@pytest.fixture(scope="module")
def tags(page):
    return Tags(page)


def test_nothing_is_loaded_from_elsewhere(page, tags):
    addresses = [
        value
        for _, attributes in tags.found
        for name, value in attributes.items()
        if name in LOADING
    ]
    assert len(addresses) > 10
    allowed = ("#", "data:image/png;base64,", "data:audio/wav;base64,")
    assert all(address.startswith(allowed) for address in addresses)
    assert not tags.of("link", "iframe", "object", "embed", "base", "form")
    assert not re.search(r"@import|url\(|https?://|fetch\(|XMLHttp|import\(", page)


def test_the_policy_allows_the_style_and_the_program_and_nothing_else(page, tags):
    (policy,) = [x["content"] for x in tags.of("meta") if "http-equiv" in x]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    # What the policy would block:
    for tag, attributes in tags.found:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag


def test_text_from_files_is_escaped(loud):
    odd = '<img src=x onerror="alert(1)">&\'".wav'
    named = dataclasses.replace(loud, file=odd)
    model = dataclasses.replace(loud.model, name="<script>alert(2)</script>")
    named = dataclasses.replace(named, model=model, doubts=("<b>no</b>",))
    text = report_page(
        [named, UnusableRecording("</main><i>", None, "<u>bad</u>")],
        title="<s>title</s>",
    )
    tags = Tags(text)
    for tag in ("b", "i", "u", "s", "img"):
        assert not tags.of(tag)
    assert len(tags.of("script")) == 1
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#x27;&quot;.wav" in text


def test_classes_with_odd_names_are_escaped(loud):
    odd = '"><script>'
    probabilities = {odd: 0.9, "normal": 0.1}
    windows = tuple(
        dataclasses.replace(one, probabilities=probabilities) for one in loud.windows
    )
    contribution = dataclasses.replace(loud.contribution, positive=odd)
    model = dataclasses.replace(loud.model, positive=odd, classes=(odd, "normal"))
    changed = dataclasses.replace(
        loud,
        answer=odd,
        probabilities=probabilities,
        windows=windows,
        contribution=contribution,
        model=model,
    )
    assert len(Tags(report_page([changed])).of("script")) == 1


def test_names_of_files_that_are_not_utf8(loud, tmp_path):
    named = dataclasses.replace(loud, file="bad\udcffname.wav")
    write_report(tmp_path / "page.html", [named])
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "bad?name.wav" in text


def test_there_is_a_sheet_for_each_recording_and_patient(page, tags, patient):
    sheets = [x for x in tags.of("article") if x["class"] == "sheet"]
    assert len(sheets) == 1 + len(patient.recordings) + 1
    ids = [x["id"] for _, x in tags.found if "id" in x]
    assert len(ids) == len(set(ids))
    links = [x["href"][1:] for x in tags.of("a")]
    assert set(links) <= set(ids)
    assert "Not used" in page
    assert "bad.wav" in page
    assert "medical device" in page


def test_a_screen_reader_and_the_keyboard_reach_everything(tags):
    for attributes in tags.of("audio", "figure", "nav"):
        labelled = "aria-label" in attributes or attributes.get("class")
        assert labelled, attributes
    for attributes in tags.of("audio"):
        assert attributes["aria-label"].startswith("Sound of ")
        assert "controls" in attributes
    ids = {x["id"] for _, x in tags.found if "id" in x}
    for _, attributes in tags.found:
        if attributes.get("role") in ("img", "group", "button", "region"):
            assert attributes["aria-label"]
        if attributes.get("role") == "button":
            assert attributes["tabindex"] == "0"
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
    levels = [int(tag[1]) for tag, _ in tags.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1  # none is skipped
    assert tags.of("html")[0]["lang"] == "en"
    assert tags.of("main")
    for attributes in tags.of("th"):
        assert attributes["scope"] in ("row", "col")


def luminance(colour):
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in values
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_has_enough_contrast():
    windows = re.findall(r"\.p\d+ \{ fill: (#\w{6})", STYLE)
    assert len(windows) == 11
    assert min(contrast(colour, "#111111") for colour in windows) > 7
    light, dark = STYLE.split("prefers-color-scheme: dark")
    for part in (light, dark.split("@media")[0]):
        colours = dict(re.findall(r"(--\w+): (#\w{6})", part))
        for name in ("--ink", "--accent", "--bad", "--good"):
            assert contrast(colours[name], colours["--paper"]) > 4.5, (name, colours)


def test_the_sound_is_what_was_analysed(page, loud):
    addresses = re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)
    content = base64.b64decode(addresses[-1])
    waveform, rate = soundfile.read(io.BytesIO(content))
    assert rate == 4000
    assert len(waveform) / rate == pytest.approx(loud.duration, abs=0.001)
    expected = loud.sound.waveform / np.abs(loud.sound.waveform).max() * 0.9
    np.testing.assert_allclose(waveform, expected, atol=1e-4)


def test_windows_say_what_they_play(page, tags, loud):
    buttons = [x for x in tags.of("g") if x.get("role") == "button"]
    inside = [one for one in loud.windows if one.start < loud.duration]
    for button, window in zip(buttons[-len(inside) :], inside, strict=True):
        assert float(button["data-start"]) == pytest.approx(window.start, abs=1e-3)
        p = window.probabilities["murmur"]
        assert button["aria-label"].endswith(f"probability of murmur {rounded(p)}")
        assert float(button["data-end"]) <= loud.duration + 1e-3


def test_systole_of_a_systolic_murmur_is_marked(loud):
    shares = {"s1": 0.1, "systole": 0.6, "s2": 0.1, "diastole": 0.1, "none": 0.1}
    murmur = dataclasses.replace(
        loud, contribution=dataclasses.replace(loud.contribution, by_phase=shares)
    )
    assert marked_phase(murmur) == "systole"
    assert 'class="systole marked"' in report_page([murmur])
    normal = dataclasses.replace(murmur, answer="normal")
    assert marked_phase(normal) is None
    assert 'marked"' not in report_page([normal])


def test_bands_have_bars_of_their_share(loud):
    shares = [0.6, -0.2, 0.2, -0.001]
    bands = tuple(
        BandContribution(100.0 * n, 100.0 * n + 100, 9.0, share)
        for n, share in enumerate(shares)
    )
    found = FrequencyContribution("<murmur>", bands)
    described = dataclasses.replace(loud, frequency_contribution=found)
    table = frequency_table(described)
    cells = re.findall(r"<td>([^<]+)</td>", table)
    assert cells == ["+60", "\N{MINUS SIGN}20", "+20", "0"]
    assert re.findall(r'scope="row">([^<]+)', table)[:2] == [
        "0 to 100 Hz",
        "100 to 200 Hz",
    ]
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', table)
    assert bars[:3] == [
        ("for", "25.0", "75.0"),
        ("against", "0.0", "25.0"),
        ("for", "25.0", "25.0"),
    ]
    assert "support &lt;murmur&gt;" in table
    assert table in report_page([described])
    nothing = FrequencyContribution("murmur", (BandContribution(0, 9, 0, np.nan),))
    assert "<td>0</td>" in frequency_table(
        dataclasses.replace(loud, frequency_contribution=nothing)
    )


def test_the_image_of_a_spectrogram_has_its_colours():
    image = png(np.array([[0, 1], [2, 0]], np.uint8), np.array([[9, 8, 7]] * 3))
    address = spectrogram_address(np.linspace(0, 1, 12).reshape(3, 4))
    from matplotlib.image import imread

    assert imread(io.BytesIO(image)).shape[:2] == (2, 2)
    pixels = imread(io.BytesIO(base64.b64decode(address.split(",")[1])))
    brightness = pixels[..., :3].sum(axis=-1)
    assert brightness.shape == (3, 4)
    assert brightness[0].mean() > brightness[-1].mean()  # high bands are above


def test_recordings_without_a_heartbeat_have_a_sheet(loud):
    silent = dataclasses.replace(
        loud,
        phases=(),
        loudness=None,
        average_beat=None,
        contribution=None,
        frequency_contribution=None,
        windows=(),
        heart_rate=type(loud.heart_rate)(np.nan, 0.0),
    )
    text = report_page([silent])
    assert "no heartbeat found" in text
    assert "By frequency" not in text
    assert "No complete heartbeat was found" in text
    Tags(text)


def test_wrong_input(loud, tmp_path):
    with pytest.raises(ValueError, match="at least one description, got none"):
        report_page([])
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_report(tmp_path / "no" / "page.html", [loud])
