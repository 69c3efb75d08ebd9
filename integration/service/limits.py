"""Limits as ASGI middleware: size of a body, bytes in work, time. Nothing is read beyond them."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opensearch_clir.service.answers import Refusal, refusal_of

__all__ = ["Limited"]


class Limited:
    """Refuses bodies that are too large, more work than fits, and requests that take too long.

    Args:
        app: what answers the requests.
        body: bytes of one body; more is a 413.
        waiting: bytes of all bodies in work; more is a 503 with ``Retry-After``.
        seconds: for one request, from its first byte to its last; more is a 504.
    """

    def __init__(self, app: ASGIApp, *, body: int, waiting: int, seconds: float) -> None:
        """Wrap an app."""
        self._app = app
        self._body = body
        self._waiting = waiting
        self._seconds = seconds
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes of the bodies that are being worked on."""
        return self._held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        held = 0

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            self._held += size
            held += size
            if held > self._body:
                raise self._too_large()
            if self._held > self._waiting:
                raise _too_busy()
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            announced = _length(scope)
            if announced > self._body:
                raise self._too_large()
            if self._held + announced > self._waiting:
                raise _too_busy()
            await asyncio.wait_for(self._app(scope, counted, watched), self._seconds)
        except Refusal as error:
            retry = {"Retry-After": "1"} if error.status == 503 else {}
            # What was not read of the body would be taken for the next request.
            await refusal_of(error, {"Connection": "close", **retry})(scope, receive, send)
        except asyncio.TimeoutError:
            if started:
                raise
            text = f"not answered within {self._seconds:g} s"
            await refusal_of(Refusal(504, "too_slow", text))(scope, receive, send)
        finally:
            self._held -= held

    def _too_large(self) -> Refusal:
        return Refusal(413, "too_large", f"the body is larger than {self._body:,} bytes")


def _too_busy() -> Refusal:
    return Refusal(503, "too_busy", "too much work at once: try again later")


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
