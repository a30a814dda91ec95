"""Families made of what a test says a file holds."""

import threading
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import error_matrices
import pandas as pd
import pyarrow.parquet as pq
import pytest
import towns
from alphabets import ARCHIVES

from benchmarks.tasks import omniglot_files
from benchmarks.tasks.oboe import Oboe
from benchmarks.tasks.table import Table


@pytest.fixture
def table(tmp_path):
    """Write a data frame (or text) and make a Table of it."""

    def make(data=None, file="data.csv", **fields):
        path = tmp_path / file
        data = towns.frame() if data is None else data
        if isinstance(data, str):
            path.write_text(data)
        elif path.suffix == ".parquet":
            data.to_parquet(path)
        else:
            data.to_csv(path, index=False)
        defaults = {"task": ("group", "task"), "x": ("x",), "y": "y", "split_by": "group"}
        return Table(str(path), **{**defaults, **fields})

    return make


@pytest.fixture
def read(tmp_path):
    """Write a file, and make a table of it."""

    def make(content, file="data.csv", **fields):
        path = tmp_path / file
        if isinstance(content, str | bytes):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        elif isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        elif content is not None:
            pq.write_table(content, path)
        known = {"task": ("grp", "task"), "x": ("x",), "y": "y", "split_by": "grp"}
        return Table(str(path), **{**known, **fields})

    return make


@pytest.fixture
def oboe(tmp_path):
    """Write an error matrix and make an Oboe of it."""

    def make(algorithm="SVM", data=None, **fields):
        path = tmp_path / "errors.csv"
        (error_matrices.frame() if data is None else data).to_csv(path)
        return Oboe(str(path), algorithm, **fields)

    return make


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A home of a small Omniglot, an empty cache and no REML_DATA; what is served can change."""
    files, asked = dict(ARCHIVES), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            asked.append(name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(ARCHIVES[name])))
            self.end_headers()
            self.wfile.write(files[name])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    checksums = {name: md5(content).hexdigest() for name, content in ARCHIVES.items()}
    monkeypatch.setattr(omniglot_files, "HOME", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(omniglot_files, "ARCHIVES", checksums)
    monkeypatch.setattr(omniglot_files, "CHARACTERS", 24)
    monkeypatch.setattr(omniglot_files, "DRAWINGS", 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REML_DATA", raising=False)
    yield files, asked
    server.shutdown()
    server.server_close()
