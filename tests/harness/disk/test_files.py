"""Whatever text there is, a file can hold it."""

from pathlib import Path

from benchmarks.harness.disk.files import read_json, write_json, write_text


def test_what_is_no_unicode_is_written_and_read_back(tmp_path: Path) -> None:
    said = {"command": "reml run caf\udce9.toml", "label": "Größe"}
    write_json(tmp_path / "it.json", said)
    assert read_json(tmp_path / "it.json") == said
    write_text(tmp_path / "it.md", said["command"])
    assert "caf\\udce9" in (tmp_path / "it.md").read_text(encoding="utf-8")
