from __future__ import annotations

import pytest

from rag.parsing.decoding import decode, looks_binary


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_every_unicode_encoding_is_told_with_and_without_a_mark(encoding: str) -> None:
    text = "Plain words, a few of them.\n"
    assert decode(text.encode(encoding)) == text


def test_what_is_not_utf8_is_windows_1252_and_loses_nothing() -> None:
    assert decode("Größe – 5 €".encode("cp1252")) == "Größe – 5 €"
    assert decode(b"a\x81b") == "a\x81b"


def test_a_declared_charset_counts_where_it_may() -> None:
    page = '<meta charset="iso-8859-7"><p>Ελλάδα</p>'
    assert decode(page.encode("iso-8859-7"), declared=True) == page
    assert "Ελλάδα" not in decode(page.encode("iso-8859-7"))


@pytest.mark.parametrize("name", ["no-such-charset", "base64", "utf-8"])
def test_a_wrong_declaration_does_no_harm(name: str) -> None:
    page = f'<meta charset="{name}"><p>Größe</p>'
    assert decode(page.encode("cp1252"), declared=True) == page


def test_binary_data_is_told_from_text() -> None:
    assert looks_binary(bytes(range(256)) * 4)
    assert not looks_binary("Größe".encode("utf-16"))
    assert not looks_binary(b"")
