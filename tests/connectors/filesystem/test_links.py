"""Links: not followed unless asked for, never out of the source, and they open nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.access import AccessRule
from rag.errors import SourceError
from tests.connectors.filesystem.conftest import Files, by_id, ids


def test_links_are_not_followed_unless_asked_for(files: Files, root: Path) -> None:
    connector = files({"a.txt": "x", "d/b.txt": "x"})
    (root / "link.txt").symlink_to("a.txt")
    (root / "folder").symlink_to("d")
    assert ids(connector) == ["a.txt", "d/b.txt"]
    for id in ("link.txt", "folder/b.txt"):
        with pytest.raises(SourceError):
            connector.fetch(id)


def test_links_within_the_source_are_followed_when_asked_for(files: Files, root: Path) -> None:
    connector = files({"a.txt": "aa", "d/b.txt": "bb"}, follow_symlinks=True)
    (root / "link.txt").symlink_to("a.txt")
    (root / "folder").symlink_to("d")
    assert ids(connector) == ["a.txt", "d/b.txt", "folder/b.txt", "link.txt"]
    assert connector.fetch("link.txt").data == b"aa"
    assert connector.fetch("folder/b.txt").data == b"bb"


def test_a_link_out_of_the_source_is_never_followed_and_says_so(files: Files, root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside/secret.txt").write_text("secret")
    connector = files({"a.txt": "x"}, follow_symlinks=True)
    (root / "file.txt").symlink_to(root.parent / "outside/secret.txt")
    (root / "folder").symlink_to("../outside")
    refs = by_id(connector)
    assert set(refs) == {"a.txt", "file.txt", "folder"}
    for id in ("file.txt", "folder"):
        assert refs[id].problem == "a link that leaves the source is not followed"
        assert refs[id].access is None
    for id in ("file.txt", "folder/secret.txt"):
        with pytest.raises(SourceError, match="a link that leaves the source"):
            connector.fetch(id)


def test_a_file_that_became_a_link_outwards_after_the_listing_is_not_read(files: Files, root: Path) -> None:
    (root.parent / "secret.txt").write_text("secret")
    connector = files({"a.txt": "x", "d/b.txt": "x"})
    assert ids(connector) == ["a.txt", "d/b.txt"]
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to("../secret.txt")
    (root / "d/b.txt").unlink()
    (root / "d").rmdir()
    (root / "d").symlink_to("..")
    (root.parent / "b.txt").write_text("secret")
    for id in ("a.txt", "d/b.txt"):
        with pytest.raises(SourceError):
            connector.fetch(id)


def test_links_in_circles_and_to_nothing_are_left_out(files: Files, root: Path) -> None:
    connector = files({"a/b.txt": "x"}, follow_symlinks=True)
    (root / "a/up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "nothing").symlink_to("nowhere")
    assert ids(connector) == ["a/b.txt"]


def test_a_root_that_is_a_link_is_read(files: Files, root: Path) -> None:
    files({"a.txt": "x"})
    (root.parent / "current").symlink_to("docs")
    connector = files(path="current")
    assert ids(connector) == ["a.txt"]
    assert connector.fetch("a.txt").data == b"x"


def test_a_link_opens_nothing_that_is_closed_where_it_leads(files: Files, root: Path) -> None:
    connector = files(
        {
            "open/.access.yaml": "allow: [public]\ndeny: ['user:bob']",
            "closed/.access.yaml": "allow: ['group:hr']\ndeny: ['user:eve']",
            "closed/pay.txt": "x",
            "closed/sub/more.txt": "x",
        },
        follow_symlinks=True,
    )
    (root / "open/pay.txt").symlink_to("../closed/pay.txt")
    (root / "open/closed").symlink_to("../closed")
    refs = by_id(connector)
    rule = AccessRule.of(["group:hr"], ["user:bob", "user:eve"])
    assert refs["open/pay.txt"].access == rule
    assert refs["open/closed/pay.txt"].access == rule
    assert refs["open/closed/sub/more.txt"].access == rule


def test_a_link_into_a_folder_without_a_rule_states_none(files: Files, root: Path) -> None:
    connector = files({"open/.access.yaml": "allow: [public]", "plain/a.txt": "x"}, follow_symlinks=True)
    (root / "open/a.txt").symlink_to("../plain/a.txt")
    assert by_id(connector)["open/a.txt"].access is None


def test_a_link_into_what_is_excluded_is_left_out(files: Files, root: Path) -> None:
    connector = files({"drafts/a.txt": "x"}, follow_symlinks=True, exclude=["drafts/**"])
    (root / "a.txt").symlink_to("drafts/a.txt")
    (root / "folder").symlink_to("drafts")
    assert ids(connector) == []
