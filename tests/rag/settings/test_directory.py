"""Directories in ``lockgate.yaml``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.directories import KNOWN_FORMATS, build_directory
from rag.settings import Directory
from tests.rag.settings.conftest import MINIMAL, Load, Refuse


def test_there_are_none_unless_told_otherwise(load: Load) -> None:
    settings = load(MINIMAL)
    assert settings.directories == ()
    assert settings.groups_max_age is None


def test_a_directory_has_a_file_and_a_limit(load: Load, tmp_path: Path) -> None:
    [directory] = load(MINIMAL + "directories: [{name: hr, format: ldif, path: hr.ldif}]\n").directories
    assert directory == Directory(
        name="hr", format="ldif", path=tmp_path / "hr.ldif", max_age=timedelta(hours=24)
    )
    assert directory.options == {"ignore_unknown": False, "max_bytes": 256 * 1024 * 1024}


def test_what_is_set_is_told_to_the_reader(load: Load, tmp_path: Path) -> None:
    text = (
        "directories:\n  - {name: hr, format: scim, path: hr.json, max_age: 90m, user: emails, group: id,"
        " ignore_unknown: true, max_bytes: 9}\ngroups_max_age: 7d\n"
    )
    settings = load(MINIMAL + text)
    [hr] = settings.directories
    assert hr.options == {"user": "emails", "group": "id", "ignore_unknown": True, "max_bytes": 9}
    assert (hr.max_age, settings.groups_max_age) == (timedelta(minutes=90), timedelta(days=7))
    assert build_directory(hr.name, hr.format, hr.path, hr.options).name == "hr"


@pytest.mark.parametrize("format", ["scim", "ldif"])
def test_the_defaults_are_those_of_the_reader(format: str) -> None:
    fields = KNOWN_FORMATS[format].options.model_fields
    assert fields["max_bytes"].default == Directory.model_fields["max_bytes"].default
    assert fields["ignore_unknown"].default == Directory.model_fields["ignore_unknown"].default


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("directories: [{name: HR, format: ldif, path: f}]", 4, "directories[0].name: does not match"),
        (
            "directories: [{name: hr, format: csv, path: f}]",
            4,
            "directories[0].format: expected 'scim' or 'ldif'",
        ),
        ("directories: [{name: hr, format: ldif}]", 4, "directories[0].path: is missing"),
        (
            "directories:\n  - {name: hr, format: ldif, path: f, max_age: 30s}",
            5,
            "directories[0].max_age: expected a duration from 1m to 365d",
        ),
        (
            "directories:\n  - {name: hr, format: ldif, path: f, max_bytes: 0}",
            5,
            "directories[0].max_bytes: expected at least 1",
        ),
        (
            "directories:\n  - {name: hr, format: ldif, path: f, grup: cn}",
            5,
            "directories[0]: unknown key 'grup'; did you mean 'group'?",
        ),
        (
            "directories:\n  - {name: hr, format: ldif, path: f}\n  - {name: hr, format: scim, path: g}",
            6,
            "directories[1].name: directories[0] has the same name",
        ),
        ("groups_max_age: 366d", 4, "groups_max_age: expected a duration from 1m to 365d"),
    ],
)
def test_anything_else_is_named_by_line_and_key(refuse: Refuse, text: str, line: int, what: str) -> None:
    error = refuse(f"{MINIMAL}{text}\n")
    assert error.where == f"lockgate.yaml:{line}"
    assert error.what.startswith(what)
