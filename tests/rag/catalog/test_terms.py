"""The terms of a revision in one value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.terms import pack, unpack

terms = st.lists(st.integers(0, 2**32 - 1), max_size=5)


def test_terms_come_back_ascending_with_the_number_of_chunks_that_have_them() -> None:
    found, counts = unpack(pack([[9, 3], [3], [], [3, 3, 2**32 - 1]]))
    assert (found.tolist(), counts.tolist()) == ([3, 9, 2**32 - 1], [3, 1, 1])


def test_four_bytes_each() -> None:
    assert pack([[1]]) == b"\x01\0\0\0\x01\0\0\0"


def test_no_terms_are_an_empty_value() -> None:
    assert pack([]) == pack([[]]) == b""
    assert unpack(b"")[0].tolist() == []


@given(st.lists(terms, max_size=5))
def test_what_is_packed_is_unpacked(chunks: list[list[int]]) -> None:
    found, counts = unpack(pack(chunks))
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == {
        term: sum(term in chunk for chunk in chunks) for chunk in chunks for term in chunk
    }
