"""The records of an LDIF file (RFC 2849)."""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from connectors.directories.refusal import refused

_LINE = re.compile(rb"([A-Za-z0-9.-]+)(?:;([^:]*))?:(.*)", re.DOTALL)
MEMBERS = ("member", "uniquemember", "memberuid")
# The same attributes under their other names (RFC 4519, RFC 2307): a member must not be missed for its name.
_ALSO = {
    "2.5.4.0": "objectclass",
    "2.5.4.31": "member",
    "2.5.4.50": "uniquemember",
    "1.3.6.1.1.1.1.12": "memberuid",
    "0.9.2342.19200300.100.1.1": "uid",
    "userid": "uid",
    "2.5.4.3": "cn",
    "commonname": "cn",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One entry: the ``line`` of its DN (from 1), and the values that are wanted by attribute, in small letters."""

    line: int
    dn: str
    values: dict[str, list[str]] = field(default_factory=dict)


def attribute(name: str) -> str:
    """The one name, in small letters, of an attribute that has several."""
    return _ALSO.get(name.lower(), name.lower())


def records(data: bytes, path: str, wanted: AbstractSet[str]) -> Iterator[Record]:
    """The entries of the file ``path`` (for messages) with content ``data``.

    Takes what tools write beyond the RFC: no version line, a byte order mark, and UTF-8 that is not in base64.
    Raises ``DirectoryError`` with the line for anything that is no list of entries; for an attribute with the
    ``range`` of a directory that gives members in parts; and for a last record that no empty line follows, as
    ldapsearch, slapcat and ldifde write one: so every cut but one between two records is noticed.
    """
    record: Record | None = None
    started = found = False
    number = 1
    for number, line in _unfolded(data.removeprefix(b"\xef\xbb\xbf"), path):
        where = f"{path}:{number}"
        if not line:
            if record is not None:
                yield record
            record = None
            continue
        name, options, value = _pair(line, where)
        if name == "version" and not started:
            if value.strip() != b"1":
                raise refused("another version of LDIF than 1", where)
        elif record is None:
            if name != "dn" or options:
                raise refused("a record does not begin with its dn", where, _LDIF)
            record, found = Record(number, _text(name, value, where)), True
        else:
            _take(record, name, options, value, where, wanted)
        started = True
    if record is not None:
        raise refused("no empty line follows the last record, so the file may be cut", f"{path}:{number}")
    if not found:
        raise refused("there is no entry in it", f"{path}:1")


_LDIF = "Export entries as LDIF, such as ldapsearch -LLL writes it."


def _unfolded(data: bytes, path: str) -> Iterator[tuple[int, bytes]]:
    """The lines by the number of their first part, put together again and without comments."""
    parts: list[bytes] = []
    start = 1
    for number, raw in enumerate(io.BytesIO(data), start=1):
        if not raw.endswith(b"\n"):
            raise refused("the last line has no end, so the file is cut", f"{path}:{number}")
        line = raw[:-1].removesuffix(b"\r")
        if line.startswith(b" "):
            if not parts or not parts[0]:
                raise refused("a folded line that continues nothing", f"{path}:{number}")
            parts.append(line[1:])
            continue
        if parts and not parts[0].startswith(b"#"):
            yield start, b"".join(parts)
        parts, start = [line], number
    if parts and not parts[0].startswith(b"#"):
        yield start, b"".join(parts)


def _pair(line: bytes, where: str) -> tuple[str, str, bytes]:
    """Attribute, its options and value of a line."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise refused("not a line of LDIF: no attribute and colon", where, _LDIF)
    name, options, rest = found[1].decode(), (found[2] or b"").decode("latin-1"), found[3]
    if rest.startswith(b"<"):
        raise refused("a value that is to be fetched from a URL", where, _LDIF)
    if rest.startswith(b":"):
        try:
            value = binascii.a2b_base64(rest[1:].strip(b" "), strict_mode=True)
        except binascii.Error as error:
            raise refused("a value that is not base64", where) from error
    else:
        value = rest.lstrip(b" ")
    return attribute(name), options, value


def _take(
    record: Record, name: str, options: str, value: bytes, where: str, wanted: AbstractSet[str]
) -> None:
    if name == "dn":
        raise refused("a second dn in one record", where)
    if name in ("changetype", "control") and (name == "control" or value.strip().lower() != b"add"):
        raise refused("a change, where a list of entries is needed", where, _LDIF)
    if options and name in MEMBERS:
        raise refused(
            "members in parts, or under a condition, so some may be missing",
            where,
            "Export the whole list: ask for every range of it, and write plain values.",
        )
    if name in wanted and not options:
        record.values.setdefault(name, []).append(_text(name, value, where))


def _text(name: str, value: bytes, where: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise refused(f"the value of {name} is not UTF-8", where) from error
