"""``lockgate search``: what the application would get, and what nobody gets."""

from __future__ import annotations

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, NOTES, PAGES, STRANGER, TinyProject

OF_EVERYBODY = {f"notes/{id}" for id in NOTES}


def documents(project: TinyProject, query: str, reader: str, *more: str) -> list[str]:
    ended = lockgate("search", query, "--as", reader, "-k", "100", "--json", *more, project=project)
    assert ended.code == 0, ended.err
    return [hit["document"] for hit in ended.json["hits"]]


def test_a_hit_has_the_keys_of_the_contract(original: TinyProject) -> None:
    ended = lockgate("search", "How long is parental leave?", "--as", ADA, "--json", project=original)
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["version"] == 1
    hit = ended.json["hits"][0]
    keys = {"rank", "score", "document", "title", "uri", "text", "modified_at", "span", "page"}
    assert keys <= set(hit)
    assert hit["rank"] == 1
    assert hit["document"] == "pages/leave.md"
    assert hit["title"] == "Parental leave"
    assert hit["uri"] == (original.pages / "leave.md").as_uri()
    assert "sixteen weeks" in hit["text"]
    assert hit["span"] == [0, len(hit["text"])]
    assert hit["page"] is None


def test_hits_are_ranked_from_one_with_falling_scores(original: TinyProject) -> None:
    hits = lockgate("search", "yellow badge", "--as", ADA, "--json", project=original).json["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5]
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_a_search_without_json_is_a_page_for_a_person(original: TinyProject) -> None:
    ended = lockgate("search", "yellow badge", "--as", "public", "-k", "1", project=original)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[0] == "version 1: 1 passages"
    assert "1. visitors  notes/visitors" in ended.out


@pytest.mark.parametrize("text", [*PAGES.values(), "parental leave", "salaries"])
def test_a_stranger_gets_no_protected_document_even_by_quoting_it(original: TinyProject, text: str) -> None:
    assert set(documents(original, text, STRANGER)) == OF_EVERYBODY


@pytest.mark.parametrize("reader", ["public", "group:nobody", "user:ADA@tiny.example", "user:*"])
def test_whoever_is_not_exactly_a_member_gets_what_everybody_gets(original: TinyProject, reader: str) -> None:
    assert set(documents(original, "parental leave salaries", reader)) <= OF_EVERYBODY


def test_a_filter_does_not_reach_past_the_rules(original: TinyProject) -> None:
    assert documents(original, "salaries", ADA, "--filter", "document=pages/board/salaries.txt") == []
    assert documents(original, "salaries", CLEO, "--filter", "document=pages/board/salaries.txt") == [
        "pages/board/salaries.txt"
    ]


def test_members_of_an_inner_group_get_what_the_outer_one_may_read(original: TinyProject) -> None:
    everything = {*OF_EVERYBODY, *(f"pages/{name}" for name in PAGES)}
    assert set(documents(original, "salaries", CLEO)) == everything
    assert set(documents(original, "salaries", ADA)) == everything - {"pages/board/salaries.txt"}


def test_filters_narrow_by_source_and_by_format(original: TinyProject) -> None:
    by_source = documents(original, "leave", ADA, "--filter", "source=pages")
    assert set(by_source) == {"pages/leave.md", "pages/bicycles.txt"}
    assert documents(original, "leave", ADA, "--filter", "source=pages", "--filter", "format=md") == [
        "pages/leave.md"
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["leave"], "--as"),
        (["leave", "--as", "ada@tiny.example"], "user:"),
        (["leave", "--as", ""], "principal"),
        (["leave", "--as", f"{ADA} "], "white space"),
        (["leave", "--as", ADA, "--version", "7"], "there is no version 7"),
        (["leave", "--as", ADA, "--version", "-1"], "there is no version -1"),
        (["leave", "--as", ADA, "--filter", "colour=red"], "cannot filter by 'colour'"),
        (["leave", "--as", ADA, "--filter", "source"], "is not KEY=VALUE"),
        (["leave", "--as", ADA, "-k", "0"], "from 1 to 1000"),
        (["leave", "--as", ADA, "-k", "many"], "valid integer"),
        (["  ", "--as", ADA], "the query is empty"),
        (["--as", ADA], "'query'"),
    ],
)
def test_a_wrong_search_is_wrong_usage_and_prints_nothing(
    original: TinyProject, arguments: list[str], said: str
) -> None:
    ended = lockgate("search", *arguments, "--json", project=original)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ada", "pages/leave.md"], "user:"),
        ([ADA, "pages/leafe.md"], "knows no document 'pages/leafe.md'"),
        ([ADA], "'document'"),
    ],
)
def test_a_wrong_question_about_access_is_wrong_usage(
    original: TinyProject, arguments: list[str], said: str
) -> None:
    ended = lockgate("access", "explain", *arguments, "--json", project=original)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize(
    "command",
    [
        ["search", "leave", "--as", ADA],
        ["status"],
        ["freshness"],
        ["rollback"],
        ["access", "explain", ADA, "a/b"],
    ],
)
def test_before_the_first_ingest_every_look_says_what_to_run(tiny: TinyProject, command: list[str]) -> None:
    ended = lockgate(*command, "--json", project=tiny)
    assert (ended.code, ended.out) == (1, "")
    assert "Run lockgate ingest first." in ended.err


def test_before_the_first_promotion_only_a_named_version_answers(ingested_original: TinyProject) -> None:
    ended = lockgate("search", "leave", "--as", ADA, project=ingested_original)
    assert (ended.code, ended.out) == (1, "")
    assert "nothing is promoted yet" in ended.err
    assert documents(ingested_original, "parental leave", ADA, "--version", "1")[0] == "pages/leave.md"
    nothing = lockgate("rollback", project=ingested_original)
    assert nothing.code == 1
    assert "nothing is promoted yet" in nothing.err
    assert lockgate("status", "--json", project=ingested_original).json["promoted"] is None
