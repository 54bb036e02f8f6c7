"""access audit, as the command it is, and what it leaves on the Prefect server."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from rag import Retriever
from rag.access import EVERYBODY
from rag.errors import UsageError
from tests.flows.commands import Ended, lockgate
from tests.flows.projects import ADA, CLEO, STRANGER, TinyProject
from tests.flows.test_bad_input import refused

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

SALARIES = "pages/board/salaries.txt"
CLEAN = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.0}


def audit(project: TinyProject, *arguments: str) -> Ended:
    return lockgate("access", "audit", *arguments, "--json", project=project)


def change(project: TinyProject, statement: str, *values: object) -> None:
    """Changes the catalog behind everybody's back."""
    connection = sqlite3.connect(project.state / "catalog.sqlite")
    with connection:
        connection.execute(statement, values)
    connection.close()


def widen(project: TinyProject, document: str) -> None:
    """Puts the document under the rule of everybody, which the notes have."""
    change(
        project,
        "UPDATE document SET rule_id = (SELECT id FROM access_rule WHERE digest = ?) WHERE key = ?",
        EVERYBODY.digest,
        document,
    )


def by_name(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in summary["sources"]}


def audit_run(project: TinyProject) -> FlowRun:
    """The one run of the flow on this project."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    from tests.flows.prefect_runs import client

    with client() as server:
        runs = server.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["access-audit"])))
    (ours,) = [run for run in runs if run.parameters.get("config") == str(project.config)]
    return ours


def events(run_id: UUID) -> list[dict[str, Any]]:
    """What the run told the server of over-grants. Events travel by themselves, so they are waited for."""
    from tests.flows.prefect_runs import client

    wanted = {
        "filter": {
            "event": {"name": ["lockgate.access.over-grant"]},
            "related": {"id": [f"prefect.flow-run.{run_id}"]},
        }
    }
    with client() as server:
        for _ in range(60):
            found = server._client.post("/events/filter", json=wanted).json()["events"]
            if found:
                return list(found)
            time.sleep(0.5)
    return []


def test_where_everything_agrees_it_says_so(promoted: TinyProject) -> None:
    before = promoted.content()
    ended = audit(promoted, "--seed", "7")
    assert (ended.code, ended.err) == (0, "")
    done = ended.json
    assert (done["sample"], done["seed"], done["found"], done["findings"]) == (200, 7, 0, [])
    expected = {"population": 6, "sampled": 6, "over_grants": CLEAN, "under_grants": CLEAN}
    assert done["total"] == expected
    assert done["index"] == {"versions": [1], "errors": []}
    pages = by_name(done)["pages"]
    assert pages == {
        "name": "pages",
        "population": 3,
        "sampled": 3,
        "over_grants": CLEAN,
        "under_grants": CLEAN,
        "gone": 0,
        "new": 0,
        "changed": 0,
        "narrowed": 0,
        "closed": 0,
        "error": None,
    }
    assert promoted.content() == before
    assert promoted.rows("SELECT kind, state FROM run ORDER BY id DESC LIMIT 1") == [
        ("access-audit", "completed")
    ]


def test_a_rule_that_was_widened_in_the_catalog_is_found_repaired_and_told(promoted: TinyProject) -> None:
    widen(promoted, SALARIES)
    with Retriever.open(promoted.config) as retriever:
        query = "salaries of directors"
        assert SALARIES in [hit.document for hit in retriever.search(query, principal=STRANGER)]
        ended = audit(promoted)
        assert SALARIES not in [hit.document for hit in retriever.search(query, principal=STRANGER)]
        assert SALARIES in [hit.document for hit in retriever.search(query, principal=CLEO)]
    assert ended.code == 1
    assert "pages: of 3 documents that were looked at, 1 could be read by somebody who may not." in ended.err
    assert "All of them are repaired." in ended.err
    done = ended.json
    assert done["total"]["over_grants"] == {"count": 1, "share": 1 / 6, "low": 1 / 6, "high": 1 / 6}
    assert done["total"]["under_grants"] == CLEAN
    (finding,) = done["findings"]
    assert finding["document"] == SALARIES
    assert (finding["place"], finding["repaired"]) == ("catalog", True)
    assert finding["too_many"] == {"count": 1, "first": ["public"]}
    assert finding["missing"] == {"count": 0, "first": []}

    from tests.flows.prefect_runs import artifacts

    run = audit_run(promoted)
    assert run.state is not None
    assert run.state.name == "Failed"
    left = artifacts(run.id)
    assert "1 over-grants, 0 under-grants" in str(left["access-audit"].data)
    assert SALARIES in str(left["access-audit-findings"].data)
    (event,) = events(run.id)
    assert event["resource"]["prefect.resource.id"] == f"lockgate.document.{SALARIES}"
    assert event["payload"] == {
        "place": "catalog",
        "principals": 1,
        "versions": [],
        "changed_at": event["payload"]["changed_at"],
        "repaired": True,
    }
    noted = promoted.rows("SELECT summary FROM run ORDER BY id DESC LIMIT 1")[0][0]
    assert "findings" not in json.loads(noted)
    assert audit(promoted).code == 0


def test_what_the_source_took_back_and_gave_is_found_and_in_effect_at_once(promoted: TinyProject) -> None:
    promoted.write_page("board/.access.yaml", f"allow: ['{ADA}']\n")
    ended = audit(promoted)
    assert ended.code == 1
    (finding,) = ended.json["findings"]
    assert (finding["too_many"]["first"], finding["missing"]["first"]) == (["group:board"], [ADA])
    allowed = lockgate("access", "explain", ADA, SALARIES, "--json", project=promoted).json["allowed"]
    assert allowed
    assert audit(promoted).code == 0


def test_only_under_grants_are_no_incident(promoted: TinyProject) -> None:
    promoted.write_page("board/.access.yaml", f"allow: ['group:board', '{ADA}']\n")
    ended = audit(promoted)
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["total"]["under_grants"]["count"] == 1
    assert ended.json["findings"][0]["repaired"]


def test_an_index_that_carries_another_rule_is_found_and_readers_go_by_the_catalog(
    promoted: TinyProject,
) -> None:
    """The catalog is told another rule of the points than they carry: the same difference, the other way round."""
    change(
        promoted,
        "UPDATE revision SET indexed_rule_id = (SELECT id FROM access_rule WHERE digest = ?) "
        "WHERE document_id = (SELECT id FROM document WHERE key = 'pages/leave.md')",
        EVERYBODY.digest,
    )
    ended = audit(promoted)
    assert ended.code == 0, ended.err  # the points are narrower
    (finding,) = ended.json["findings"]
    assert (finding["document"], finding["place"], finding["versions"]) == ("pages/leave.md", "index", [1])
    assert (finding["missing"]["first"], finding["repaired"]) == (["public"], True)
    assert audit(promoted).json["found"] == 0


def test_points_that_carry_too_wide_a_rule_are_an_incident_and_raise_an_event(promoted: TinyProject) -> None:
    """The catalog says of everybody's note that its points carry the rule of the board."""
    change(
        promoted,
        "UPDATE revision SET indexed_rule_id = (SELECT rule_id FROM document WHERE key = ?) "
        "WHERE document_id = (SELECT id FROM document WHERE key = 'notes/coffee')",
        SALARIES,
    )
    ended = audit(promoted)
    assert ended.code == 1
    (finding,) = ended.json["findings"]
    assert (finding["document"], finding["place"], finding["repaired"]) == ("notes/coffee", "index", True)
    assert finding["too_many"]["first"] == ["public"]
    (event,) = events(audit_run(promoted).id)
    assert (event["payload"]["place"], event["payload"]["versions"]) == ("index", [1])


