"""Who may read a file: the nearest ``.access.yaml`` decides allow, and every deny adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.filesystem import tree
from connectors.filesystem.access_file import MAX_BYTES
from rag.access import NOBODY, AccessRule
from tests.connectors.filesystem.conftest import Files, by_id

PUBLIC = "allow: [public]\n"


def test_the_nearest_file_decides_allow(files: Files) -> None:
    refs = by_id(
        files(
            {
                ".access.yaml": PUBLIC,
                "a.txt": "x",
                "hr/.access.yaml": "allow: ['group:hr']",
                "hr/b.txt": "x",
                "hr/deep/er/c.txt": "x",
                "hr/pay/.access.yaml": "allow: ['user:cfo']",
                "hr/pay/d.txt": "x",
                "z.txt": "x",
            }
        )
    )
    assert {id: sorted(ref.access.allow) for id, ref in refs.items() if ref.access} == {
        "a.txt": ["public"],
        "hr/b.txt": ["group:hr"],
        "hr/deep/er/c.txt": ["group:hr"],
        "hr/pay/d.txt": ["user:cfo"],
        "z.txt": ["public"],
    }


def test_every_deny_on_the_way_up_adds(files: Files) -> None:
    refs = by_id(
        files(
            {
                ".access.yaml": "deny: ['user:a']",
                "x/.access.yaml": "allow: [public]\ndeny: ['user:b']",
                "x/y/.access.yaml": "allow: ['group:g']\ndeny: ['user:c']",
                "x/y/z.txt": "x",
                "x/w.txt": "x",
            }
        )
    )
    assert refs["x/y/z.txt"].access == AccessRule.of(["group:g"], ["user:a", "user:b", "user:c"])
    assert refs["x/w.txt"].access == AccessRule.of(["public"], ["user:a", "user:b"])


@pytest.mark.parametrize("text", ["", "# later\n", "allow:\n", "allow: []", "{}", "deny: []", "deny:\n"])
def test_a_nearest_file_without_allow_allows_nobody(files: Files, text: str) -> None:
    refs = by_id(files({".access.yaml": PUBLIC, "a/.access.yaml": text, "a/b.txt": "x"}))
    assert refs["a/b.txt"].access == NOBODY
    assert refs["a/b.txt"].problem is None


def test_without_any_file_no_rule_is_stated(files: Files) -> None:
    refs = by_id(files({"a.txt": "x", "b/.access.yaml": PUBLIC, "b/c.txt": "x"}))
    assert refs["a.txt"].access is None
    assert refs["b/c.txt"].access == AccessRule.of(["public"])


def test_a_file_above_the_root_does_not_count(files: Files, root: Path) -> None:
    (root.parent / ".access.yaml").write_text(PUBLIC)
    assert by_id(files({"a.txt": "x"}))["a.txt"].access is None


def test_a_changed_file_holds_in_the_next_listing(files: Files, root: Path) -> None:
    connector = files({".access.yaml": PUBLIC, "a.txt": "x"})
    before = by_id(connector)["a.txt"]
    (root / ".access.yaml").write_text("allow: ['user:ada']")
    after = by_id(connector)["a.txt"]
    assert (before.access, after.access) == (AccessRule.of(["public"]), AccessRule.of(["user:ada"]))
    assert before.fingerprint == after.fingerprint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("allow: [public\n", "hr/.access.yaml:2: expected"),
        (
            "allow: [public]\nalow: []",
            "hr/.access.yaml:2: an access file has the keys allow and deny, and no",
        ),
        ("deny: ['user:a']\ndeny: []", "hr/.access.yaml:2: deny is there twice"),
        ("allow: public", "hr/.access.yaml:1: allow is not a list"),
        ("allow:\n  - user:ada\n  - everyone", "hr/.access.yaml:3: 'everyone' is not a principal"),
        ("allow: ['group:']", "hr/.access.yaml:1: 'group:' has an empty name"),
        ("allow: [5]", "hr/.access.yaml:1: allow has an entry that is not a principal"),
        ("allow: [[public]]", "hr/.access.yaml:1: allow has an entry that is not a principal"),
        ("allow: [!!python/name:os.system public]", "hr/.access.yaml:1: allow has an entry"),
        ("[public]", "hr/.access.yaml:1: an access file has the keys allow and deny"),
        ("public", "hr/.access.yaml:1: an access file has the keys allow and deny"),
        ("allow: [public]\n---\nallow: []", "hr/.access.yaml:2: but found another document"),
        ("allow: *x", "hr/.access.yaml:1: found undefined alias"),
        ("allow: [public]\x00", "hr/.access.yaml is not YAML"),
        ("[" * 100_000, "hr/.access.yaml is nested too deeply"),
        (" " * MAX_BYTES + "allow: []", "hr/.access.yaml is larger than 1048576 bytes"),
    ],
)
def test_a_broken_file_keeps_out_all_below_it_and_nothing_else(files: Files, text: str, problem: str) -> None:
    refs = by_id(
        files(
            {
                ".access.yaml": PUBLIC,
                "a.txt": "x",
                "hr/.access.yaml": text,
                "hr/b.txt": "x",
                "hr/open/.access.yaml": PUBLIC,
                "hr/open/c.txt": "x",
                "z.txt": "x",
            }
        )
    )
    assert set(refs) == {"a.txt", "hr/b.txt", "hr/open/c.txt", "z.txt"}
    for id in ("hr/b.txt", "hr/open/c.txt"):
        assert refs[id].access is None
        assert str(refs[id].problem).startswith(problem)
    for id in ("a.txt", "z.txt"):
        assert refs[id].problem is None
        assert refs[id].access == AccessRule.of(["public"])


def test_a_broken_file_that_is_mended_lets_its_documents_be_fetched_anew(files: Files, root: Path) -> None:
    connector = files({".access.yaml": "allow: public", "a.txt": "x"})
    broken = by_id(connector)["a.txt"]
    (root / ".access.yaml").write_text(PUBLIC)
    mended = by_id(connector)["a.txt"]
    assert mended.problem is None
    assert mended.fingerprint != broken.fingerprint


def test_a_file_that_is_not_utf8_is_broken(files: Files, root: Path) -> None:
    connector = files({"a.txt": "x"})
    (root / ".access.yaml").write_bytes(b"allow: [public] # caf\xe9")
    assert by_id(connector)["a.txt"].problem == ".access.yaml is not UTF-8"


@pytest.mark.parametrize("name", [".access.yml", ".Access.yaml", ".ACCESS.YML"])
def test_a_name_that_was_meant_to_be_an_access_file_protects(files: Files, name: str) -> None:
    ref = by_id(files({".access.yaml": PUBLIC, "a/b.txt": "x", f"a/{name}": "deny: ['user:a']"}))["a/b.txt"]
    assert ref.access is None
    assert ref.problem == f"a/{name} is not read: the name of an access file is .access.yaml"


def test_an_access_file_that_is_a_folder_or_a_link_is_broken(files: Files, root: Path) -> None:
    connector = files({"a/x.txt": "x", "b/x.txt": "x", "c/x.txt": "x", "rules": PUBLIC})
    (root / "a/.access.yaml").mkdir()
    (root / "b/.access.yaml").symlink_to(root / "rules")
    (root / "c/.access.yaml").symlink_to("nothing")
    for id in ("a/x.txt", "b/x.txt", "c/x.txt"):
        ref = by_id(connector)[id]
        assert ref.access is None
        assert str(ref.problem).startswith(f"{id[0]}/.access.yaml cannot be ")


def test_an_access_file_that_may_not_be_read_is_broken(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = files({".access.yaml": PUBLIC, "a.txt": "x"})

    def refusing(self: tree.Tree, parts: tree.Parts, limit_bytes: int = -1) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tree.Tree, "read", refusing)
    assert by_id(connector)["a.txt"].problem == ".access.yaml cannot be read: Permission denied"
