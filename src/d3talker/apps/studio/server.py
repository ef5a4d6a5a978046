"""Serves the studio: the page, its reports, and the guard before both."""

from __future__ import annotations

import errno
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from d3talker.apps.studio.guard import LOCAL, Guard
from d3talker.apps.studio.limits import Limits
from d3talker.apps.studio.works import Works
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error


@dataclass(frozen=True)
class StudioSettings:
    """How a studio is opened."""

    workspace: Path
    """Folder of its persons and videos."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 7860
    """Of that address."""
    token: str = ""
    """What visitors must know; made and printed where the host is not this machine alone."""
    limits: Limits = Limits()
    """What may be sent."""
    device: str = "auto"
    """Where to compute."""


def serve(settings: StudioSettings, tell: Callable[[str], None]) -> None:
    """Opens the studio and serves it until Ctrl-C; ``tell`` hears its address.

    Raises:
        D3Error: gradio is missing, the workspace cannot be written, or the port is taken.
    """
    if find_spec("gradio") is None:
        raise D3Error("gradio is not installed", "the extra app", "Run: pip install 'd3talker[app]'")
    listener = _listener(settings.host, settings.port)
    workspace = Workspace.open(settings.workspace)
    local = settings.host in LOCAL
    token = settings.token or ("" if local else secrets.token_urlsafe(16))
    works = Works(workspace)
    app = Guard(build(workspace, works, settings), token, settings.limits.bytes, LOCAL if local else ())
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    tell(f"studio: http://{shown}:{settings.port}/{f'?token={token}' if token else ''}")
    import uvicorn

    try:
        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)).run([listener])
    finally:
        works.close()


def build(workspace: Workspace, works: Works, settings: StudioSettings) -> Any:
    """The application, unguarded."""
    os.environ["GRADIO_TEMP_DIR"] = str(workspace.uploads)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: it calls home then
    import gradio
    from fastapi import FastAPI
    from fastapi.responses import FileResponse, HTMLResponse

    from d3talker.apps.studio.page import STYLE, build_page, theme

    app = FastAPI(openapi_url=None)

    @app.get("/studio/reports/{name}/{which}")
    def report(name: str, which: str) -> Any:
        places = {"clip": "work/clip/report.html", "training": "report.html"}
        try:
            file = workspace.folder(name) / places[which]
        except (D3Error, KeyError):
            return HTMLResponse("<p>No such report.</p>", 404)
        return FileResponse(file) if file.is_file() else HTMLResponse("<p>No such report.</p>", 404)

    @app.get("/studio/comparisons/{number}")
    def comparison(number: str) -> Any:
        file = workspace.videos / f"{number}.html"
        known = number.isalnum() and file.is_file()
        return FileResponse(file) if known else HTMLResponse("<p>No such comparison.</p>", 404)

    return gradio.mount_gradio_app(
        app,
        build_page(workspace, works, settings.limits, settings.device),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        max_file_size=settings.limits.bytes,
        allowed_paths=[str(workspace.videos)],
        show_error=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        footer_links=[],
        theme=theme(),
        css=STYLE,
    )


def _listener(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is told before anything is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            seen = f"port {port} is taken, by another studio perhaps"
            raise D3Error(seen, "a free port", f"Open that one, or give --port {port + 1}.") from None
        raise D3Error(
            f"cannot listen on {host}:{port} ({error.strerror})", "an address of this machine", "Mend --host or --port."
        ) from None
    return listener
