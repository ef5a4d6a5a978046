"""Stands before every route of the studio: who may come in, and how much they may bring."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_COOKIE = "d3talker-token"
_FORM = 64_000  # bytes around a file in a form
LOCAL = ("127.0.0.1", "localhost", "::1")


class Guard:
    """An ASGI application around another one.

    Args:
        app: what is guarded.
        token: what every request must carry, as a cookie, as ``?token=``, or as a bearer; empty asks for none.
        largest: bytes of a request.
        hosts: names that the request may be addressed to, so that no other site's name leads here; none means any.
    """

    def __init__(self, app: Any, token: str, largest: int, hosts: tuple[str, ...] = ()) -> None:
        self._app, self._token, self._largest, self._hosts = app, token, largest + _FORM, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            await _answer(send, 421, "This studio is only for the machine that it runs on.")
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._token and not self._known(headers, given):
            await _answer(send, 401, "This studio wants a token: open the address that it printed, with ?token=...")
            return
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > self._largest:
            text = f"This is too large: at most {self._largest // 1_000_000} MB. Cut or compress it."
            await _answer(send, 413, text, [(b"connection", b"close")])
            return
        await self._app(scope, self._counted(receive), self._remembered(send, given))

    def _known(self, headers: dict[str, str], given: str) -> bool:
        cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        told = (given, bearer, "" if cookie is None else cookie.value)
        return any(hmac.compare_digest(one.encode(), self._token.encode()) for one in told)

    def _remembered(self, send: Send, given: str) -> Send:
        """Leaves the token with the browser once it came in the address."""
        if not self._token or not given:
            return send
        cookie = f"{_COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/".encode()

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"set-cookie", cookie)]
            await send(message)

        return sent

    def _counted(self, receive: Receive) -> Receive:
        """Breaks off a request that does not say how long it is and does not end."""
        total = 0

        async def received() -> MutableMapping[str, Any]:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b"") or b"")
            return {"type": "http.disconnect"} if total > self._largest else message

        return received


def _host(header: str) -> str:
    return header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]


async def _answer(send: Send, code: int, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    kind = [(b"content-type", b"text/html; charset=utf-8"), *(headers or [])]
    await send({"type": "http.response.start", "status": code, "headers": kind})
    await send({"type": "http.response.body", "body": f"<p>{escape(text)}</p>".encode()})
