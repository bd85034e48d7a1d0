"""The web server of ``skheart serve``: access, the HTTP interface and the page."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from skheart import __version__
from skheart._core.optional import optional_import
from skheart.report.web_desk import Desk, Limits, RefusedError, safe_name

LOCAL = ("127.0.0.1", "localhost", "::1")
_FORM = (
    'Send one file in the form field "recording", such as: curl -F '
    "recording=@heart.wav http://127.0.0.1:7860/api/describe"
)
_HEADERS = {
    # Scripts and styles of the page itself are allowed; nothing is loaded from outside.
    "content-security-policy": (
        "default-src 'self' 'unsafe-inline' data: blob:; "
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def web_app(
    model: Any,
    *,
    limits: Limits,
    hosts: tuple[str, ...] | None,
    password: str | None,
) -> Any:
    """Return the server as an ASGI application.

    It answers under the names `hosts`; None stands for any, only with a password, which
    each request must bring as HTTP's basic authentication with any user name.
    """
    fastapi = optional_import("fastapi", user="skheart serve", extra="web")
    if hosts is None and not password:
        raise ValueError("password must be set where others can reach the server.")
    desk = Desk(model, limits)
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_interface(app, desk)
    from skheart.report.web_page import add_page

    add_page(app, desk)
    return Guard(app, hosts=hosts, password=password, size=limits.size)


def _add_interface(app: Any, desk: Desk) -> None:
    """Add the addresses for programs."""
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    async def health(_: Request) -> Any:
        facts = desk.model.facts
        return JSONResponse(
            {"status": "ok", "model": facts.name, "hash": facts.hash}
            | {"version": __version__}
        )

    async def describe(request: Request) -> Any:
        try:
            return JSONResponse(await _described(desk, request))
        except RefusedError as refused:
            return JSONResponse({"error": str(refused)}, refused.status)

    app.add_route("/healthz", health, methods=["GET"])
    app.add_route("/api/describe", describe, methods=["POST"])


async def _described(desk: Desk, request: Any) -> dict[str, Any]:
    """Return the description of the file in a request."""
    from starlette.exceptions import HTTPException

    try:
        async with request.form(max_files=1, max_fields=4) as form:
            return await _described_form(desk, form)
    except HTTPException as error:  # the form is damaged
        raise RefusedError(400, f"{error.detail} {_FORM}") from None


async def _described_form(desk: Desk, form: Any) -> dict[str, Any]:
    upload = form.get("recording")
    if not hasattr(upload, "read"):
        raise RefusedError(400, _FORM)
    location = form.get("location") or None
    prevalence = _number("prevalence", form.get("prevalence"))
    with TemporaryDirectory(prefix="skheart-") as folder:
        path = Path(folder) / safe_name(upload.filename)
        path.write_bytes(await upload.read())
        work = partial(desk.describe, path, location=location, prevalence=prevalence)
        found = await desk.run(work)
    return found.as_dict()


def _number(name: str, text: Any) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except (TypeError, ValueError):
        raise RefusedError(400, f"{name} must be a number, got {text!r}.") from None


class Guard:
    """Refuses requests before the application sees them; adds headers to answers.

    Requests for another host are refused because a page of a stranger could make the
    browser send them (DNS rebinding).
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        hosts: tuple[str, ...] | None,
        password: str | None,
        size: float,
    ) -> None:
        self.app, self.hosts, self.password, self.size = app, hosts, password, size

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # nothing here uses a websocket
            return await send({"type": "websocket.close", "code": 1008})
        headers = {k.decode("latin-1").lower(): v for k, v in scope["headers"]}
        headers = {k: v.decode("latin-1") for k, v in headers.items()}
        send = _with_headers(send)
        try:
            self._check(scope["method"], headers)
        except RefusedError as refused:
            return await _refuse(send, refused)
        return await self.app(scope, receive, send)

    def _check(self, method: str, headers: dict[str, str]) -> None:
        host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if self.hosts is not None and host not in self.hosts:
            raise RefusedError(
                421, f"This server does not answer for the host {host!r}."
            )
        if self.password and not _knows(headers, self.password):
            raise RefusedError(401, "A password is required.")
        if method in ("GET", "HEAD", "OPTIONS"):
            return
        length = headers.get("content-length", "")
        if not length.isdigit():
            raise RefusedError(411, "The request has no Content-Length header.")
        if int(length) > self.size * 1e6 + 10_000:  # and the form around the file
            raise RefusedError(413, f"The upload is larger than {self.size:g} MB.")


def _knows(headers: dict[str, str], password: str) -> bool:
    """Return whether a request brings the password."""
    kind, _, content = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(content, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, password.encode())


def _with_headers(send: Any) -> Any:
    """Return a function that adds our headers to each answer."""
    added = [(k.encode(), v.encode()) for k, v in _HEADERS.items()]

    async def with_headers(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return with_headers


async def _refuse(send: Any, refused: RefusedError) -> None:
    content = json.dumps({"error": str(refused)}).encode()
    headers = [(b"content-type", b"application/json")]
    headers.append((b"content-length", str(len(content)).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="skheart"'))
    start = {"type": "http.response.start", "status": refused.status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": content})
