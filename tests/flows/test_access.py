"""access sync and access explain, as the commands they are."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, TinyProject

SCIM = "urn:ietf:params:scim"
SALARIES = "pages/board/salaries.txt"


def may_find_salaries(project: TinyProject, reader: str) -> bool:
    ended = lockgate(
        "search", "salaries of directors", "--as", reader, "-k", "100", "--json", project=project
    )
    assert ended.code == 0, ended.err
    return SALARIES in [hit["document"] for hit in ended.json["hits"]]


def sync(project: TinyProject, *, code: int = 0) -> dict[str, Any]:
    ended = lockgate("access", "sync", "--json", project=project)
    assert ended.code == code, ended.err
    return ended.json


def staff(path: Path, members: dict[str, list[str]]) -> None:
    """A SCIM export of these groups; a user's name is its id."""
    names = sorted({name for each in members.values() for name in each})
    users: list[dict[str, Any]] = [
        {"schemas": [f"{SCIM}:schemas:core:2.0:User"], "id": name, "userName": name, "active": True}
        for name in names
    ]
    groups: list[dict[str, Any]] = [
        {
            "schemas": [f"{SCIM}:schemas:core:2.0:Group"],
            "id": group,
            "displayName": group,
            "members": [{"value": name} for name in each],
        }
        for group, each in members.items()
    ]
    listed = {
        "schemas": [f"{SCIM}:api:messages:2.0:ListResponse"],
        "totalResults": len(users + groups),
        "Resources": users + groups,
    }
    path.write_text(json.dumps(listed))


def test_a_revoked_document_is_gone_without_a_new_version_and_comes_back(promoted: TinyProject) -> None:
    assert may_find_salaries(promoted, CLEO)
    before, vectors = promoted.count("version"), promoted.vectors()
    promoted.write_page("board/.access.yaml", "allow: []\n")
    done = sync(promoted)
    assert (done["changed"], done["revoked"]) == (1, 1)
    assert 0 <= done["revocation_seconds"]["max"] < 3600
    assert not may_find_salaries(promoted, CLEO)
    promoted.write_page("board/.access.yaml", f"allow: [{CLEO}, {ADA}]\n")
    done = sync(promoted)
    assert (done["changed"], done["revoked"], done["revocation_seconds"]) == (1, 0, None)
    assert may_find_salaries(promoted, CLEO)
    assert may_find_salaries(promoted, ADA)
    assert (promoted.count("version"), promoted.vectors()) == (before, vectors)
    assert sync(promoted)["changed"] == 0


def test_the_rule_of_a_past_moment_is_explained(promoted: TinyProject) -> None:
    between = datetime.now().isoformat(timespec="seconds")
    time.sleep(1.1)  # the moment is given in whole seconds
    promoted.write_page("board/.access.yaml", "allow: []\n")
    sync(promoted)
    now = lockgate("access", "explain", CLEO, SALARIES, "--json", project=promoted).json
    then = lockgate("access", "explain", CLEO, SALARIES, "--at", between, "--json", project=promoted).json
    before = lockgate(
        "access", "explain", CLEO, SALARIES, "--at", "2020-01-01", "--json", project=promoted
    ).json
    assert (now["allowed"], then["allowed"], before["allowed"]) == (False, True, False)
    assert any("that is the rule of" in step for step in then["because"])


