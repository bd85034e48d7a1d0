"""``skheart serve``: a page on which recordings are dropped and explained."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import tempfile
from typing import Any

from skheart._core.checks import check_number
from skheart._core.optional import optional_import
from skheart.cli.options import add_options
from skheart.cli.quiet import quiet_stderr

_EPILOG = """\
The page and the HTTP interface are for this computer only. Any other --host needs a
password in the environment variable SKHEART_PASSWORD; the browser asks for it, with any
user name. Passwords and recordings are sent without encryption: put a proxy with HTTPS
in front of it. Nothing is stored: uploads are removed after their answer, at the latest
when the server stops.

  curl -F recording=@heart.wav http://127.0.0.1:7860/api/describe
  curl http://127.0.0.1:7860/healthz

examples:
  skheart serve
  skheart serve --model mine.skheart --port 8000
  SKHEART_PASSWORD=... skheart serve --host 0.0.0.0

skheart is for research. It is not a medical device.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(
        parser,
        ("--model", str, "NAME_OR_FILE", "pretrained model or model file", "murmur"),
        "--allow-pickle",
        ("--host", str, "ADDRESS", "address to listen at", "127.0.0.1"),
        ("--port", int, "PORT", "port to listen at, 0 for any that is free", 7860),
        ("--max-size", float, "MB", "largest upload", 50.0),
        ("--max-duration", float, "SECONDS", "longest recording", 600.0),
        ("--max-time", float, "SECONDS", "longest time for an answer", 60.0),
        ("--max-queue", int, "N", "recordings that may wait", 32),
    )


def run(options: argparse.Namespace) -> int:
    """Serve until an interrupt."""
    for name, unit in (("size", "MB"), ("duration", "seconds"), ("time", "seconds")):
        check_number(f"--max-{name}", getattr(options, f"max_{name}"), unit=unit)
    check_number("--max-queue", options.max_queue, integer=True)
    check_number("--port", options.port, high=65_535, closed="both", integer=True)
    password = os.environ.get("SKHEART_PASSWORD") or None
    local = _is_local(options.host)
    if not local and password is None:
        raise ValueError(
            f"--host {options.host} can be reached by other computers; set a password "
            "in the environment variable SKHEART_PASSWORD."
        )
    uvicorn = optional_import("uvicorn", user="skheart serve", extra="web")
    listening = _listening(options.host, options.port)
    with tempfile.TemporaryDirectory(prefix="skheart-") as folder:
        # Gradio reads these when it is imported.
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        app = _app(options, password, local)
        host, port = listening.getsockname()[:2]
        print(f"http://{host}:{port}  (Ctrl+C stops it)", flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _app(options: argparse.Namespace, password: str | None, local: bool) -> Any:
    from skheart.cli.models_by_name import open_estimator

    model = open_estimator(options.model, allow_pickle=options.allow_pickle)
    with quiet_stderr():
        from skheart.report.answering_model import answering
        from skheart.report.web_desk import Limits
        from skheart.report.web_server import LOCAL, web_app

        limits = Limits(
            size=options.max_size,
            duration=options.max_duration,
            time=options.max_time,
            queue=options.max_queue,
        )
        opened = answering(model, name=os.path.basename(options.model))
        return web_app(
            opened, limits=limits, hosts=LOCAL if local else None, password=password
        )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, or raise with one sentence."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(
            f"The server cannot listen at {host}, port {port} ({error.strerror}); "
            "choose another --port or --host."
        ) from None
