"""Office and book files are zip archives: what must hold before one is opened."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.etree import ElementTree

from rag.errors import ParseError

MAX_UNPACKED_BYTES = 1 << 30
MAX_RATIO = 200
MAX_ENTRIES = 20_000
# Small archives may compress well without harm; the ratio counts from here on.
_RATIO_COUNTS_FROM_BYTES = 32 << 20
_OLE = b"\xd0\xcf\x11\xe0"
_XML_SUFFIXES = (".xml", ".rels", ".opf", ".xhtml", ".html", ".htm", ".ncx")
_PROLOG_BYTES = 16_384
# What zipfile raises for damage, and for a compression that it does not know.
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zlib.error)
_NO_TITLE = re.compile(
    r"^(untitled.*|powerpoint presentation|presentation|document|slide 1|microsoft word - .*"
    r"|.*\.(docx?|pptx?|xlsx?|odt|dvi|tex|indd|pdf))$",
    re.IGNORECASE,
)


class OfficeArchive:
    """A zip archive that is safe to open: not a bomb, not encrypted, no entities in its XML.

    Raises ParseError otherwise, with the reason. Sizes are in bytes.
    """

    def __init__(self, data: bytes, suffix: str) -> None:
        if data.startswith(_OLE):
            raise ParseError(
                f"it is protected by a password, or is in an office format of before 2007: "
                f"save it as {suffix} without a password"
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _UNREADABLE as error:
            raise ParseError(f"it is not a {suffix} file, or is damaged: it cannot be unpacked") from error
        self._check_size(len(data))
        self._check_xml()

    def _check_size(self, packed: int) -> None:
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise ParseError(
                f"it holds {len(entries):,} files inside; more than {MAX_ENTRIES:,} are not read"
            )
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_UNPACKED_BYTES:
            raise ParseError(
                f"it would unpack to {unpacked / 2**30:.1f} GiB; "
                f"at most {MAX_UNPACKED_BYTES / 2**30:.0f} GiB is read"
            )
        if unpacked > _RATIO_COUNTS_FROM_BYTES and unpacked > MAX_RATIO * max(1, packed):
            raise ParseError(
                f"it would unpack to {unpacked // max(1, packed)} times its size, like an archive bomb: "
                "it was not opened"
            )
        if any(entry.flag_bits & 1 for entry in entries):
            raise ParseError("its contents are encrypted: save it without a password")

    def _check_xml(self) -> None:
        for entry in self._zip.infolist():
            if entry.filename.lower().endswith(_XML_SUFFIXES):
                head = self._head(entry)
                # Zero bytes out, so that UTF-16 hides nothing.
                if b"<!ENTITY" in head.replace(b"\0", b""):
                    raise ParseError(
                        "its XML defines entities, which can be made to explode: it was not read"
                    )

    def _head(self, entry: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(entry) as part:
                return part.read(_PROLOG_BYTES)
        except _UNREADABLE as error:
            raise ParseError("it is damaged: a part inside cannot be unpacked") from error

    def title(self) -> str | None:
        """The title among the document's properties; None if it has none that means anything."""
        for name in ("docProps/core.xml", "meta.xml"):
            if name not in self._zip.namelist():
                continue
            try:
                root = ElementTree.fromstring(self._zip.read(name))
            except (ElementTree.ParseError, zipfile.BadZipFile, OSError, ValueError):
                return None  # the properties are not the document: without them it has no title
            return meaningful_title(root.findtext(".//{http://purl.org/dc/elements/1.1/}title"))
        return None


def meaningful_title(title: str | None) -> str | None:
    """``title``, or None where a program has put its default or a file name."""
    title = (title or "").strip()
    return None if not title or _NO_TITLE.match(title) else title
