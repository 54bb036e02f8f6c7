"""The access log: who asked, as whom, and what they were given, by which version and rules.

A JSON object a line in one file a day (UTC), to which every process of the project appends. A line holds no
document text; the question is a keyed digest unless the settings say otherwise: equal questions can be found, and
nobody without the key can try out what was asked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from rag.access import Subject
from rag.catalog import utcnow
from rag.errors import AccessLogError
from rag.files import sync_directory, write_durably

Questions = Literal["none", "digest", "text"]
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_KEY = "key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """One search as it was asked. ``by_token`` says that a token proved who asks."""

    question: str
    subject: Subject
    by_token: bool
    mode: str
    limit: int
    match: Mapping[str, str]


class AccessLog:
    """Appends to the files below ``folder``. Safe between threads and processes.

    A line is written before its answer is given and outlives the process, though perhaps not the machine. With
    the first line of a day the files that are older than ``retention`` go.
    """

    def __init__(
        self,
        folder: Path,
        *,
        application: str,
        questions: Questions,
        retention: timedelta,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        self._folder, self._application = folder, application
        self._questions, self._retention, self._now = questions, retention, now
        self._lock = threading.Lock()
        self._day: date | None = None
        self._file = -1
        self._key = b""

    def note(
        self, asked: Asked, *, version: int, epoch: int, returned: Sequence[tuple[str, int, int | None]]
    ) -> None:
        """Writes one line. ``returned`` are the passages: document, id of the passage, id of the rule.

        Raises ``AccessLogError``; the answer must then not be given.
        """
        now = self._now()
        try:
            with self._lock:
                self._turn_to(now.astimezone(UTC).date())
                line = json.dumps(self._entry(now, asked, version, epoch, returned), ensure_ascii=False)
                data = f"{line}\n".encode()
                # In one go, at the end: lines of several processes do not mix.
                written = os.write(self._file, data)
        except OSError as error:
            raise self._failed(error.strerror or type(error).__name__) from error
        if written < len(data):
            raise self._failed("the disk is full")

    def close(self) -> None:
        """A later note opens it again."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file, self._day = -1, None

    def _entry(
        self,
        now: datetime,
        asked: Asked,
        version: int,
        epoch: int,
        returned: Sequence[tuple[str, int, int | None]],
    ) -> dict[str, Any]:
        return {
            "at": now.isoformat(timespec="milliseconds"),
            "application": self._application,
            "principal": asked.subject.principal,
            "also": sorted(asked.subject.also),
            "by": "token" if asked.by_token else "application",
            "question": self._shown(asked.question),
            "mode": asked.mode,
            "limit": asked.limit,
            "match": dict(asked.match),
            "version": version,
            "epoch": epoch,
            "returned": [
                {"document": document, "passage": passage, "rule": rule}
                for document, passage, rule in returned
            ],
        }

    def _shown(self, question: str) -> str | None:
        match self._questions:
            case "text":
                return question
            case "digest":
                return hmac.new(self._key, question.encode(), hashlib.sha256).hexdigest()
            case _:
                return None

    def _turn_to(self, day: date) -> None:
        if day == self._day:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._questions == "digest":
            self._key = _key(self._folder)
        file = os.open(
            self._folder / f"{day.isoformat()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = file, day
        for path in files(self._folder):
            if day_of(path) < day - self._retention:
                path.unlink(missing_ok=True)  # another process may have been faster

    def _failed(self, why: str) -> AccessLogError:
        return AccessLogError(
            f"what was asked cannot be noted in the access log ({why})",
            where=str(self._folder),
            state="Nothing was answered",
            next_step="Give the folder room and rights, or turn the log off: access.log.enabled in lockgate.yaml",
        )


def files(folder: Path) -> list[Path]:
    """The files of the log, oldest first; none where there is no log."""
    return sorted(path for path in folder.glob("*.jsonl") if _DAY.fullmatch(path.name))


def day_of(path: Path) -> date:
    """The day whose lines a file of the log holds."""
    return date.fromisoformat(path.stem)


def entries(folder: Path) -> Iterator[dict[str, Any] | None]:
    """Every line, latest first; None for one that was cut off when a disk was full."""
    for path in reversed(files(folder)):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue  # its time came while we looked
        except OSError as error:
            raise AccessLogError(
                f"the access log cannot be read ({error.strerror})", where=str(path)
            ) from error
        for line in reversed(lines):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            yield entry if isinstance(entry, dict) else None


def _key(folder: Path) -> bytes:
    """The key of the digests, made at the first use. Who takes it away makes old digests meaningless."""
    path = folder / _KEY
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    new = folder / f".{_KEY}-{secrets.token_hex(8)}"
    new.touch(mode=0o600)
    write_durably(new, secrets.token_bytes(_KEY_BYTES))
    try:
        os.link(new, path)  # of several processes, one gives its key
    except FileExistsError:
        pass
    finally:
        new.unlink()
    sync_directory(folder)
    return path.read_bytes()
