"""A stand-in for the readers, in the worker process: does what its file's name says."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
import warnings

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.elements import ParsedDocument

_kept: list[bytes] = []


def prepare(name: str) -> None:
    if name == "cannot load":
        raise ImportError("no module named pandoc")


def parse_bytes(name: str, data: bytes) -> ParsedDocument:
    if name == "hang":
        time.sleep(600)
    if name == "hang with a child":
        subprocess.run(["sleep", "600"], check=True)
    if name == "abort":
        os.abort()
    if name == "fall":
        ctypes.string_at(0)
    if name == "leave":
        os._exit(3)
    if name == "eat":
        eaten = [bytearray(50_000_000) for _ in range(1000)]
        raise AssertionError(len(eaten))
    if name == "grow":
        _kept.append(b"x" * 250_000_000)
    if name == "refuse":
        raise ParseError("it smells")
    if name == "shout":
        print("NOISE", flush=True)
        print("NOISE", file=sys.stderr, flush=True)
        os.write(1, b"NOISE")
        os.write(2, b"NOISE")
        warnings.warn("NOISE", stacklevel=1)
    builder = DocumentBuilder()
    builder.add("paragraph", f"{len(data)} bytes in process {os.getpid()}")
    return builder.build()
