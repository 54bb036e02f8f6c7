from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import LockgateError, ParseError
from rag.parsing.worker import Worker

MODULE = "tests.rag.parsing.misbehaving"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(MODULE, timeout_seconds=60.0, memory_bytes=400 << 20)
    yield worker
    worker.close()


@pytest.fixture
def hasty() -> Iterator[Worker]:
    worker = Worker(MODULE, timeout_seconds=2.0, memory_bytes=400 << 20)
    yield worker
    worker.close()


def is_running(pid: int) -> bool:
    """False too for a process that has ended and only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_running(pid):
            return True
        time.sleep(0.05)
    return False


def test_no_process_runs_before_the_first_call(worker: Worker) -> None:
    assert worker.process_id is None


def test_one_process_serves_many_calls(worker: Worker) -> None:
    first, second = worker.call("a", b"12"), worker.call("b", b"")
    assert first.text == f"2 bytes in process {worker.process_id}"
    assert second.text == f"0 bytes in process {worker.process_id}"


def test_twenty_megabytes_pass(worker: Worker) -> None:
    assert worker.call("a", bytes(20_000_000)).text.startswith("20000000 bytes")


def test_a_file_that_hangs_is_stopped_and_the_next_one_is_read(hasty: Worker) -> None:
    hasty.call("a", b"")
    before = hasty.process_id
    assert before is not None
    with pytest.raises(ParseError, match="longer than 2 s"):
        hasty.call("hang", b"")
    assert gone_within(before, 30)
    assert hasty.call("a", b"123").text.startswith("3 bytes")
    assert hasty.process_id != before


def test_what_a_hanging_file_has_started_is_stopped_too(hasty: Worker) -> None:
    hasty.call("a", b"")
    group = hasty.process_id
    with pytest.raises(ParseError, match="longer than 2 s"):
        hasty.call("hang with a child", b"")
    deadline = time.monotonic() + 30
    alive = True
    while alive and time.monotonic() < deadline:
        alive = any(f" {group} " in " ".join(line.split()[:6]) + " " for line in _running_stats())
        time.sleep(0.05)
    assert not alive


def _running_stats() -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if fields[0] != "Z":
            lines.append(" ".join(["pid", *fields]))
    return lines


@pytest.mark.parametrize(
    ("name", "ending"), [("abort", "SIGABRT"), ("fall", "SIGSEGV"), ("leave", "exit status 3")]
)
def test_a_file_that_crashes_the_reader_gets_a_reason_and_the_next_one_is_read(
    worker: Worker, name: str, ending: str
) -> None:
    with pytest.raises(ParseError, match=f"crashed the reader .{ending}."):
        worker.call(name, b"")
    assert worker.call("a", b"1").text.startswith("1 bytes")


def test_a_file_that_eats_memory_is_stopped_at_the_limit(worker: Worker) -> None:
    with pytest.raises(ParseError, match=r"more than 0\.391 GiB of memory"):
        worker.call("eat", b"")
    assert worker.call("a", b"1").text.startswith("1 bytes")


def test_a_process_that_has_grown_to_half_its_limit_is_replaced(worker: Worker) -> None:
    assert "bytes in process" in worker.call("grow", b"").text
    assert worker.process_id is None
    assert worker.call("a", b"1").text.startswith("1 bytes")


def test_a_large_parent_does_not_count_as_the_process_having_grown(worker: Worker) -> None:
    large = b"x" * 300_000_000
    worker.call("a", b"")
    assert worker.process_id is not None
    assert len(large) == 300_000_000


def test_the_reason_of_a_refused_file_comes_through(worker: Worker) -> None:
    with pytest.raises(ParseError) as caught:
        worker.call("refuse", b"")
    assert caught.value.what == "it smells"


def test_a_missing_library_is_no_fault_of_the_document(worker: Worker) -> None:
    with pytest.raises(LockgateError, match="cannot load a library: ImportError") as caught:
        worker.call("cannot load", b"")
    assert not isinstance(caught.value, ParseError)
    assert worker.call("a", b"1").text.startswith("1 bytes")


def test_a_module_that_does_not_exist_is_no_fault_of_the_document() -> None:
    worker = Worker("no.such.module", timeout_seconds=1, memory_bytes=1 << 30)
    with pytest.raises(LockgateError, match=r"did not start .exit status 1.") as caught:
        worker.call("a", b"")
    assert not isinstance(caught.value, ParseError)
    assert worker.process_id is None


def test_noise_reaches_neither_terminal_nor_answer(worker: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    assert worker.call("shout", b"1").text.startswith("1 bytes")
    assert capfd.readouterr() == ("", "")


def test_an_idle_process_that_was_killed_is_started_again(worker: Worker) -> None:
    worker.call("a", b"")
    pid = worker.process_id
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert gone_within(pid, 2)
    assert worker.call("a", b"1").text.startswith("1 bytes")


def test_it_works_in_a_thread_that_ends_before_the_next_call(worker: Worker) -> None:
    texts: list[str] = []
    thread = threading.Thread(target=lambda: texts.append(worker.call("a", b"1").text))
    thread.start()
    thread.join()
    pid = worker.process_id
    assert texts == [f"1 bytes in process {pid}"]
    assert worker.call("a", b"1").text == texts[0]


def test_closing_twice_is_fine_and_leaves_nothing_behind(worker: Worker, tmp_path: Path) -> None:
    worker.call("a", b"")
    pid = worker.process_id
    assert pid is not None
    worker.close()
    worker.close()
    assert worker.process_id is None
    assert not is_running(pid)


_PARENT = """
import sys, threading
from rag.parsing.worker import Worker
worker = Worker("tests.rag.parsing.misbehaving", timeout_seconds=120, memory_bytes=1 << 30)
worker.call("a", b"")
print(worker.process_id, flush=True)
if sys.argv[1] == "leave":
    sys.exit(0)
worker.call("hang", b"") if sys.argv[1] == "busy" else threading.Event().wait()
"""


def _parent(task: str, scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PARENT, task],
        env={**os.environ, "TMPDIR": str(scratch)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("task", ["idle", "busy"])
def test_the_process_ends_when_its_parent_is_killed(task: str, tmp_path: Path) -> None:
    with _parent(task, tmp_path) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.3)  # until the busy one has begun to hang
        assert is_running(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone_within(child, 30)
        assert list(tmp_path.iterdir()) == []


def test_a_program_that_forgets_to_close_still_exits(tmp_path: Path) -> None:
    with _parent("leave", tmp_path) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.wait(timeout=60) == 0
        assert gone_within(child, 30)
        assert list(tmp_path.iterdir()) == []