def test_a_page_for_a_person_says_what_was_found(promoted: TinyProject) -> None:
    widen(promoted, SALARIES)
    ended = lockgate("access", "audit", "--seed", "3", project=promoted)
    assert ended.code == 1
    for said in ("all  6 of 6 documents", SALARIES, "too many: public", "Seed 3"):
        assert said in ended.out


@pytest.mark.parametrize("sample", ["0", "-3", "few"])
def test_a_sample_of_none_is_wrong_usage(promoted: TinyProject, sample: str) -> None:
    ended = audit(promoted, "--sample", sample)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_the_flow_itself_refuses_a_sample_of_none(promoted: TinyProject) -> None:
    from flows.access_audit import access_audit

    with pytest.raises(UsageError, match="a sample of 0 documents"):
        access_audit(str(promoted.config), sample=0)


def test_a_sample_of_one_looks_at_one_document_of_each_source(promoted: TinyProject) -> None:
    done = audit(promoted, "--sample", "1").json
    assert {name: (each["sampled"], each["population"]) for name, each in by_name(done).items()} == {
        "pages": (1, 3),
        "notes": (1, 3),
    }
    # Nothing in one of three: at most two thirds have it.
    assert by_name(done)["pages"]["over_grants"] == {
        "count": 0,
        "share": 0.0,
        "low": 0.0,
        "high": pytest.approx(2 / 3),
    }


