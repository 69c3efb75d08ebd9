"""A bearer token, compared in constant time."""

from __future__ import annotations

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from opensearch_clir.service.answers import Refusal, refusal_of

__all__ = ["OPEN_PATHS", "TokenRequired", "has_token"]

#: Answered without a token: orchestrators ask for them, and they tell nothing about documents.
OPEN_PATHS = frozenset({"/health", "/ready", "/openapi.json"})

_SCHEME = b"bearer "


class TokenRequired:
    """Lets through only requests with the token; see `OPEN_PATHS` for the rest.

    Args:
        app: what answers the requests.
        token: that ``Authorization: Bearer …`` must carry.
    """

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        """Wrap an app."""
        self._app = app
        self._token = token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        guarded = scope["type"] == "http" and scope["path"] not in OPEN_PATHS
        if guarded and not has_token(scope, self._token):
            refusal = Refusal(401, "unauthorized", "send the token as Authorization: Bearer …")
            # The body is not read, so the connection can't be used again.
            headers = {"WWW-Authenticate": "Bearer", "Connection": "close"}
            await refusal_of(refusal, headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def has_token(scope: Scope, token: bytes) -> bool:
    """Whether a request carries a token; one header only, so that nothing can be smuggled."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1 or given[0][: len(_SCHEME)].lower() != _SCHEME:
        return False
    return hmac.compare_digest(given[0][len(_SCHEME) :].strip(), token)
