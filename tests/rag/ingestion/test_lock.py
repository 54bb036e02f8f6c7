"""One writer at a time, and none for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from rag.errors import TransientError, WriterBusyError
from rag.ingestion import is_writing, writer_lock
from tests.rag.catalog.opening import opened

HOLDER = """
import sys
from pathlib import Path
from rag.ingestion import writer_lock
from rag.parsing import Parser
with writer_lock(Path(sys.argv[1])), Parser() as parser:
    if len(sys.argv) > 2:
        parser.parse("note.txt", b"Doors open at nine.")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        assert is_writing(tmp_path)
        with pytest.raises(WriterBusyError) as caught, writer_lock(tmp_path):
            pass
        assert f"process {other.pid}, since 20" in str(caught.value)
        assert not isinstance(caught.value, TransientError)
        other.communicate("")
        assert other.returncode == 0
    with writer_lock(tmp_path):
        assert is_writing(tmp_path)


@pytest.mark.parametrize("arguments", [(), ("with a parser",)], ids=["alone", "with a parser process"])
def test_a_holder_killed_by_force_gives_the_lock_back(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with holder(tmp_path, *arguments) as other:
        other.kill()
        other.wait()
        with writer_lock(tmp_path):
            assert f'"process": {os.getpid()}' in (tmp_path / "writer.lock").read_text()


def test_the_same_process_may_not_write_twice_at_once(tmp_path: Path) -> None:
    with writer_lock(tmp_path), pytest.raises(WriterBusyError), writer_lock(tmp_path):
        pass


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="midway"), writer_lock(tmp_path):
        raise RuntimeError("midway")
    assert not is_writing(tmp_path)
    with writer_lock(tmp_path):
        pass


def test_a_project_that_nobody_ever_wrote_to_is_not_being_written_to(tmp_path: Path) -> None:
    assert not is_writing(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with writer_lock(tmp_path / "nowhere"):
        pass
    assert not is_writing(tmp_path / "nowhere")


def test_a_lock_file_full_of_rubbish_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").write_text("rubbish")
    with writer_lock(tmp_path), pytest.raises(WriterBusyError), writer_lock(tmp_path):
        pass


def test_who_may_wait_gets_the_lock_when_it_is_given_back(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        ending = Timer(0.2, other.kill)
        ending.start()
        with writer_lock(tmp_path, wait_seconds=30) as lock:
            lock.check()
        ending.join()


def test_a_wait_ends(tmp_path: Path) -> None:
    with holder(tmp_path), pytest.raises(WriterBusyError), writer_lock(tmp_path, wait_seconds=0.3):
        pass


def test_a_lock_whose_file_was_taken_away_is_no_longer_held(tmp_path: Path) -> None:
    with writer_lock(tmp_path) as lock:
        lock.check()
        (tmp_path / "writer.lock").unlink()
        with pytest.raises(WriterBusyError, match="removed or replaced"):
            lock.check()
        with writer_lock(tmp_path) as second:
            second.check()
            with pytest.raises(WriterBusyError, match="removed or replaced"):
                lock.check()


def test_a_catalog_in_a_file_adds_nothing_to_the_lock(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog, writer_lock(tmp_path, catalog) as lock:
        lock.check()
        assert is_writing(tmp_path, catalog)
        with pytest.raises(WriterBusyError), writer_lock(tmp_path, catalog):
            pass
    with opened(tmp_path) as catalog:
        assert not is_writing(tmp_path, catalog)
