"""`reml watch --web`: the page, for browsers of this machine alone, which may only read it."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.watching.discreet import discreet
from benchmarks.watching.page import fragment, shell, trouble
from benchmarks.watching.view import Viewer

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
PORT = 8765
"""Asked for first, where no other is named."""
LOOK_SECONDS = 1.0
RESTS = 4.0
"""So many times as long as it took to look at a folder, it is left alone."""
PATIENCE_SECONDS = 10.0
"""A browser that says nothing for so long is left alone."""
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Latest:
    """What is to be shown, made anew when somebody asks and it is older than a second."""

    def __init__(self, directory: Path) -> None:
        self._viewer = Viewer(directory)
        self._lock = threading.Lock()
        self._next = 0.0
        self._shown = ""
        self.title = f"{self._viewer.run().name}: REML watch"

    def __call__(self) -> str:
        with self._lock:
            if (started := time.monotonic()) >= self._next:
                at = time.strftime("%H:%M:%S")
                try:
                    self._shown = fragment(self._viewer.look(), at)
                except (UserError, OSError) as error:
                    self._shown = trouble(discreet(str(error)), at)
                took = time.monotonic() - started
                self._next = time.monotonic() + max(LOOK_SECONDS, RESTS * took)
            return self._shown


class Server(ThreadingHTTPServer):
    """Serves the page until it is closed."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, latest: Latest, port: int) -> None:
        """Raises:
        OSError: somebody else has the port.
        """
        self.latest = latest
        super().__init__((HOST, port), Handler)
        port = self.server_address[1]
        self.hosts = {f"{name}:{port}" for name in NAMES}
        self.hosts |= set(NAMES) if port == 80 else set()
        self.origins = {f"http://{it}" for it in self.hosts}
        self.address = f"http://{HOST}:{port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away is nobody's fault; all else is said where this was begun."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of two addresses, asked for by the page itself or by a person."""

    server: Server
    server_version = "reml"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def _answer(self) -> None:
        if refusal := self._refusal():
            self._send(*refusal)
        elif self.path == "/":
            page = shell(self.server.latest(), self.server.latest.title)
            self._send(
                HTTPStatus.OK, page.text, "text/html", {"Content-Security-Policy": page.policy}
            )
        elif self.path == "/now":
            policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
            self._send(HTTPStatus.OK, self.server.latest(), "text/html", policy)
        else:
            self._send(HTTPStatus.NOT_FOUND, "there is nothing here\n")

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Why a request is not answered: other pages of the same browser may have made it.

        One whose name an attacker has pointed at this machine says so in its Host.
        """
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST, "this page is asked for by another name\n"
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() not in self.server.origins:
            return HTTPStatus.FORBIDDEN, "this page is not for other pages\n"
        site = self.headers.get("Sec-Fetch-Site", "none")
        visited = self.headers.get("Sec-Fetch-Mode") == "navigate"
        if site not in ("none", "same-origin") and not visited:
            return HTTPStatus.FORBIDDEN, "this page is not for other pages\n"
        return None

    def _refuse_method(self) -> None:
        self.close_connection = True  # what it sends along is not read
        self._send(
            HTTPStatus.METHOD_NOT_ALLOWED, "this can only be read\n", more={"Allow": "GET, HEAD"}
        )

    def send_error(self, code: int, *_: object, **__: object) -> None:
        """What cannot be understood; nothing of it is repeated."""
        self.close_connection = True
        self._send(HTTPStatus(code), "this was not understood\n")

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        kind: str = "text/plain",
        more: dict[str, str] | None = None,
    ) -> None:
        content = text.encode("utf-8", "replace")
        self.send_response(status)
        lines = {**HEADERS, **(more or {}), "Content-Type": f"{kind}; charset=utf-8"}
        for name, value in {**lines, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def serving(directory: Path, port: int | None) -> Server:
    """A server for the page of a folder; without a port, at the usual one, or at any free one.

    Raises:
        StoreError: there is no such folder, or it holds no results.
        UserError: the port cannot be had.
    """
    latest = Latest(directory)
    with suppress(OSError):
        if port is None:
            return Server(latest, PORT)
    try:
        return Server(latest, port or 0)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UserError(f"--port {port}: cannot be had on this machine ({said})") from None
