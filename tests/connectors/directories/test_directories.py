"""What holds for every format: the whole file or nothing, and the moment it speaks of."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.directories import KNOWN_FORMATS, build_directory
from rag.errors import ConfigurationError, DirectoryError, DirectoryUnavailableError, TransientError
from tests.connectors.directories.conftest import MEMBERS_OF, WHOLE, Export

formats = pytest.mark.parametrize("format", sorted(KNOWN_FORMATS))


@formats
def test_groups_have_their_direct_members(export: Export, format: str) -> None:
    directory = export(format)
    assert directory.name == "hr"
    assert directory.read().members_of == MEMBERS_OF


@formats
def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(export: Export, format: str) -> None:
    text = b"\xef\xbb\xbf" + WHOLE[format].replace("\n", "\r\n").encode()
    assert export(format, text).read().members_of == MEMBERS_OF


@formats
def test_the_moment_is_that_of_the_file_and_not_that_of_the_reading(
    export: Export, path: Path, format: str
) -> None:
    directory = export(format)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert directory.read().observed_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_the_moment_may_be_told(export: Export) -> None:
    directory = export("scim", observed_at="2024-03-01T12:00:00+02:00")
    assert directory.read().observed_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    with pytest.raises(DirectoryError, match="from the future"):
        export("scim", observed_at="2999-01-01T00:00:00Z").read()
    with pytest.raises(ConfigurationError, match="observed_at"):
        export("scim", observed_at="2024-03-01T12:00:00")


@formats
def test_a_file_from_the_future_is_refused(export: Export, path: Path, format: str) -> None:
    directory = export(format)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    os.utime(path, (ahead.timestamp(), ahead.timestamp()))
    with pytest.raises(DirectoryError, match="from the future") as caught:
        directory.read()
    assert caught.value.where == str(path)


def test_a_clock_that_is_a_little_ahead_makes_no_moment_in_the_future(export: Export, path: Path) -> None:
    directory = export("ldif")
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    os.utime(path, (ahead.timestamp(), ahead.timestamp()))
    assert directory.read().observed_at <= datetime.now(UTC)


def test_building_opens_nothing_and_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    directory = build_directory("hr", "scim", tmp_path / "nowhere", {})
    with pytest.raises(DirectoryError, match="does not exist") as caught:
        directory.read()
    assert caught.value.where == str(tmp_path / "nowhere")
    assert caught.value.exit_code == 1
    assert not isinstance(caught.value, TransientError)


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(DirectoryError, match="not a regular file"):
            build_directory("hr", "ldif", tmp_path / name, {}).read()


@formats
def test_a_file_larger_than_it_may_be_is_refused(export: Export, format: str) -> None:
    size = len(WHOLE[format])
    assert export(format, max_bytes=size).read().members_of == MEMBERS_OF
    with pytest.raises(DirectoryError) as caught:
        export(format, max_bytes=size - 1).read()
    assert caught.value.what == f"the file has {size} bytes, and at most {size - 1} are read"
    assert "max_bytes" in caught.value.next_step


def test_a_file_that_changes_while_it_is_read_may_be_read_again(
    export: Export, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = export("scim")
    real, calls = os.fstat, 0

    def growing(number: int) -> os.stat_result:
        nonlocal calls
        calls += 1
        if calls == 2:
            path.write_text("[]")
        return real(number)

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(DirectoryUnavailableError, match="changed while it was read"):
        directory.read()


@formats
@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\xff\xfe[\x00]\x00", b"\x00" * 100, b"dn", b"<html></html>\n"]
)
def test_what_is_no_export_is_refused(export: Export, format: str, data: bytes) -> None:
    with pytest.raises(DirectoryError):
        export(format, data).read()


def test_an_unknown_format_or_option_offers_the_nearest(tmp_path: Path) -> None:
    def refused(format: str, **options: object) -> str:
        with pytest.raises(ConfigurationError) as caught:
            build_directory("hr", format, tmp_path, options, where="lockgate.yaml:9")
        assert caught.value.where == "lockgate.yaml:9"
        return caught.value.what

    assert refused("ldiff") == "unknown format 'ldiff'; did you mean 'ldif'?"
    assert (
        refused("scim", ignore_unknwon=True) == "unknown key 'ignore_unknwon'; did you mean 'ignore_unknown'?"
    )
    assert "'userName' or 'emails'" in refused("scim", user="nickName")
    assert refused("ldif", group="c n").startswith("group: ")


def test_every_option_is_described_and_no_other_is_allowed() -> None:
    for format in KNOWN_FORMATS.values():
        assert format.options.model_config["extra"] == "forbid"
        assert all(field.description for field in format.options.model_fields.values())
