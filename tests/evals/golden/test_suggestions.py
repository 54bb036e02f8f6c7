"""Candidates for golden questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.golden import load_golden
from evals.golden.suggestions import from_corpus, from_log
from rag.errors import ConfigurationError
from tests.evals.making import ADA, golden, question

DOCUMENTS = {"s/a": "s", "s/b": "s", "s/c": "s", "t/a": "t", "t/empty": "t"}
TEXTS: dict[str, list[tuple[str, list[str], tuple[int, int]]]] = {
    "s/a": [("Short.", ["A"], (0, 6))],
    "s/b": [
        ("A long passage without any heading.", [], (0, 35)),
        ("Under one.", ["Leave", "How long"], (36, 46)),
    ],
    "s/c": [("First line\nand a second.", [], (0, 24))],
    "t/a": [("T.", ["T"], (0, 2))],
    "t/empty": [],
}


def entry(text: str | None, *given: str, asker: str = ADA, at: str = "2026-01-01") -> dict[str, Any]:
    return {"question": text, "principal": asker, "at": at, "returned": [{"document": one} for one in given]}


def test_documents_that_no_question_expects_come_from_each_source_in_turn() -> None:
    asked = golden(question("1", {"s/a": 1}))
    found = from_corpus(asked, ADA, DOCUMENTS, TEXTS.__getitem__, most=10)
    assert sorted(document for one in found for document in one.expected) == ["s/b", "s/c", "t/a"]
    assert [one.tags for one in found][:2] == [("source:s",), ("source:t",)]
    assert {one.principal for one in found} == {ADA}
    assert len(from_corpus(asked, ADA, DOCUMENTS, TEXTS.__getitem__, most=1)) == 1
    assert from_corpus(asked, ADA, {}, TEXTS.__getitem__, most=5) == []


def test_the_draft_is_the_last_heading_or_the_first_line() -> None:
    drafts = {
        document: one
        for one in from_corpus(golden(), ADA, DOCUMENTS, TEXTS.__getitem__, most=9)
        for document in one.expected
    }
    assert drafts["s/b"].question == "How long"
    assert drafts["s/b"].review == {
        "from": "corpus",
        "headings": ["Leave", "How long"],
        "passage": "Under one.",
    }
    assert drafts["s/b"].line("x")["evidence"] == {"s/b": [[36, 46]]}
    assert drafts["s/c"].question == "First line"


def test_another_seed_proposes_others_and_the_same_one_the_same() -> None:
    many = {f"s/{number}": "s" for number in range(50)}

    def first(seed: int) -> list[str]:
        chosen = from_corpus(golden(), ADA, many, lambda _: [("Text.", ["H"], (0, 5))], most=5, seed=seed)
        return [document for one in chosen for document in one.expected]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_what_is_asked_most_comes_first_with_what_was_given_last() -> None:
    log = [
        entry("How long is leave?", "s/b", "s/b", "s/a", "s/c", "t/a", at="later"),
        entry("Who pays?", "s/a"),
        entry("how long is LEAVE", "s/c", at="earlier"),
    ]
    first, second = from_log(golden(), log, most=5)
    assert first.question == "How long is leave?"
    assert first.expected == {"s/b": 1, "s/a": 1, "s/c": 1}
    assert first.review == {"from": "log", "asked": 2, "last": "later", "given": ["s/b", "s/a", "s/c", "t/a"]}
    assert second.question == "Who pays?"
    assert len(from_log(golden(), log, most=1)) == 1


def test_what_is_in_the_set_or_was_not_kept_is_not_proposed() -> None:
    asked = golden(question("1", text="How long is leave?"))
    log = [entry("How  long is leave"), entry(None), entry("0" * 64), entry("?!"), entry("", "s/a")]
    assert from_log(asked, log, most=5) == []
    other = from_log(asked, [entry("How long is leave?", asker="user:bob@acme.example")], most=5)
    assert [one.principal for one in other] == ["user:bob@acme.example"]


def test_a_question_that_found_nothing_is_proposed_as_unanswerable() -> None:
    (found,) = from_log(golden(), [entry("Where is the moon?")], most=5)
    assert found.line("x")["kind"] == "unanswerable"


def test_a_candidate_is_refused_as_a_golden_question_until_somebody_took_the_review_out(
    tmp_path: Path,
) -> None:
    (found, *_) = from_corpus(golden(), ADA, DOCUMENTS, TEXTS.__getitem__, most=1)
    line = found.line("suggested-001")
    (tmp_path / "q.jsonl").write_text(json.dumps(line), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="unknown key 'review'"):
        load_golden(["q.jsonl"], tmp_path)
    del line["review"]
    (tmp_path / "q.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert load_golden(["q.jsonl"], tmp_path).questions[0].expected == found.expected
