"""Test the settings that are read from environment variables."""

import pytest

from skheart._core.environment import thread_limit


@pytest.mark.parametrize(
    ("text", "limit"), [("3", 3), ("0", None), ("", None), ("two", None), ("-1", None)]
)
def test_thread_limit(monkeypatch, text, limit):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert thread_limit() == limit


def test_thread_limit_without_the_variable(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert thread_limit() is None
