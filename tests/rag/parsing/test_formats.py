from __future__ import annotations

import doctest

import pytest

import rag.parsing.parser
from rag.errors import ParseError
from rag.parsing import Parser
from rag.parsing.formats import check_readable, suffix_of


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.doc", "convert it to .docx"),
        ("b/c.PPT", "convert it to .pptx"),
        ("a.zip", "add the files inside"),
        ("a.json", "convert it to .md, .txt or .csv"),
        ("a.png", "text layer"),
        ("a.mp3", "transcript"),
        ("a.xyz", ".xyz files are not read"),
        ("README", "has no ending"),
        (".gitignore", "has no ending"),
        ("", "has no ending"),
    ],
)
def test_what_is_not_read_gets_a_reason_that_says_what_to_do(name: str, advice: str) -> None:
    with pytest.raises(ParseError, match=advice):
        check_readable(name)


def test_the_ending_counts_in_any_case_and_on_any_system() -> None:
    assert suffix_of("C:\\docs.old\\Plan.DocX") == ".docx"


def test_empty_and_too_large_files_are_refused_without_a_process() -> None:
    parser = Parser(max_bytes=10)
    with pytest.raises(ParseError, match="the file is empty"):
        parser.parse("a.txt", b"")
    with pytest.raises(ParseError, match="files above 1e-05 MB are not read"):
        parser.parse("a.txt", b"12345678901")


def test_the_fingerprint_names_the_versions_that_shape_the_text() -> None:
    fingerprint = Parser().fingerprint
    assert fingerprint.startswith("parser-1 unstructured-0.")
    assert "pypdfium2-" in fingerprint
    assert fingerprint == Parser().fingerprint


def test_the_example_in_the_documentation_runs() -> None:
    outcome = doctest.testmod(rag.parsing.parser)
    assert (outcome.attempted, outcome.failed) == (1, 0)
