"""Connectors by name, and their folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import connectors
from connectors import KNOWN, build
from connectors.filesystem import FilesystemConnector
from connectors.jsonl import JsonlConnector
from connectors.options import SOURCE_KEYS
from rag.errors import ConfigurationError
from rag.settings import Source


def refused(name: str, options: Mapping[str, object]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        build(name, options, directory=Path("/"), where="lockgate.yaml:12")
    assert caught.value.where == "lockgate.yaml:12"
    return caught.value


def test_every_connector_has_a_folder_of_its_name_with_the_same_files() -> None:
    home = Path(connectors.__file__).parent
    folders = {path.parent.name for path in home.glob("*/__init__.py")} - {"directories"}
    assert folders == set(KNOWN)
    for folder in folders:
        names = {path.name for path in (home / folder).glob("*.py")}
        assert names >= {"__init__.py", "settings.py", "connector.py"}


def test_every_setting_of_a_connector_is_described_and_no_other_is_allowed() -> None:
    for kind in KNOWN.values():
        assert kind.settings.model_config["extra"] == "forbid"
        assert all(field.description for field in kind.settings.model_fields.values())


def test_a_connector_is_built_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    files = build("filesystem", {"path": "."}, directory=tmp_path, where="f:1")
    assert isinstance(files, FilesystemConnector)
    assert [ref.id for ref in files.list()] == ["a.txt"]
    assert isinstance(build("jsonl", {"path": "."}, directory=tmp_path, where="f:1"), JsonlConnector)


def test_building_opens_nothing(tmp_path: Path) -> None:
    assert isinstance(
        build("filesystem", {"path": "nowhere"}, directory=tmp_path, where="f:1"), FilesystemConnector
    )


def test_an_unknown_connector_offers_the_nearest() -> None:
    assert refused("filesytem", {}).what == "unknown connector 'filesytem'; did you mean 'filesystem'?"
    assert refused("zzz", {}).what == "unknown connector 'zzz'; known are filesystem, jsonl"


def test_an_unknown_option_offers_the_nearest() -> None:
    error = refused("filesystem", {"path": "docs", "exclud": []})
    assert error.what == "unknown key 'exclud'; did you mean 'exclude'?"


def test_a_misspelt_key_of_the_source_itself_is_offered_too() -> None:
    assert (
        refused("jsonl", {"path": "d", "freshnes": {}}).what
        == "unknown key 'freshnes'; did you mean 'freshness'?"
    )


def test_the_keys_of_a_source_are_those_that_the_settings_know() -> None:
    assert set(SOURCE_KEYS) == Source.model_fields.keys() - {"options"}


def test_all_that_is_wrong_is_listed() -> None:
    error = refused("filesystem", {"include": "*.md", "follow_symlinks": "perhaps", "exclude": [5]})
    assert error.what.startswith("4 problems: path is missing; include: ")
    assert "exclude[0]: input should be a valid string" in error.what
    assert "follow_symlinks: input should be a valid boolean" in error.what


def test_no_value_is_in_an_error() -> None:
    assert "s3cr3t" not in str(refused("jsonl", {"path": ["s3cr3t"], "encoding": "s3cr3t"}))
    assert "s3cr3t" not in str(refused("filesystem", {"path": "p", "follow_symlinks": "s3cr3t"}))
