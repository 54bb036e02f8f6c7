"""Bytes to elements, in a process apart."""

from __future__ import annotations

from importlib import metadata
from types import TracebackType

from rag.errors import ParseError
from rag.parsing.elements import ParsedDocument
from rag.parsing.formats import check_readable
from rag.parsing.worker import Worker

PARSER_VERSION = 1  # raise it whenever the same bytes may give another document

_SHAPING_PACKAGES = (
    "unstructured",
    "pypdfium2",
    "lxml",
    "markdown-it-py",
    "openpyxl",
    "pypandoc-binary",
    "python-docx",
    "python-oxmsg",
    "python-pptx",
    "xlrd",
)


class Parser:
    """Parses documents, one at a time, in a worker process that a hostile file can harm without harm.

    The process starts at the first ``parse`` and lives until ``close``. For one thread at a time.

    >>> with Parser() as parser:
    ...     parser.parse("note.txt", b"Doors open at nine.").text
    'Doors open at nine.'
    """

    def __init__(
        self,
        *,
        timeout_seconds: float = 60,
        memory_bytes: int = 4 << 30,
        max_bytes: int = 100_000_000,
    ) -> None:
        """``timeout_seconds`` and ``memory_bytes`` bound each file's parse, ``max_bytes`` its size."""
        self._max_bytes = max_bytes
        self._worker = Worker(
            "rag.parsing.routing", timeout_seconds=timeout_seconds, memory_bytes=memory_bytes
        )

    @property
    def fingerprint(self) -> str:
        """Changes whenever the parsed output may: this package's version and its libraries'."""
        versions = [f"{name}-{metadata.version(name)}" for name in _SHAPING_PACKAGES]
        return " ".join([f"parser-{PARSER_VERSION}", *versions])

    def parse(self, name: str, data: bytes) -> ParsedDocument:
        """The document in ``data``; its format is told by the ending of ``name``.

        Raises ParseError with a reason that a person understands and that holds no text of the document;
        LockgateError if the worker process cannot run at all.
        """
        check_readable(name)
        if not data:
            raise ParseError("the file is empty")
        if len(data) > self._max_bytes:
            raise ParseError(
                f"it has {len(data) / 1e6:.1f} MB; files above {self._max_bytes / 1e6:g} MB are not read"
            )
        return self._worker.call(name, data)

    def close(self) -> None:
        """Ends the worker process. Safe to call twice."""
        self._worker.close()

    def __enter__(self) -> Parser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
