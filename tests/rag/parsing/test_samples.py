"""Real and hostile files, where the shared data lies beside the checkout."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from rag.errors import ParseError
from rag.parsing import Parser

DATA = Path(__file__).parents[4] / "shared" / "data"

# (folder, files at least, of them parsed at least)
FOLDERS = [
    ("docs-unstructured", 200, 165),
    ("hostile-pdf", 31, 20),
    ("hostile-xml-defusedxml", 10, 1),
    ("hostile-zipbomb", 1, 0),
]


@pytest.mark.parametrize(("folder", "files", "parsed"), FOLDERS)
def test_every_file_is_parsed_or_gets_a_reason_in_time(
    parser: Parser, folder: str, files: int, parsed: int
) -> None:
    root = DATA / folder
    if not root.is_dir():
        pytest.skip(f"the shared data are not here: {root}")
    outcomes: Counter[str] = Counter()
    reasons: dict[Path, str] = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        started = time.monotonic()
        try:
            document = parser.parse(path.name, path.read_bytes())
        except ParseError as error:
            outcomes["refused"] += 1
            reasons[path] = error.what
        else:
            outcomes["parsed"] += 1
            assert document.text.strip(), path
            for element in document.elements:
                assert document.text[element.start : element.end] == element.text, path
        assert time.monotonic() - started < 60, path
    # A sentence: several words, no traceback, not the name of an exception alone.
    bad = {path: reason for path, reason in reasons.items() if not 4 <= len(reason.split()) <= 40}
    assert not bad
    assert not [reason for reason in reasons.values() if "Traceback" in reason or "\n" in reason]
    assert outcomes.total() >= files
    assert outcomes["parsed"] >= parsed


@pytest.mark.parametrize("suffix", [".docx", ".xlsx", ".epub", ".odt", ".html", ".eml", ".pdf"])
def test_hostile_files_under_a_false_name_do_no_harm(parser: Parser, suffix: str) -> None:
    paths = [*(DATA / "hostile-zipbomb").glob("*.zip"), *(DATA / "hostile-xml-defusedxml").glob("*.xml")]
    if not paths:
        pytest.skip(f"the shared data are not here: {DATA}")
    for path in paths:
        started = time.monotonic()
        try:
            document = parser.parse(f"a{suffix}", path.read_bytes())
        except ParseError:
            continue
        finally:
            assert time.monotonic() - started < 20
        # No entity was expanded, and no file beside it was read.
        assert len(document.text) <= 2 * path.stat().st_size + 200
        assert "root:" not in document.text