def test_a_directory_says_who_is_in_which_group_until_it_is_too_old(promoted: TinyProject) -> None:
    export = promoted.root / "staff.json"
    staff(export, {"directors": ["ada@acme.example"]})
    with promoted.config.open("a", encoding="utf-8") as file:
        file.write("directories:\n  - {name: staff, format: scim, path: staff.json, max_age: 1h}\n")
    promoted.write_page("board/.access.yaml", "allow: ['group:directors']\n")
    heard = {each["name"]: each for each in sync(promoted)["directories"]}
    assert heard["directory/staff"]["changed"]
    assert may_find_salaries(promoted, "user:ada@acme.example")
    assert not may_find_salaries(promoted, CLEO)

    export.write_text(export.read_text()[:-20])  # half an export
    failed = sync(promoted, code=1)
    assert "staff.json" in {each["name"]: each for each in failed["directories"]}["directory/staff"]["error"]
    assert may_find_salaries(promoted, "user:ada@acme.example")

    staff(export, {"directors": ["ada@acme.example"]})
    old = time.time() - 7200
    os.utime(export, (old, old))
    sync(promoted)
    assert not may_find_salaries(promoted, "user:ada@acme.example")
    explained = lockgate(
        "access", "explain", "user:ada@acme.example", SALARIES, "--json", project=promoted
    ).json
    assert not explained["allowed"]
    assert any("has not been heard in time" in step for step in explained["because"])

    os.utime(export)
    sync(promoted)
    assert may_find_salaries(promoted, "user:ada@acme.example")


def test_a_directory_that_was_never_heard_stops_everything_that_would_rely_on_it(
    promoted: TinyProject,
) -> None:
    with promoted.config.open("a", encoding="utf-8") as file:
        file.write("directories:\n  - {name: staff, format: ldif, path: staff.ldif}\n")
    for command in (["access", "sync"], ["ingest"]):
        ended = lockgate(*command, project=promoted)
        assert ended.code == 1
        assert "staff.ldif" in ended.err


def test_a_directory_that_is_configured_no_more_lets_nobody_in(promoted: TinyProject) -> None:
    staff(promoted.root / "staff.json", {"directors": ["ada@acme.example"]})
    text = promoted.config.read_text(encoding="utf-8")
    promoted.write_config(text + "directories:\n  - {name: staff, format: scim, path: staff.json}\n")
    promoted.write_page("board/.access.yaml", "allow: ['group:directors']\n")
    sync(promoted)
    assert may_find_salaries(promoted, "user:ada@acme.example")
    promoted.write_config(text)
    sync(promoted)
    assert not may_find_salaries(promoted, "user:ada@acme.example")


def test_a_source_that_says_no_more_who_may_read_does_not_open_its_documents(promoted: TinyProject) -> None:
    """Its default is public, and the access file that kept the board's page to a few is gone."""
    promoted.replace_in_config("{default: deny}", "{default: public}")
    sync(promoted)
    assert not may_find_salaries(promoted, "public")
    for file in sorted(promoted.pages.rglob(".access.yaml")):
        file.unlink()
    held = sync(promoted, code=4)
    assert any("no longer says who may read" in (each["error"] or "") for each in held["sources"])
    assert not may_find_salaries(promoted, "public")
    assert lockgate("ingest", project=promoted).code == 4
    assert not may_find_salaries(promoted, "public")
    ruled = promoted.rows("SELECT count(*) FROM document WHERE source = 'pages' AND rule_id IS NOT NULL")[0][
        0
    ]
    confirmed = lockgate(
        "ingest", "--source", "pages", "--accept-unruled", str(ruled), "--by", "ops", project=promoted
    )
    assert confirmed.code == 0, confirmed.err
    assert may_find_salaries(promoted, "public")
    entries = lockgate("ledger", "show", "--json", project=promoted).json["entries"]
    assert any(entry["kind"] == "approve" and entry["details"].get("unruled") for entry in entries)


def test_a_source_for_one_tenant_is_walled_off_whatever_its_rules_say(promoted: TinyProject) -> None:
    groups = promoted.root / "groups.yaml"
    text = groups.read_text(encoding="utf-8") if groups.exists() else ""
    groups.write_text(text + f'"tenant:acme": ["{CLEO}"]\n', encoding="utf-8")
    promoted.replace_in_config("{default: deny}", "{default: deny, tenant: acme}")
    promoted.write_page("board/.access.yaml", "allow: [public]\n")
    sync(promoted)
    assert may_find_salaries(promoted, CLEO)
    assert not may_find_salaries(promoted, ADA)
    assert not may_find_salaries(promoted, "public")
