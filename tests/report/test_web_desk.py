"""Test how ``skheart serve`` limits its work."""

import asyncio
import threading

import pytest

from skheart.report.web_desk import Desk, Limits, RefusedError


def test_work_that_takes_too_long_keeps_its_place():
    """Otherwise each request that is given up adds a thread to the others."""
    release, started = threading.Event(), []

    def endless():
        started.append(True)
        release.wait()

    async def three():
        desk = Desk("murmur", Limits(time=0.5))
        try:
            for _ in range(3):
                with pytest.raises(RefusedError, match=r"within 0\.5 seconds") as error:
                    await desk.run(endless)
                assert error.value.status == 504
            assert len(started) == 2
        finally:
            release.set()

    asyncio.run(three())


def test_too_many_that_wait():
    async def refused():
        desk = Desk("murmur", Limits(queue=1))
        release = threading.Event()
        first = asyncio.create_task(desk.run(release.wait))
        await asyncio.sleep(0)  # the first one takes its place
        try:
            with pytest.raises(RefusedError, match="1 recordings wait already"):
                await desk.run(release.wait)
        finally:
            release.set()
            await first

    asyncio.run(refused())
