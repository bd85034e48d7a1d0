"""A server of ``skheart serve`` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest


class Server:
    """A running server: its address, its temporary folder, and how to stop it."""

    def __init__(self, folder, *arguments, password=None):
        self.folder = folder
        environment = os.environ | {"TMPDIR": str(folder)}
        if password:
            environment["SKHEART_PASSWORD"] = password
        self.process = subprocess.Popen(
            [sys.executable, "-m", "skheart", "serve", "--port", "0", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.match(r"http://\S+:\d+", line)
        if found is None:
            raise RuntimeError(f"{line}{self.stop()}")
        self.address = found[0]

    def stop(self):
        """Interrupt the server, and return what it wrote to standard error."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate()
        return errors


@pytest.fixture(scope="session")
def start():
    """Return a function that starts a server; all are stopped in the end."""
    running = []

    def started(folder, *arguments, **settings):
        running.append(Server(folder, *arguments, **settings))
        return running[-1]

    yield started
    for server in running:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(start, tmp_path_factory):
    """Return a server with the model "murmur"."""
    return start(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def heart(shared_data):
    """Return the path of a real recording with a murmur."""
    from skheart.datasets import load_circor2022

    corpus = load_circor2022(shared_data, target="murmur_at_location", as_frame=False)
    return corpus.data[corpus.target == "Present"][0]
