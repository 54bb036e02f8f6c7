"""``lockgate run``, ``ingest``, ``evaluate`` and ``promote`` where all goes well."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.flows.commands import lockgate
from tests.flows.conftest import FirstRuns
from tests.flows.projects import ADA, NOTES, TinyProject

DOCUMENTS = {"seen", "added", "changed", "unchanged", "deleted", "quarantined", "access_changed"}
METRICS = {"nDCG@10", "P@5", "Recall@10", "MRR", "Success@1"}
OF_ANSWERS = {"ContextPrecision", "ContextRecall", "Faithfulness", "Citations", "Refusal"}


def long_text(last: str) -> str:
    """Three paragraphs, each too long to share a chunk with another."""
    paragraphs = [
        " ".join(f"Rule {part}{number} of the archive concerns shelf {number}." for number in range(20))
        for part in "ABC"
    ]
    return "\n\n".join(paragraphs) + f" {last}\n"


def test_the_first_run_prints_one_json_object_and_nothing_on_standard_error(first_runs: FirstRuns) -> None:
    assert first_runs.first.err == ""
    assert list(first_runs.first.json) == ["ingest", "evaluate", "promote"]


def test_the_ingest_of_the_first_run_tells_what_came_in(first_runs: FirstRuns) -> None:
    ingest = first_runs.first.json["ingest"]
    assert ingest["version"] == 1
    assert ingest["documents"] == dict.fromkeys(DOCUMENTS, 0) | {"seen": 6, "added": 6}
    assert ingest["chunks"] == {"total": 6, "embedded": 6, "reused": 0}
    assert isinstance(ingest["seconds"], float)
    assert ingest["built"] is True
    assert ingest["incidents"] == []


def test_the_evaluation_of_the_first_run_has_every_metric_with_its_interval(first_runs: FirstRuns) -> None:
    evaluation = first_runs.first.json["evaluate"]
    assert evaluation["version"] == 1
    assert set(evaluation["metrics"]) == METRICS | OF_ANSWERS
    assert evaluation["metrics"]["nDCG@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 6}
    assert set(evaluation["baseline"]) == METRICS
    assert set(evaluation["systems"]) == {"fused", "dense", "sparse", "bm25"}
    assert evaluation["leaks"] == []
    assert evaluation["failures"] == []


def test_the_first_run_promotes_with_a_reason_and_a_release(first_runs: FirstRuns) -> None:
    promotion = first_runs.first.json["promote"]
    assert promotion["decision"] == "promote"
    assert promotion["version"] == 1
    assert len(promotion["release"]) == 64
    assert promotion["reasons"] == [
        "Version 1 passed all 12 checks: nDCG@10 1.000 over 6 questions, no leaks, 0 failed questions."
    ]


def test_an_unchanged_run_builds_nothing_and_reports_the_latest_version(first_runs: FirstRuns) -> None:
    assert first_runs.second.code == 0
    summary = first_runs.second.json
    assert summary["ingest"]["built"] is False
    assert summary["ingest"]["version"] == 1
    assert summary["ingest"]["documents"] == dict.fromkeys(DOCUMENTS, 0) | {"seen": 6, "unchanged": 6}
    assert summary["ingest"]["chunks"] == {"total": 6, "embedded": 0, "reused": 6}
    assert summary["promote"]["release"] == first_runs.first.json["promote"]["release"]


def test_an_unchanged_run_measures_the_same(first_runs: FirstRuns) -> None:
    first, second = first_runs.first.json["evaluate"], first_runs.second.json["evaluate"]
    assert {**second, "page": None} == {**first, "page": None}
    assert list(second["metrics"]) == list(first["metrics"])


def test_an_unchanged_run_writes_no_content_and_no_decision(first_runs: FirstRuns) -> None:
    assert first_runs.rows_after_first["ledger"] == 2  # the members, and the promotion
    assert first_runs.rows_after_second == first_runs.rows_after_first


def test_only_the_changed_chunks_of_an_edited_page_are_embedded(promoted: TinyProject) -> None:
    promoted.write_page("archive.txt", long_text("The end."))
    first = lockgate("ingest", "--source", "pages", "--json", project=promoted).json
    before = promoted.vectors()
    promoted.write_page("archive.txt", long_text("The very end."))
    second = lockgate("ingest", "--source", "pages", "--json", project=promoted).json
    assert first["chunks"]["embedded"] >= 3
    assert second["documents"] == dict.fromkeys(DOCUMENTS, 0) | {"seen": 4, "changed": 1, "unchanged": 3}
    assert second["chunks"]["total"] == first["chunks"]["total"]
    assert second["chunks"]["embedded"] == 1
    assert promoted.vectors() == before + 1


def test_each_step_by_hand_has_a_page_for_a_person_and_does_what_run_does(promoted: TinyProject) -> None:
    promoted.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    ingested = lockgate("ingest", project=promoted)
    assert ingested.code == 0
    assert ingested.out.startswith("ingest    version 2, ")
    assert (
        "7 seen, 1 added, 0 changed, 6 unchanged, 0 deleted, 0 quarantined, 0 access changed" in ingested.out
    )
    assert "7 total, 1 embedded, 6 reused" in ingested.out

    waiting = lockgate("status", "--json", project=promoted).json
    assert waiting["promoted"]["version"] == 1
    assert set(waiting["candidate"]) == {"version", "release", "sealed_at", "documents", "chunks"}
    assert waiting["candidate"]["version"] == 2

    evaluated = lockgate("evaluate", project=promoted)
    assert evaluated.code == 0
    assert "version 2: 7 questions, 0 leaks, 0 failures" in evaluated.out
    assert "nDCG@10" in evaluated.out

    asked = lockgate("promote", project=promoted)
    assert asked.code == 0
    assert "promote version 2" in asked.out
    assert "Version 2 passed all 15 checks" in asked.out
    assert ingested.err == evaluated.err == asked.err == ""

    now = lockgate("status", "--json", project=promoted).json
    assert now["candidate"] is None
    assert set(now["promoted"]) == {"version", "release", "promoted_at", "documents", "chunks"}
    assert (now["promoted"]["version"], now["promoted"]["documents"]) == (2, 7)
    assert [each["state"] for each in now["versions"]] == ["retired", "promoted"]


def test_status_tells_what_is_promoted_and_how_each_source_is(original: TinyProject) -> None:
    summary = lockgate("status", "--json", project=original).json
    assert {"promoted", "candidate", "versions", "sources"} <= set(summary)
    assert datetime.fromisoformat(summary["promoted"]["promoted_at"]).tzinfo is not None
    assert summary["candidate"] is None
    assert summary["writing"] is False
    assert [each["name"] for each in summary["sources"]] == ["pages", "notes"]
    assert [each["documents"] for each in summary["sources"]] == [{"active": 3}, {"active": 3}]
    assert summary["quarantined"] == []
    page = lockgate("status", project=original).out
    assert "promoted   version 1, 6 documents, 6 chunks\n" in page
    assert "candidate  none\n" in page


def test_freshness_compares_the_age_of_each_listing_with_its_limit(original: TinyProject) -> None:
    pages, notes = lockgate("freshness", "--json", project=original).json["sources"]
    assert set(pages) == {"name", "lag_seconds", "limit_seconds", "fresh"}
    assert pages["limit_seconds"] == 86400
    assert pages["lag_seconds"] > 0
    assert pages["fresh"] is True
    assert notes["limit_seconds"] is None
    assert notes["fresh"] is True
    shown = lockgate("freshness", project=original).out
    assert [line.split()[0] for line in shown.splitlines()] == ["source", "pages", "notes"]


def test_a_source_past_its_limit_is_stale(promoted: TinyProject) -> None:
    promoted.replace_in_config("max_lag: 24h", "max_lag: 1s")
    pages, _ = lockgate("freshness", "--json", project=promoted).json["sources"]
    assert pages["fresh"] is False
    assert "stale" in lockgate("freshness", project=promoted).out


def test_the_starting_project_passes_its_own_gate(tmp_path: Path) -> None:
    project = TinyProject(tmp_path / "new")
    made = lockgate("init", str(project.root), "--json")
    assert made.code == 0
    assert str(project.config) in made.json["created"]
    assert all(Path(path).is_file() for path in made.json["created"])
    ended = lockgate("run", project=project)
    assert ended.code == 0, ended.err
    assert "promote version 1" in ended.out
    found = lockgate("search", "When is the office open?", "--as", "user:me@example.com", project=project)
    assert "handbook/welcome.md" in found.out


def test_init_says_what_it_wrote_and_overwrites_nothing(tmp_path: Path) -> None:
    assert lockgate("init", str(tmp_path)).out.endswith("Next: lockgate run\n")
    config = tmp_path / "lockgate.yaml"
    config.write_text("mine", encoding="utf-8")
    again = lockgate("init", str(tmp_path))
    assert again.code == 2
    assert "lockgate.yaml" in again.err
    assert "Nothing was written" in again.err
    assert config.read_text(encoding="utf-8") == "mine"


def test_access_explain_names_the_group_that_lets_a_reader_in(original: TinyProject) -> None:
    ended = lockgate("access", "explain", ADA, "pages/leave.md", "--json", project=original)
    assert ended.code == 0
    assert ended.json["allowed"] is True
    assert any("group:staff" in step for step in ended.json["because"])


def test_access_explain_says_why_somebody_may_not_read(original: TinyProject) -> None:
    ended = lockgate("access", "explain", ADA, "pages/board/salaries.txt", project=original)
    assert ended.code == 0
    assert ended.out.startswith(f"denied: {ADA} pages/board/salaries.txt\n")
    assert len(ended.out.splitlines()) > 1
