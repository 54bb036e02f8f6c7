"""Globs below a root."""

from __future__ import annotations

import pytest

from connectors.globs import Globs, checked


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.md", "a.md"),
        ("**/*.md", "a.md"),
        ("**/*.md", "x/y/a.md"),
        ("**", "x/y/a.md"),
        ("x/**", "x/y/a.md"),
        ("x/**/a.md", "x/a.md"),
        ("x/**/**/a.md", "x/y/z/a.md"),
        ("?.md", "ü.md"),
        ("[a-c].md", "b.md"),
        ("[!a-c].md", "d.md"),
        ("[]].md", "].md"),
        ("[!].md", "!.md"),
        ("[!]", "!"),
        ("a[^].md", "a^.md"),
        ("a[\\d].md", "a\\.md"),
        ("a.(b)+.md", "a.(b)+.md"),
        ("*", "a\nb"),
    ],
)
def test_a_path_matches(pattern: str, path: str) -> None:
    assert Globs([pattern]).match(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.md", "x/a.md"),
        ("*.md", "a.mdx"),
        ("*.md", "A.MD"),
        ("x/**", "x"),
        ("x/**", "xy/a.md"),
        ("x?y", "x/y"),
        ("x[!a]y", "x/y"),
        ("[a-c].md", "d.md"),
        ("[!a-c].md", "b.md"),
        ("a[\\d].md", "a5.md"),
        ("a.md", "abmd"),
    ],
)
def test_a_path_does_not_match(pattern: str, path: str) -> None:
    assert not Globs([pattern]).match(path)


def test_a_folder_is_covered_where_all_in_it_matches() -> None:
    globs = Globs(["drafts/**", "**/tmp/**/*", "x/*"])
    assert globs.covers("drafts")
    assert globs.covers("a/b/tmp")
    assert not globs.covers("x")
    assert not globs.covers("draft")


def test_a_final_slash_means_all_below() -> None:
    assert checked("drafts/") == "drafts/**"


def test_many_stars_do_not_take_forever() -> None:
    assert not Globs(["**/" * 30 + "x"]).match("a/" * 200 + "y")
