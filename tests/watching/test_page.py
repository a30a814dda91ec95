"""The page of a run: in a real browser, and against requests that no reader makes."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from benchmarks.core.errors import UserError
from benchmarks.harness.disk.pulse import PULSE
from benchmarks.watching import server as module
from benchmarks.watching.server import Server, serving


def at(directory: Path) -> Iterator[Server]:
    with serving(directory, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def server(midst: Any) -> Iterator[Server]:
    yield from at(midst.directory)


def port_of(server: Server) -> int:
    return int(server.server_address[1])


def ask(
    server: Server, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection("127.0.0.1", port_of(server), timeout=60)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def said(server: Server, sent: bytes) -> bytes:
    """What comes back over the wire, to the end."""
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as line:
        parts = []
        with suppress(OSError):  # who has read enough hangs up
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            while part := line.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)


def test_it_listens_to_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_nothing_of_a_text_becomes_markup_and_no_folder_is_named(
    server: Server, midst: Any
) -> None:
    status, headers, page = ask(server)
    assert status == 200
    assert "&lt;b&gt;small&lt;/b&gt;" in page
    assert "&lt;i&gt;new&lt;/i&gt;" in page
    for hidden in ("<b>small", "<script>bad", "abc123secret", "somebody", str(midst.directory)):
        assert hidden not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "Python" not in str(headers)
    assert "'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_it_answers_a_head_without_a_body(server: Server) -> None:
    for path in ("/", "/now"):
        status, headers, body = ask(server, path, "HEAD")
        assert (status, body) == (200, "")
        assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "ODD"])
def test_it_can_only_be_read(server: Server, method: str) -> None:
    status, headers, _ = ask(server, "/", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    ["/matrix.json", "/../matrix.json", "/%2e%2e/etc/passwd", "/now/", "/?x", "/now?x", "*"],
)
def test_there_is_nothing_else(server: Server, path: str) -> None:
    status, _, body = ask(server, path)
    assert (status, body) == (404, "there is nothing here\n")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{}",
        "127.0.0.1",
        "localhost:1",
        "",
        "127.0.0.1:{}.evil.example",
    ],
)
def test_a_name_that_points_here_is_refused(server: Server, host: str) -> None:
    status, _, body = ask(server, "/now", Host=host.format(port_of(server)))
    assert status == 421
    assert "midst" not in body


def test_its_own_names_are_not(server: Server) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert ask(server, "/now", Host=f"{name}:{port_of(server)}")[0] == 200


def test_requests_of_other_pages_are_refused(server: Server) -> None:
    assert ask(server, "/now", Origin="http://evil.example")[0] == 403
    assert ask(server, "/now", Origin="null")[0] == 403
    assert ask(server, "/now", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    followed = ask(server, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert followed[0] == 200  # a link that somebody follows
    assert followed[1]["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_no_request_of_a_browser_gets_nothing(server: Server, sent: bytes) -> None:
    answer = said(server, sent % port_of(server) if b"%d" in sent else sent)
    assert b" 200 " not in answer
    assert b"script" not in answer
    assert ask(server)[0] == 200


def test_a_fault_of_its_own_is_said_where_it_was_begun(
    midst: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd() -> str:
        raise ValueError("odd")

    serve = at(midst.directory)
    monkeypatch.setattr(server := next(serve), "latest", odd)
    with pytest.raises(RemoteDisconnected):
        ask(server, "/now")
    assert "ValueError: odd" in capsys.readouterr().err
    next(serve, None)


def test_a_port_that_is_taken_is_said(server: Server, midst: Any) -> None:
    with pytest.raises(UserError, match=f"--port {port_of(server)}: cannot be had"):
        serving(midst.directory, port_of(server))


def test_where_none_is_named_any_free_one_will_do(
    server: Server, midst: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PORT", port_of(server))
    with serving(midst.directory, None) as other:
        assert port_of(other) != port_of(server)


def test_it_follows_the_run_by_itself(
    browser: Any, tmp_path: Path, make_midst: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)
    midst = make_midst(tmp_path / "run")
    midst.finish("mean", 0)
    midst.begin("ridge", 0)
    serve = at(midst.directory)
    server = next(serve)
    page = browser.new_page()
    asked: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.address)
    row = page.locator("#running tbody tr")
    assert "ridge on sinusoid, seed 0" in row.inner_text()
    assert "25 %" in row.inner_text()
    box = row.locator("svg polyline").bounding_box()
    assert box["width"] > 100
    assert box["height"] > 20
    table = page.locator("#scores table")
    assert "not final" in table.locator("caption").inner_text()
    assert "[" in table.locator("tbody tr").first.inner_text()
    assert page.title() == "21 % midst: REML watch"
    for it in midst.trials:
        if it.id not in {place.name for place in midst.folder.trials.iterdir()}:
            midst.fail(it.learner.label, it.seed)
    shutil.rmtree(next(it.parent for it in midst.directory.rglob(PULSE)))
    page.locator("#failed li").first.wait_for()
    assert page.locator("#failed li").count() == 5
    assert page.locator("mark").count() == 0
    assert page.locator("#link").inner_text() == "this run is over"
    assert page.evaluate("window.bad === undefined && document.querySelector('i') === null")
    assert {it for it in asked if not it.startswith("data:")} == {
        server.address,
        f"{server.address}now",
    }
    assert complaints == []
    page.close()
    next(serve, None)
