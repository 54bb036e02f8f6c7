"""Files of reports. They quote documents: only their owner can open them, and a purge takes them all away."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from rag.errors import EvaluationError
from rag.files import sync_directory

KEPT = 30
_NAME = re.compile(r"evaluation-v(?P<version>\d+)-(?P<stamp>\d{8}T\d{6}Z)\.html")
_PARTIAL = re.compile(r"\.evaluation-v\d+-\d{8}T\d{6}Z\.html\.[0-9a-f]{8}\.new")
_ABANDONED_SECONDS = 3600


def report_name(version: int, at: datetime) -> str:
    """``evaluation-v12-20260131T081500Z.html``; ``at`` has a time zone."""
    return f"evaluation-v{version}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.html"


def write_report(folder: Path, name: str, html: str) -> Path:
    """Writes ``folder/name``, whole or not at all; an older file of that name is replaced. Returns its path.

    The folder is made if need be, and closed to everybody else; so is the file. Raises ``EvaluationError`` where
    that cannot be done, where ``name`` is not one of ``report_name``, and where ``forget_reports`` came between.
    """
    path = folder / name
    if not _NAME.fullmatch(name):
        raise _unwritten(path, "its name is not that of a report")
    partial = folder / f".{name}.{token_hex(4)}.new"
    try:
        _close(folder)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(html)
            file.flush()
            os.fsync(descriptor)
        os.replace(partial, path)
        sync_directory(folder)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise _unwritten(path, error.strerror or type(error).__name__) from error
    return path


def keep_latest(folder: Path, most: int = KEPT) -> int:
    """Removes all but the ``most`` latest reports, by the time in their names, and what a run that was killed has
    left of one an hour ago or longer. Returns how many reports went; a folder that is not there has none.

    Raises ``EvaluationError`` for a report that cannot be removed.
    """
    reports = [path for path in _listed(folder) if _NAME.fullmatch(path.name)]
    old = sorted(reports, key=_age)[: max(0, len(reports) - max(0, most))]
    now = datetime.now(UTC).timestamp()
    left = [path for path in _listed(folder) if _PARTIAL.fullmatch(path.name) and _is_abandoned(path, now)]
    _remove([*old, *left], folder)
    return len(old)


def forget_reports(folder: Path) -> int:
    """Removes every report, and those that are being written, whose writers then fail. Returns how many there were.

    For a purge: a report quotes documents. Files of other names are left alone. Raises ``EvaluationError`` for one
    that cannot be removed, after all others are.
    """
    # those being written first: one that is finished meanwhile is among the reports, which are listed after
    _remove([path for path in _listed(folder) if _PARTIAL.fullmatch(path.name)], folder)
    reports = [path for path in _listed(folder) if _NAME.fullmatch(path.name)]
    _remove(reports, folder)
    return len(reports)


def _age(path: Path) -> tuple[str, int]:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return found["stamp"], int(found["version"])


def _close(folder: Path) -> None:
    """Makes the folder, for its owner alone; one that is open to others is closed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _kept(folder, error) from error


def _is_abandoned(path: Path, now: float) -> bool:
    try:
        return now - path.lstat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _remove(paths: list[Path], folder: Path) -> None:
    """All that can be, then the first error."""
    failed: list[tuple[Path, OSError]] = []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failed.append((path, error))
    if paths:
        with suppress(OSError):  # the names are gone for whoever looks; what is left is to make that last
            sync_directory(folder)
    if failed:
        first, why = failed[0]
        raise _kept(first, why) from why


def _unwritten(path: Path, why: str) -> EvaluationError:
    return EvaluationError(
        f"the report cannot be written ({why})",
        where=str(path),
        state="The measurement itself is kept",
        next_step="See that the folder can be written and has room, then run lockgate evaluate again",
    )


def _kept(path: Path, error: OSError) -> EvaluationError:
    return EvaluationError(
        f"a report cannot be removed ({error.strerror or type(error).__name__})",
        where=str(path),
        state="It may quote documents that were purged since",
        next_step="Remove it by hand",
    )
