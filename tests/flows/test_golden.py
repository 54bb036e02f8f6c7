"""lockgate golden: check, stats, suggest."""

from __future__ import annotations

import json

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, QUESTIONS, STRANGER, TinyProject

ALLOWED = "state: .lockgate\naccess: {log: {questions: text}}"


def test_a_sound_set_passes(promoted: TinyProject) -> None:
    found = lockgate("golden", "check", "--json", project=promoted)
    assert found.code == 0, found.err
    assert found.json["questions"] == {"answerable": 6, "unanswerable": 0, "forbidden": 1}
    assert (found.json["errors"], found.json["warnings"], found.json["findings"]) == (0, 0, [])
    assert "0 errors, 0 warnings" in lockgate("golden", "check", project=promoted).out


def test_what_access_and_deletions_make_of_a_question_is_an_error(promoted: TinyProject) -> None:
    promoted.write_page("board/.access.yaml", f'allow: ["{ADA}"]\n')
    (promoted.pages / "bicycles.txt").unlink()
    assert lockgate("ingest", "--json", project=promoted).code == 0
    found = lockgate("golden", "check", "--json", project=promoted)
    assert found.code == 2
    assert {(one["question"], one["kind"]) for one in found.json["findings"]} == {
        ("salaries", "forbidden but readable"),
        ("bicycles", "dead reference"),
    }
    page = lockgate("golden", "check", project=promoted)
    assert page.code == 2
    assert "golden.jsonl:2: bicycles: pages/bicycles.txt cannot be found any more" in page.out


@pytest.mark.parametrize("questions", [{}, {"moon": ("Where is the moon?", "pages/moon.md")}])
def test_a_set_that_cannot_be_used_says_so(
    promoted: TinyProject, questions: dict[str, tuple[str, str]]
) -> None:
    promoted.write_questions(questions)
    found = lockgate("golden", "check", "--json", project=promoted)
    assert found.code == 2
    if questions:
        assert found.json["findings"][0]["sentence"].startswith("'pages/moon.md' was never ingested")
    else:
        assert "none of 1 golden questions is answerable" in found.err


def test_stats_say_what_is_covered_and_what_would_be_noticed(promoted: TinyProject) -> None:
    found = lockgate("golden", "stats", "--json", project=promoted).json
    assert found["sources"] == {
        "notes": {"documents": 3, "expected": 3, "questions": 4},
        "pages": {"documents": 3, "expected": 2, "questions": 2},
    }
    assert found["principals"] == {ADA: 7}
    assert found["slices"] == {"all": 6}
    detectable = found["detectable"]["nDCG@10"]["all"]
    assert detectable["n"] == 6
    assert not detectable["measured"]
    page = lockgate("golden", "stats", project=promoted)
    assert (page.code, page.err) == (0, "")
    assert "notes" in page.out


def test_before_the_first_measurement_stats_say_how_to_get_one(promoted: TinyProject) -> None:
    promoted.write_questions({**QUESTIONS, "more": ("Who roasts the coffee?", "notes/coffee")})
    assert lockgate("golden", "stats", "--json", project=promoted).json["detectable"] == {}
    assert "lockgate evaluate" in lockgate("golden", "stats", project=promoted).out


def test_suggestions_come_from_what_was_asked_and_from_what_nobody_asks_about(promoted: TinyProject) -> None:
    promoted.replace_in_config("state: .lockgate", ALLOWED)
    for _ in range(2):
        assert lockgate("search", "roastery deliveries", "--as", ADA, "--json", project=promoted).code == 0
    file = promoted.root / "review.jsonl"
    found = lockgate("golden", "suggest", "--as", CLEO, "--out", str(file), "--json", project=promoted)
    assert found.json == {"file": str(file), "from_log": 1, "from_corpus": 0, "log_has_questions": True}
    (line,) = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert (line["question"], line["principal"], line["review"]["asked"]) == ("roastery deliveries", ADA, 2)
    assert file.stat().st_mode & 0o077 == 0
    again = lockgate("golden", "suggest", "--as", CLEO, "--out", str(file), project=promoted)
    assert again.code == 2
    assert "is there already" in again.err


def test_suggestions_hold_nothing_that_the_persona_may_not_read(promoted: TinyProject) -> None:
    promoted.write_questions({"printer": QUESTIONS["printer"]})
    promoted.replace_in_config("golden: [golden.jsonl]", "golden: [printer.jsonl]")
    (promoted.root / "golden.jsonl").rename(promoted.root / "printer.jsonl")
    text = (promoted.root / "printer.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (promoted.root / "printer.jsonl").write_text(text + "\n", encoding="utf-8")
    expected = {
        CLEO: {
            "pages/leave.md",
            "pages/bicycles.txt",
            "pages/board/salaries.txt",
            "notes/coffee",
            "notes/visitors",
        },
        ADA: {"pages/leave.md", "pages/bicycles.txt", "notes/coffee", "notes/visitors"},
        STRANGER: {"notes/coffee", "notes/visitors"},
    }
    for number, (persona, documents) in enumerate(expected.items()):
        file = promoted.root / f"review-{number}.jsonl"
        assert lockgate("golden", "suggest", "--as", persona, "--out", str(file), project=promoted).code == 0
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert {document for line in lines for document in line["expected"]} == documents


def test_bad_words_are_refused(promoted: TinyProject) -> None:
    assert lockgate("golden", "suggest", "--as", "ada", project=promoted).code == 2
    assert lockgate("golden", "suggest", project=promoted).code == 2
    assert not (promoted.root / "golden-suggestions.jsonl").exists()
