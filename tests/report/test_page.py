"""The page of an evaluation: complete, self-contained, safe."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from skheart._core.decisions import Decision
from skheart.datasets import make_heart_sounds
from skheart.report import evaluate_answers, write_evaluation_page

CLASSES = ["murmur", "normal"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    sounds = make_heart_sounds(12, duration=3.0, random_state=0)
    paths = [str(folder / f"<b>{i}&.wav") for i in range(12)]
    for path, waveform in zip(paths, sounds.data, strict=True):
        soundfile.write(path, waveform, sounds.sample_rate)
    murmur = np.where(sounds.target == "murmur", 0.8, 0.2)
    murmur[0] = 1 - murmur[0]  # the worst answer
    p = np.stack([murmur, 1 - murmur], axis=1)
    figures = evaluate_answers(
        sounds.target,
        p,
        classes=CLASSES,
        groups=sounds.groups,
        decision=Decision(positive="murmur", threshold=0.4),
    )
    write_evaluation_page(
        folder / "page.html",
        figures,
        title="murmur <on> simulated sounds",
        recordings=paths,
        y_true=sounds.target,
        probabilities=p,
        groups=sounds.groups,
        notes=["Twelve recordings & no patient."],
    )
    return (folder / "page.html").read_text(encoding="utf-8")


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and value:
                self.addresses.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_needs_nothing_else(page):
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.addresses
    assert all(
        address.startswith(("#", "data:image/png")) for address in tags.addresses
    )
    assert not re.search(r"<script|@import|url\((?!#)", page)


def test_text_is_escaped(page):
    assert "murmur &lt;on&gt; simulated sounds" in page
    assert "&lt;b&gt;0&amp;.wav" in page
    assert "<b>" not in page


def test_figures_are_there(page):
    for text in ("AUROC", "sensitivity", "PPV", "0.4 (of the model)", "medical device"):
        assert text in page
    assert page.count("<svg") == 2
    assert page.count("data:image/png;base64") == 1  # of the one wrong answer


def test_names_inside_the_pictures_are_unique(page):
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(names) == len(set(names))
