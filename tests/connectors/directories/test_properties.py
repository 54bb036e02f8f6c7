"""Half an export is never taken for a whole one, and whatever is written is read."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.directories import KNOWN_FORMATS, ldif, scim
from connectors.directories.dn import normal_dn
from connectors.directories.ldif_records import records
from connectors.directories.settings import LdifOptions, ScimOptions
from rag.errors import DirectoryError
from tests.connectors.directories.conftest import LDIF, MEMBERS_OF, SCIM

FAST = settings(database=None, deadline=None)


@pytest.mark.parametrize("ignore_unknown", [False, True])
def test_scim_that_is_cut_anywhere_is_refused(ignore_unknown: bool) -> None:
    data, options = SCIM.encode(), ScimOptions(ignore_unknown=ignore_unknown)
    assert scim.members_of(data, "f", options) == MEMBERS_OF
    for length in range(len(data)):
        with pytest.raises(DirectoryError):
            scim.members_of(data[:length], "f", options)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ldif_that_is_cut_within_a_record_is_refused(end: str) -> None:
    """A prefix that ends exactly between two records is a whole file with fewer entries, and cannot be told from
    one: it is refused only where a member is missing by it."""
    data, options = LDIF.replace("\n", end).encode(), LdifOptions(ignore_unknown=True)
    assert ldif.members_of(data, "f", options) == MEMBERS_OF
    whole = (end + end).encode()
    taken = 0
    for length in range(len(data)):
        if data[:length].endswith(whole):
            taken += 1
            assert ldif.members_of(data[:length], "f", options).items() <= {**MEMBERS_OF}.items()
        else:
            with pytest.raises(DirectoryError):
                ldif.members_of(data[:length], "f", options)
    assert taken == 6


def written(dn: str, values: list[tuple[str, str]], widths: list[int], encoded: list[bool]) -> bytes:
    """A record with its lines folded after ``widths`` bytes and its values in base64 where ``encoded`` says so."""
    found = b""
    for index, (name, value) in enumerate([("dn", dn), *values]):
        raw = value.encode()
        plain = raw[:1] not in (b" ", b":", b"<") and not set(raw) & set(b"\r\n")
        if encoded[index % len(encoded)] or not plain:
            line = name.encode() + b":: " + b64encode(raw)
        else:
            line = name.encode() + b": " + raw
        width = widths[index % len(widths)]
        found += b"\n ".join(line[at : at + width] for at in range(0, len(line), width)) + b"\n"
    return found + b"\n"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
pairs = st.lists(st.tuples(st.sampled_from(["uid", "cn", "mail"]), texts), max_size=5)


@FAST
@given(
    st.lists(st.tuples(texts, pairs), min_size=1, max_size=4),
    st.lists(st.integers(1, 80), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=1, max_size=5),
)
def test_folding_and_base64_change_nothing(
    entries: list[tuple[str, list[tuple[str, str]]]], widths: list[int], encoded: list[bool]
) -> None:
    data = b"".join(written(dn, values, widths, encoded) for dn, values in entries)
    found = list(records(data, "f", {"uid", "cn", "mail"}))
    assert [record.dn for record in found] == [dn for dn, _ in entries]
    for record, (_, values) in zip(found, entries, strict=True):
        assert record.values == {
            name: [text for other, text in values if other == name] for name in dict(values)
        }


@FAST
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_value_is_the_same_however_it_is_escaped(value: str) -> None:
    escaped = "".join(f"\\{byte:02X}" for byte in value.encode())
    assert normal_dn(f"cn={escaped},dc=x") == normal_dn(f"CN = {escaped.lower()} , DC=X")
    plain = "".join(f"\\{c}" if c in ' "#+,;<=>\\' else f"\\{ord(c):02x}" if c == "\0" else c for c in value)
    assert normal_dn(f"cn={plain},dc=x") == normal_dn(f"cn={escaped},dc=x")


@FAST
@given(st.binary(max_size=200) | st.text("dn:= \n\r,uid<;#é", max_size=60).map(str.encode))
def test_any_bytes_are_groups_or_refused(data: bytes) -> None:
    for format, kind in KNOWN_FORMATS.items():
        found: dict[str, frozenset[str]] = {}
        with suppress(DirectoryError):
            found = kind.members_of(data, "f", kind.options())
        assert all(name.startswith("group:") for name in found), format