def test_without_a_configuration_it_says_how_to_get_one(
    tiny: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.config.unlink()
    monkeypatch.chdir(tiny.root)
    refused(lockgate("access", "audit", "--json"), 2, "lockgate.yaml: the file does not exist.")


def test_a_source_that_cannot_be_listed_fails_and_the_other_is_looked_at(promoted: TinyProject) -> None:
    widen(promoted, "notes/coffee")
    promoted.pages.rename(promoted.root / "elsewhere")
    ended = audit(promoted)
    assert ended.code == 1
    assert "the folder of this source does not exist" in ended.err
    pages, notes = by_name(ended.json)["pages"], by_name(ended.json)["notes"]
    assert (pages["sampled"], pages["over_grants"]["share"]) == (0, None)
    assert "does not exist" in pages["error"]
    assert (notes["sampled"], notes["error"]) == (3, None)
    assert ended.json["total"]["population"] == 3


def test_a_source_that_stops_saying_who_may_read_is_held(promoted: TinyProject) -> None:
    promoted.replace_in_config("{default: deny}", "{default: public}")
    for file in sorted(promoted.pages.rglob(".access.yaml")):
        file.unlink()
    ended = audit(promoted)
    assert ended.code == 4
    assert "no longer says who may read" in ended.err
    pages = by_name(ended.json)["pages"]
    assert (pages["under_grants"]["count"], pages["changed"]) == (3, 0)
    assert [each["repaired"] for each in ended.json["findings"]] == [False, False, False]
    found = lockgate("search", "salaries of directors", "--as", "public", "--json", project=promoted)
    assert SALARIES not in [hit["document"] for hit in found.json["hits"]]


def test_a_source_that_lists_nothing_any_more_is_held(promoted: TinyProject) -> None:
    (promoted.root / "notes.jsonl").write_text("", encoding="utf-8")
    ended = audit(promoted)
    assert ended.code == 4
    assert "the source lists no document, and 3 of its documents are in the catalog" in ended.err
    assert by_name(ended.json)["notes"]["gone"] == 3


def test_an_empty_catalog_has_only_what_is_new(tiny: TinyProject) -> None:
    ended = audit(tiny)
    assert ended.code == 0, ended.err
    assert (ended.json["total"]["sampled"], by_name(ended.json)["pages"]["new"]) == (6, 3)
    assert ended.json["index"]["versions"] == []


def test_a_version_whose_index_is_gone_is_an_incident(promoted: TinyProject) -> None:
    (promoted.state / "index" / "00000001").rename(promoted.root / "gone")
    ended = audit(promoted)
    assert ended.code == 1
    assert "the index of version 1 is not there" in ended.err
    assert len(ended.json["index"]["errors"]) == 1
