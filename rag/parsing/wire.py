"""What passes between the parser and its worker process: frames over a socket.

A frame is an 8-byte big-endian length and that many bytes. Answers are JSON, not pickle: what comes
back from a process that has read hostile bytes must be data, never code.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

from rag.parsing.elements import Element, ParsedDocument

_LENGTH = struct.Struct(">Q")
_PIECE_BYTES = 1 << 20


class ClosedError(Exception):
    """The other end is gone."""


def send_frame(sock: socket.socket, payload: bytes, deadline: float | None = None) -> None:
    """Sends one frame. ``deadline`` is in time.monotonic() seconds; TimeoutError past it, or ClosedError."""
    try:
        for piece in (_LENGTH.pack(len(payload)), payload):
            sock.settimeout(_left(deadline))
            sock.sendall(piece)
    except (BrokenPipeError, ConnectionError) as error:
        raise ClosedError from error


def receive_frame(sock: socket.socket, deadline: float | None = None) -> bytes:
    """Receives one frame. TimeoutError past the deadline; ClosedError if the other end closes before."""
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size, deadline))
    return _exactly(sock, length, deadline)


def _exactly(sock: socket.socket, length: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < length:
        sock.settimeout(_left(deadline))
        try:
            piece = sock.recv(min(_PIECE_BYTES, length - len(received)))
        except ConnectionError as error:
            raise ClosedError from error
        if not piece:
            raise ClosedError
        received += piece
    return bytes(received)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def encode_document(document: ParsedDocument) -> bytes:
    """The document as JSON; element texts are left out, since their spans give them."""
    elements = [[e.kind, e.start, e.end, e.level, e.page] for e in document.elements]
    return json.dumps({"text": document.text, "title": document.title, "elements": elements}).encode()


def decode_document(fields: dict[str, Any]) -> ParsedDocument:
    """The document that ``encode_document`` was given."""
    text = fields["text"]
    elements = tuple(
        Element(kind, text[start:end], start, end, level, page)
        for kind, start, end, level, page in fields["elements"]
    )
    return ParsedDocument(text, elements, fields["title"])
