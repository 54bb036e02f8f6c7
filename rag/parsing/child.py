"""The worker process: reads files' bytes from a socket, answers with documents or reasons.

Started by ``rag.parsing.worker`` as ``python -m rag.parsing.child FD MODULE MEMORY_BYTES SECONDS``. It
ends when the socket closes, which the system does when the parent dies; a second thread looks for that
while a file is being parsed; and an alarm without a handler ends it when even that thread cannot run.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
import warnings

from rag.errors import ParseError
from rag.parsing.wire import ClosedError, encode_document, receive_frame, send_frame

READY = b"ready"
SCRATCH_PREFIX = "lockgate-parsing-"
_GRACE_SECONDS = 5.0
_LOOK_FOR_PARENT_SECONDS = 0.5


def main(arguments: list[str]) -> None:
    """Serves requests until the socket closes or memory has grown to half its limit."""
    descriptor, module, memory_bytes, seconds = (
        int(arguments[0]),
        arguments[1],
        int(arguments[2]),
        float(arguments[3]),
    )
    # The group: pandoc, which runs as this process's child, has to end with it.
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    # Private memory, not address space: some libraries reserve far more than they ever touch.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with socket.socket(fileno=descriptor) as sock:
        try:
            _serve(sock, module, memory_bytes, seconds)
        except ClosedError:
            _remove_scratch()  # the parent is done with this process, or gone without having tidied up


def _serve(sock: socket.socket, module: str, memory_bytes: int, seconds: float) -> None:
    target = importlib.import_module(module)
    last = False
    while not last:
        name = receive_frame(sock).decode()
        try:
            target.prepare(name)
        except Exception as error:  # noqa: BLE001 - a broken installation, whatever it raises
            send_frame(sock, f"{type(error).__name__}: {error}".encode())
            return
        send_frame(sock, READY)
        data = receive_frame(sock)
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)
        try:
            answer, last = encode_document(target.parse_bytes(name, data)), False
        except ParseError as error:
            answer = json.dumps({"reason": error.what}).encode()
        except MemoryError:
            answer, last = json.dumps({"reason": None}).encode(), True
        signal.setitimer(signal.ITIMER_REAL, 0)
        last = last or _resident_bytes() > memory_bytes // 2
        send_frame(sock, answer)
        send_frame(sock, b"last" if last else b"more")


def _resident_bytes() -> int:
    """Memory held now; 0 where the system does not tell.

    Not ``ru_maxrss``: after a vfork that begins with what the parent held, which may be a large model.
    """
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        return 0


def _remove_scratch() -> None:
    scratch = os.environ.get("TMPDIR", "")
    if os.path.basename(scratch).startswith(SCRATCH_PREFIX):
        shutil.rmtree(scratch, ignore_errors=True)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_SECONDS)
    _remove_scratch()
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
