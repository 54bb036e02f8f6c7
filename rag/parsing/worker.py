"""The parent's side of the worker process: start, time limit, memory limit, restart."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from rag.errors import LockgateError, ParseError
from rag.parsing.child import READY, SCRATCH_PREFIX
from rag.parsing.elements import ParsedDocument
from rag.parsing.unstructured_library import OFFLINE
from rag.parsing.wire import ClosedError, decode_document, receive_frame, send_frame

# For importing the libraries, on a busy machine with a cold disk; no file is being read meanwhile.
_START_SECONDS = 180.0


class Worker:
    """One process that parses; started at the first call, and anew after it had to be killed.

    ``module`` has ``prepare(name)`` and ``parse_bytes(name, data)``, and runs in the process. A process
    of its own and no signals in this one, so that it works in any thread and under any ``__main__``.
    """

    def __init__(self, module: str, *, timeout_seconds: float, memory_bytes: int) -> None:
        self._module = module
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._scratch = ""

    @property
    def process_id(self) -> int | None:
        """The process's id; None while none runs."""
        return self._process.pid if self._process else None

    def call(self, name: str, data: bytes) -> ParsedDocument:
        """Parses one file in the process.

        Raises ParseError with the file's reason, or if it took too long, too much memory, or crashed the
        process; LockgateError if the process cannot start.
        """
        sock = self._ready(name)
        deadline = time.monotonic() + self._timeout_seconds
        try:
            send_frame(sock, data, deadline)
            answer = receive_frame(sock, deadline)
            last = receive_frame(sock, deadline) == b"last"
        except TimeoutError as error:
            self.close()
            raise ParseError(f"it took longer than {self._timeout_seconds:g} s to read") from error
        except ClosedError as error:
            raise ParseError(f"reading it crashed the reader ({self._end()})") from error
        except BaseException:
            self.close()  # interrupted half-way through an answer: the next call must not read the rest
            raise
        if last:
            self.close()
        fields = json.loads(answer)
        if "reason" in fields:
            raise ParseError(
                fields["reason"] or f"it needs more than {_gibibytes(self._memory_bytes)} of memory"
            )
        return decode_document(fields)

    def close(self) -> None:
        """Ends the process and all it started. Safe to call twice; a later call starts it again."""
        if self._socket:
            self._socket.close()
            self._socket = None
        if self._process:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = ""

    def _ready(self, name: str) -> socket.socket:
        """A socket to a process that has imported what ``name`` needs."""
        for attempt in (1, 2):
            sock = self._socket or self._start()
            deadline = time.monotonic() + _START_SECONDS
            try:
                send_frame(sock, name.encode(errors="replace"), deadline)
                answer = receive_frame(sock, deadline)
            except (ClosedError, TimeoutError) as error:
                # Idle processes get killed by operators and by machines short of memory: try once more.
                ending = self._end()
                if attempt == 2:
                    raise LockgateError(
                        f"the parsing process did not start ({ending})",
                        next_step="Check memory and the installation of unstructured.",
                    ) from error
                continue
            except BaseException:
                self.close()
                raise
            if answer == READY:
                return sock
            self.close()
            raise LockgateError(
                f"the parsing process cannot load a library: {answer.decode(errors='replace')[:500]}",
                next_step="Install Lockgate again.",
            )
        raise AssertionError("unreachable")

    def _start(self) -> socket.socket:
        self._scratch = tempfile.mkdtemp(prefix=SCRATCH_PREFIX)
        ours, theirs = socket.socketpair()
        # An empty entry means the working directory, which -P keeps out of the process otherwise.
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        environment = {
            **os.environ,
            **OFFLINE,
            "PYTHONPATH": paths,
            "TMPDIR": self._scratch,
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
        }
        arguments = (str(theirs.fileno()), self._module, str(self._memory_bytes), str(self._timeout_seconds))
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "rag.parsing.child", *arguments],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                self.close()
                raise LockgateError("the parsing process could not be started") from error
        self._socket = ours
        return ours

    def _end(self) -> str:
        """Ends the process, and says how it had ended."""
        code: int | None = None
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=2)
        self.close()
        if code is None:
            return "it did not answer"
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"
