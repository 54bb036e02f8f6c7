"""Which files are documents, and what is said of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.filesystem import tree
from rag.errors import ConfigurationError, SourceError, SourceUnavailableError, SourceVanishedError
from tests.connectors.filesystem.conftest import Files, by_id, ids


def test_ids_are_paths_in_the_order_of_whole_paths(files: Files) -> None:
    names = ["b.txt", "a/z.txt", "a-b.txt", "a.txt", "a/b/c.txt", "Ä.txt"]
    assert ids(files(dict.fromkeys(names, "x"))) == sorted(names)


def test_an_empty_folder_lists_nothing(files: Files) -> None:
    assert ids(files()) == []


def test_hidden_files_and_folders_are_left_out(files: Files, root: Path) -> None:
    connector = files(
        {"a.txt": "x", ".env": "x", ".git/config": "x", "b/.c/d.txt": "x", "b/.access.yaml": ""}
    )
    assert ids(connector) == ["a.txt"]


def test_hidden_files_are_taken_on_request_and_rules_and_version_control_never(files: Files) -> None:
    connector = files(
        {"a.txt": "x", ".github/b.md": "x", ".git/config": "x", ".access.yaml": "", "c/.Access.YML": ""},
        hidden=True,
    )
    assert ids(connector) == [".github/b.md", "a.txt"]


def test_globs_include_and_exclude(files: Files) -> None:
    names = ["a.md", "a.txt", "drafts/b.md", "x/y/c.md", "x/drafts/d.md"]
    contents = dict.fromkeys(names, "x")
    assert ids(files(contents, include=["**/*.md"])) == ["a.md", "drafts/b.md", "x/drafts/d.md", "x/y/c.md"]
    assert ids(files(include=["*.md"])) == ["a.md"]
    assert ids(files(include=["**/*.md"], exclude=["drafts/"])) == ["a.md", "x/drafts/d.md", "x/y/c.md"]
    assert ids(files(exclude=["**/drafts/**", "*.txt"])) == ["a.md", "x/y/c.md"]
    assert ids(files(include=["*.pdf"])) == []


@pytest.mark.parametrize("glob", ["", "/etc/*", "../*", "a//b", "./a", "[z-a]"])
def test_a_glob_that_can_match_nothing_is_a_configuration_error(files: Files, glob: str) -> None:
    with pytest.raises(ConfigurationError, match=r"exclude\[0\]: expected a glob") as caught:
        files(exclude=[glob])
    assert caught.value.where == "f:1"


def test_a_document_has_its_uri_and_its_time_in_utc(files: Files, root: Path) -> None:
    connector = files({"a b/ü?.txt": "x"})
    os.utime(root / "a b/ü?.txt", ns=(0, 1_700_000_000_123_456_789))
    ref = by_id(connector)["a b/ü?.txt"]
    assert ref.uri == f"file://{root}/a%20b/%C3%BC%3F.txt"
    assert ref.modified_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert (ref.access, ref.title, ref.problem) == (None, None, None)


def test_a_file_replaced_under_its_old_time_and_size_has_another_fingerprint(
    files: Files, root: Path
) -> None:
    connector = files({"a.txt": "one"})
    os.utime(root / "a.txt", ns=(0, 1_700_000_000_000_000_000))
    before = by_id(connector)["a.txt"]
    (root / ".new").write_text("two")
    os.utime(root / ".new", ns=(0, 1_700_000_000_000_000_000))
    os.replace(root / ".new", root / "a.txt")
    after = by_id(connector)["a.txt"]
    assert after.modified_at == before.modified_at
    assert after.fingerprint != before.fingerprint


def test_a_moved_source_has_other_uris_and_so_other_fingerprints(files: Files, root: Path) -> None:
    before = by_id(files({"a.txt": "x"}))["a.txt"]
    root.rename(root.parent / "moved")
    after = by_id(files(path="moved"))["a.txt"]
    assert after.uri != before.uri
    assert after.fingerprint != before.fingerprint


def test_a_name_that_is_not_utf8_is_listed_with_the_reason(files: Files, root: Path) -> None:
    connector = files({"ok.txt": "x", ".access.yaml": "allow: [public]"})
    (root / "caf\udce9.txt").write_text("x")
    (root / "b\udce9").mkdir()
    (root / "b\udce9/c.txt").write_text("x")
    refs = by_id(connector)
    assert set(refs) == {"ok.txt", "caf\\xe9.txt/", "b\\xe9//c.txt"}
    for id in ("caf\\xe9.txt/", "b\\xe9//c.txt"):
        assert refs[id].problem == "the name of the file, or of a folder above it, is not UTF-8"
        assert (refs[id].access, refs[id].uri) == (None, None)
        with pytest.raises(SourceError, match="is no id"):
            connector.fetch(id)


def test_a_name_with_a_control_character_is_listed_with_the_reason(files: Files) -> None:
    refs = by_id(files({"a\n\x1b[31m.txt": "x"}))
    assert list(refs) == ["a\\x0a\\x1b[31m.txt/"]
    assert "control character" in str(refs["a\\x0a\\x1b[31m.txt/"].problem)


def test_what_is_no_regular_file_is_no_document(files: Files, root: Path) -> None:
    connector = files({"a.txt": "x"})
    os.mkfifo(root / "pipe.txt")
    assert ids(connector) == ["a.txt"]
    with pytest.raises(SourceError, match="not a regular file"):
        connector.fetch("pipe.txt")


def test_very_deep_folders_are_listed(files: Files, root: Path) -> None:
    folders = [f"{root}{'/d' * depth}" for depth in range(1, 1201)]
    for folder in folders:
        os.mkdir(folder)
    id = "d/" * 1200 + "a.txt"
    (root / id).write_text("x")
    try:
        connector = files()
        assert ids(connector) == [id]
        assert connector.fetch(id).data == b"x"
    finally:
        # Python's own removal of trees recurses, and pytest uses it on what tests leave behind.
        (root / id).unlink()
        for folder in reversed(folders):
            os.rmdir(folder)


def test_a_path_that_is_a_file_is_no_source(files: Files, root: Path) -> None:
    files({"a.txt": "x"})
    with pytest.raises(SourceVanishedError):
        ids(files(path="docs/a.txt"))
    with pytest.raises(SourceVanishedError):
        ids(files(path="docs/a.txt/b"))


def test_a_folder_that_cannot_be_read_makes_the_listing_fail(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = files({"a.txt": "x", "secret/b.txt": "x"})
    real = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceUnavailableError, match="docs/secret' cannot be read: Permission denied"):
        ids(connector)


def test_an_excluded_folder_is_not_even_looked_into(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = files({"a.txt": "x", "secret/b.txt": "x"}, exclude=["secret/**"])
    looked_into: list[str] = []
    real = os.scandir

    def noting(path: str) -> object:
        looked_into.append(os.path.basename(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", noting)
    assert ids(connector) == ["a.txt"]
    assert [name for name in looked_into if name == "secret"] == []
    assert len(looked_into) == 1


def test_a_file_that_goes_while_the_folder_is_read_is_not_listed(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = files({"a.txt": "x", "b.txt": "x", "c/d.txt": "x"})
    real = tree.Tree.status

    def late(self: tree.Tree, parts: tree.Parts) -> os.stat_result | None:
        if parts == ("b.txt",):
            (root / "b.txt").unlink()
        return real(self, parts)

    monkeypatch.setattr(tree.Tree, "status", late)
    assert ids(connector) == ["a.txt", "c/d.txt"]


def test_a_root_that_goes_during_the_listing_is_an_incident_and_not_a_short_listing(
    files: Files, root: Path
) -> None:
    listing = files({"a.txt": "x", "b/c.txt": "x"}).list()
    assert next(listing).id == "a.txt"
    root.rename(root.parent / "elsewhere")
    with pytest.raises(SourceVanishedError):
        list(listing)


def test_a_root_that_is_replaced_during_the_listing_fails_it(files: Files, root: Path) -> None:
    listing = files({"a.txt": "x", "b/c.txt": "x"}).list()
    assert next(listing).id == "a.txt"
    root.rename(root.parent / "elsewhere")
    root.mkdir()  # as an unmounted disk leaves an empty mount point
    with pytest.raises(SourceUnavailableError, match="replaced while it was listed"):
        list(listing)
