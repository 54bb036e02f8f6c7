"""Inside the worker process: prepare for a format, then parse one file of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from rag.errors import ParseError
from rag.parsing.elements import ParsedDocument
from rag.parsing.formats import NEED_UNSTRUCTURED, READERS, check_readable


def prepare(name: str) -> None:
    """Imports what the format of ``name`` needs, so that the time limit covers the file alone."""
    suffix = check_readable(name)
    if suffix in NEED_UNSTRUCTURED:
        from rag.parsing.unstructured_library import set_up

        set_up()
    _reader(suffix)


def parse_bytes(name: str, data: bytes) -> ParsedDocument:
    """The parsed document. Raises ParseError, whose reason holds no text of the document."""
    suffix = check_readable(name)
    reader = _reader(suffix)
    try:
        document = reader(data)
    except (ParseError, MemoryError):
        raise
    except RecursionError as error:
        raise ParseError("its structure is nested too deep to be read") from error
    except Exception as error:
        # Only the kind of error: its message may quote the document.
        raise ParseError(
            f"it is damaged or not really a {suffix} file ({type(error).__name__}): "
            "open it, save it again, or convert it to another format"
        ) from error
    if not document.text.strip():
        raise ParseError("there is no text in it")
    return document


def _reader(suffix: str) -> Callable[[bytes], ParsedDocument]:
    module, function = READERS[suffix].split(":")
    reader: Callable[[bytes], ParsedDocument] = getattr(
        importlib.import_module(f"rag.parsing.{module}"), function
    )
    return reader
