"""lockgate ask: an answer with its source, or a refusal that says nothing."""

from __future__ import annotations

import shutil

import pytest

from tests.flows.commands import Ended, lockgate
from tests.flows.projects import ADA, CLEO, STRANGER, TinyProject

LEAVE, SALARIES = "How many weeks is parental leave?", "Who sets the salaries of directors?"
NOTHING = "Nothing that you may read answers this."
FREE = {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}


def ask(project: TinyProject, question: str, reader: str = ADA, *more: str) -> Ended:
    return lockgate("ask", question, "--as", reader, "--json", *more, project=project)


def test_an_answer_is_a_quote_with_the_passage_that_it_stands_in(original: TinyProject) -> None:
    ended = ask(original, LEAVE)
    assert (ended.code, ended.err) == (0, "")
    (citation,) = ended.json.pop("citations")
    assert {name: value for name, value in ended.json.items() if name != "citations"} == {
        "answer": "Parental leave lasts sixteen weeks and is paid in full. [1]",
        "refused": False,
        "reason": "",
        "version": 1,
        "usage": FREE,
    }
    assert citation.pop("uri").endswith("/pages/leave.md")
    assert citation == {
        "number": 1,
        "document": "pages/leave.md",
        "title": "Parental leave",
        "span": [0, 71],
        "page": None,
        "quote": "Parental leave lasts sixteen weeks and is paid in full.",
    }


def test_a_person_reads_the_answer_and_its_sources(original: TinyProject) -> None:
    page = lockgate("ask", LEAVE, "--as", ADA, project=original)
    assert (page.code, page.err) == (0, "")
    assert page.out == (
        "Parental leave lasts sixteen weeks and is paid in full. [1]\n[1] Parental leave: pages/leave.md\n"
    )


def test_what_one_may_not_read_is_refused_as_what_is_not_there(original: TinyProject) -> None:
    refusals = [
        ask(original, SALARIES),
        ask(original, "What is the capital of Peru?"),
        ask(original, LEAVE, STRANGER),
    ]
    assert [each.code for each in refusals] == [0, 0, 0]
    for each in refusals:
        assert each.json == {
            "answer": NOTHING,
            "refused": True,
            "reason": NOTHING,
            "citations": [],
            "version": 1,
            "usage": FREE,
        }
        assert each.out + each.err == refusals[0].out + refusals[0].err  # no word of it, nor a sign


def test_who_may_read_it_is_answered(original: TinyProject) -> None:
    found = ask(original, SALARIES, CLEO).json
    assert found["answer"] == "The board sets the salaries of directors in March. [1]"
    assert [each["document"] for each in found["citations"]] == ["pages/board/salaries.txt"]


def test_a_revocation_is_heard_by_the_next_question(promoted: TinyProject) -> None:
    assert not ask(promoted, LEAVE).json["refused"]
    promoted.write_page(".access.yaml", 'allow: ["group:board"]\n')
    assert lockgate("access", "sync", "--json", project=promoted).code == 0
    assert ask(promoted, LEAVE).json["answer"] == NOTHING


def test_before_the_first_promotion_there_is_nothing_to_answer_from(ingested_original: TinyProject) -> None:
    ended = ask(ingested_original, LEAVE)
    assert (ended.code, ended.out) == (1, "")
    assert "nothing is promoted yet" in ended.err
    assert "lockgate run" in ended.err
    tried = ask(ingested_original, LEAVE, ADA, "--version", "1")
    assert (tried.code, tried.json["version"], tried.json["refused"]) == (0, 1, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([LEAVE, "--as", ADA, "--version", "9"], "there is no version 9"),
        ([LEAVE], "--as"),
        ([LEAVE, "--as", "ada"], "'ada' is not a principal"),
        ([LEAVE, "--as", ""], "principal"),
        (["", "--as", ADA], "empty"),
        ([" \n", "--as", ADA], "empty"),
        (["--as", ADA], "Missing argument"),
    ],
)
def test_a_wrong_call_is_refused_and_answers_nothing(
    original: TinyProject, arguments: list[str], said: str
) -> None:
    ended = lockgate("ask", *arguments, "--json", project=original)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert "sixteen" not in ended.err


def test_what_was_asked_and_what_was_looked_at_is_in_the_access_log(promoted: TinyProject) -> None:
    shutil.rmtree(promoted.state / "access-log", ignore_errors=True)
    assert ask(promoted, SALARIES).json["refused"]
    assert not ask(promoted, SALARIES, CLEO).json["refused"]
    ofcleo, ofada = lockgate("access", "log", "--json", project=promoted).json["entries"]
    assert [(one["principal"], one["application"]) for one in (ofada, ofcleo)] == [
        (ADA, "lockgate ask"),
        (CLEO, "lockgate ask"),
    ]
    given_cleo, given_ada = ({each["document"] for each in one["returned"]} for one in (ofcleo, ofada))
    assert "pages/board/salaries.txt" in given_cleo - given_ada
    assert given_ada  # a refusal says so as well: it was made from what was looked at
    assert "salaries of directors" not in str(ofada)  # questions are not kept unless the settings say so
