from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.base import files
from workbench.base.errors import InputError
from workbench.base.limits import Limits


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "new" / "a.txt", "ä\n")
    assert files.read_text(path) == "ä\n"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_gzip_is_decompressed(tmp_path: Path) -> None:
    path = files.write_bytes(tmp_path / "a.gz", gzip.compress(b"content"))
    assert files.read_bytes(path) == b"content"


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_kill_never_leaves_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    code = (
        "import sys; from workbench.base.files import write_bytes\n"
        f"i = 0\nwhile True:\n    write_bytes({str(path)!r}, bytes([i % 256]) * 3_000_000); i += 1\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    while not path.exists():
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    content = path.read_bytes()
    assert len(content) == 3_000_000 and len(set(content)) == 1


SENTENCES = [
    (None, "{path}: found no such file, expected an existing file; check the path."),
    (b"", "{path}: found an empty file, expected a file with content; check how it was written."),
    (b"\x1f\x8bxx", "{path}: found a damaged gzip file, expected a complete gzip file; fetch or write it again."),
    (
        b"x" * 101,
        "{path}: found 101 file bytes, expected at most 100; raise the limit or use a smaller input.",
    ),
    (b"ab\xff", "{path}: found byte 0xff at offset 2, expected UTF-8 text; check the file's kind."),
]


@pytest.mark.parametrize(("content", "sentence"), SENTENCES)
def test_a_bad_file_ends_in_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "input.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        files.read_text(path, Limits(file_bytes=100))
    assert str(error.value) == sentence.format(path=path)


def test_a_gzip_bomb_is_refused_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(InputError, match="found 100,001 file bytes, expected at most 100,000"):
        files.read_bytes(path, Limits(file_bytes=100_000))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found a folder, expected a file"):
        files.read_bytes(tmp_path)


def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    for name, found in (("folder", "a folder"), ("pipe", "a device or a pipe"), ("device", "a device or a pipe")):
        with pytest.raises(InputError) as caught:
            files.write_bytes(tmp_path / name, b"new")
        assert str(caught.value) == f"{tmp_path / name}: found {found}, expected a name for a file; choose another name."
        assert not (tmp_path / name).is_file()
