"""The head of an HTTP/1.1 message (RFC 9112), kept as the bytes it came in.

Strict where leniency lets two readers disagree about where a message ends: bare CR or LF, folded
lines, blanks before a colon and control characters are refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

__all__ = ["Field", "Malformed", "Request", "Response", "fields_of", "parse_request"]
__all__ += ["parse_response"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST = re.compile(rb"(%s) ([^\x00-\x20\x7f]+) HTTP/(1\.[01])" % _TOKEN)
_RESPONSE = re.compile(rb"HTTP/(1\.[01]) ([1-5][0-9][0-9])(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?")
_FIELD = re.compile(rb"(%s):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*" % _TOKEN)


class Malformed(Exception):  # noqa: N818  a verdict on a message, turned into an answer
    """A message that is refused.

    Attributes:
        status: that the sender is answered with.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Field:
    """One header field.

    Attributes:
        raw: the line as it came, without its end.
        name: in lower case.
        value: without blanks around it.
    """

    raw: bytes
    name: bytes
    value: bytes

    @classmethod
    def of(cls, name: bytes, value: bytes) -> Field:
        """Make a field of ours."""
        return cls(name + b": " + value, name.lower(), value)


@dataclass(frozen=True)
class _Head:
    start: bytes
    version: bytes
    fields: tuple[Field, ...]

    def get(self, name: bytes) -> bytes | None:
        """Return the value of the first field of that name."""
        return next((field.value for field in self.fields if field.name == name), None)

    def all(self, name: bytes) -> list[bytes]:
        """Return the values of all fields of that name."""
        return [field.value for field in self.fields if field.name == name]

    def tokens(self, name: bytes) -> list[bytes]:
        """Return the members of a list-valued field, in lower case."""
        members = (m.strip(b" \t").lower() for v in self.all(name) for m in v.split(b","))
        return [member for member in members if member]

    def without(self, names: Collection[bytes]) -> tuple[Field, ...]:
        """Return the fields but those of some names, in their order."""
        return tuple(field for field in self.fields if field.name not in names)

    def wire(self) -> bytes:
        """Return the head as it is sent."""
        return b"\r\n".join((self.start, *(field.raw for field in self.fields), b"", b""))


@dataclass(frozen=True)
class Request(_Head):
    """Head of a request.

    Attributes:
        start: the request line.
        version: ``1.0`` or ``1.1``.
        fields: in their order.
        method: as it came.
        target: path and query, percent-encoded as they came.
    """

    method: bytes
    target: bytes

    def replaced(
        self, *, target: bytes | None = None, fields: Iterable[Field] | None = None
    ) -> Request:
        """Return the request with another target or other fields."""
        target = self.target if target is None else target
        start = b"%s %s HTTP/%s" % (self.method, target, self.version)
        chosen = self.fields if fields is None else tuple(fields)
        return Request(start, self.version, chosen, self.method, target)


@dataclass(frozen=True)
class Response(_Head):
    """Head of a response.

    Attributes:
        start: the status line.
        version: ``1.0`` or ``1.1``.
        fields: in their order.
        status: code.
    """

    status: int

    def replaced(self, fields: Iterable[Field]) -> Response:
        """Return the response with other fields."""
        return Response(self.start, self.version, tuple(fields), self.status)


def parse_request(head: bytes) -> Request:
    """Read the head of a request, up to and without the empty line.

    Only paths are taken as targets: with a whole address or ``CONNECT`` a client could ask for
    another server.

    Raises:
        Malformed: it is not of the strict form.
    """
    start, fields = _split(head)
    match = _REQUEST.fullmatch(start)
    if match is None:
        raise Malformed("the request line is not of the form METHOD /PATH HTTP/1.1")
    method, target, version = match.groups()
    if not target.startswith(b"/") and (method, target) != (b"OPTIONS", b"*"):
        raise Malformed("the request target must be a path; this is no forward proxy")
    if b"#" in target:
        raise Malformed("the request target has a fragment")
    hosts = sum(field.name == b"host" for field in fields)
    if hosts > 1 or (hosts == 0 and version == b"1.1"):
        raise Malformed("a request has one Host field")
    return Request(start, version, fields, method, target)


def parse_response(head: bytes) -> Response:
    """Read the head of a response, up to and without the empty line.

    Raises:
        Malformed: it is not of the strict form.
    """
    start, fields = _split(head)
    match = _RESPONSE.fullmatch(start)
    if match is None:
        raise Malformed("the status line is not of the form HTTP/1.1 STATUS REASON", 502)
    return Response(start, match[1], fields, int(match[2]))


def fields_of(lines: Iterable[bytes]) -> tuple[Field, ...]:
    """Read header lines, without their ends.

    Raises:
        Malformed: one is not of the form ``name: value``.
    """
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Malformed("a header line is not of the form NAME: VALUE")
        fields.append(Field(line, match[1].lower(), match[2]))
    return tuple(fields)


def _split(head: bytes) -> tuple[bytes, tuple[Field, ...]]:
    start, *lines = head.split(b"\r\n")
    return start, fields_of(lines)
