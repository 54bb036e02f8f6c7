"""The tree of errors. Everything that Lockgate raises on purpose is one of these.

    LockgateError
    ├── UsageError                 the call is wrong: exit 2
    │   ├── ConfigurationError     lockgate.yaml, groups, golden files: names file, line and key
    │   ├── PrincipalError         no principal, or one without a known prefix
    │   ├── TokenError             a token that does not prove who asks
    │   │   └── KeysUnavailableError (TransientError): the issuer's keys are not to be had, exit 1
    │   ├── UnknownVersionError
    │   └── UnknownDocumentError
    ├── SourceError                a source cannot be listed or read
    │   ├── SourceVanishedError    its root is gone: an incident, never a deletion
    │   ├── SourceEmptyError       it lists nothing, and never listed anything
    │   ├── SourceEmptiedError     it lists nothing any more: held for a person, exit 4
    │   ├── DeletionsHeldError     it lost more than it may: held for a person, exit 4
    │   ├── AccessLostError        it no longer says who may read: held for a person, exit 4
    │   └── SourceUnavailableError (TransientError)
    ├── DirectoryError             an export of groups cannot be believed as a whole
    │   └── DirectoryUnavailableError (TransientError)
    ├── ParseError                 one document cannot be parsed: it is quarantined, the run goes on
    ├── CatalogError
    │   ├── CatalogBusyError       (TransientError)
    │   └── CatalogUnavailableError (TransientError)
    ├── IndexStoreError
    │   ├── IndexCorruptError
    │   ├── IndexMissingError
    │   └── IndexUnavailableError  (TransientError)
    ├── OverGrantError             somebody could read what they may not by its source
    ├── WriterBusyError            another process holds the writer's lock
    ├── EvaluationError            a measurement could not be made
    ├── ModelError                 a language model gave no usable answer
    │   ├── ModelRefusedError      it refused, or its filter did
    │   └── ModelUnavailableError  (TransientError)
    ├── AccessLogError             what was asked cannot be noted down: it is not answered
    ├── ReleaseError               a promotion or rollback that cannot be done
    ├── LedgerError                the ledger is not whole, or not the one it should be
    └── BackupError                a backup that cannot be made, or not be restored here

``TransientError`` is mixed in where trying again may help; retries ask ``isinstance``, never the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.answering.port import Usage


class LockgateError(Exception):
    """Base of all. ``what`` failed, ``where``, what ``state`` things are in, and the ``next_step``.

    ``exit_code`` is what the command line returns for it. No field may hold a secret or document text.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", state: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.state = state
        self.next_step = next_step

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.state:
            parts.append(self.state)
        if self.next_step:
            parts.append(self.next_step)
        return " ".join(part if part.endswith((".", "!", "?")) else part + "." for part in parts)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.state, self.next_step)


def _rebuild(kind: type[LockgateError], what: str, where: str, state: str, next_step: str) -> LockgateError:
    return kind(what, where=where, state=state, next_step=next_step)


class TransientError(LockgateError):
    """Trying again may help."""


class UsageError(LockgateError):
    """The call itself is wrong; nothing was done."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A configuration, groups or golden file is wrong."""


class PrincipalError(UsageError):
    """No principal was given, or one that is not ``user:…``, ``group:…`` or ``public``."""


class TokenError(UsageError):
    """A token does not prove who asks: expired, forged, for another audience. Nothing of it is in the message."""


class KeysUnavailableError(TokenError, TransientError):
    """No token can be judged just now: the issuer's keys cannot be fetched. The token may be good."""

    exit_code = 1


class UnknownVersionError(UsageError):
    """The named version does not exist or can no longer be read."""


class UnknownDocumentError(UsageError):
    """The catalog never had a document of that name."""


class SourceError(LockgateError):
    """A source cannot be listed or read. Its documents stay as they are."""


class SourceVanishedError(SourceError):
    """The root of a source is gone. That is an incident, not a deletion."""


class SourceEmptyError(SourceError):
    """A source lists no document at all."""


class SourceEmptiedError(SourceError):
    """A source that held documents lists none. Held for a person; nothing is deleted."""

    exit_code = 4


class DeletionsHeldError(SourceError):
    """A source lost more of its documents than it may at once. Held for a person; nothing is deleted."""

    exit_code = 4


class AccessLostError(SourceError):
    """A source no longer says who may read its documents. Held for a person; their rules stay as they were."""

    exit_code = 4


class SourceUnavailableError(SourceError, TransientError):
    """A source does not answer just now."""


class DirectoryError(LockgateError):
    """A directory of groups cannot be read as a whole. Memberships stay as last observed, until their limit."""


class DirectoryUnavailableError(DirectoryError, TransientError):
    """A directory of groups does not answer just now, or changed while it was read."""


class ParseError(LockgateError):
    """One document cannot be turned into text; ``what`` is the reason a person reads."""


class CatalogError(LockgateError):
    """The catalog cannot be opened, or is not of this release."""


class CatalogBusyError(CatalogError, TransientError):
    """The catalog is locked by another process for longer than we wait."""


class CatalogUnavailableError(CatalogError, TransientError):
    """The server of the catalog does not answer just now, or its connection was lost."""


class IndexStoreError(LockgateError):
    """The index store failed."""


class IndexCorruptError(IndexStoreError):
    """A sealed version does not hold what its seal says."""


class IndexMissingError(IndexStoreError):
    """The directory or collection of a version is gone."""


class IndexUnavailableError(IndexStoreError, TransientError):
    """The index's server does not answer just now, or has too much to do."""


class OverGrantError(LockgateError):
    """An audit found documents that somebody could read who may not by their source."""


class WriterBusyError(LockgateError):
    """Another process is writing; one writer at a time."""


class EvaluationError(LockgateError):
    """A measurement could not be made."""


class ModelError(LockgateError):
    """A language model gave no usable answer. Nothing of what was asked or said is in the message."""

    usage: Usage | None = None
    """What that took all the same, where it is known."""


class ModelRefusedError(ModelError):
    """The model would not answer, or a filter before it did not let the question or the answer through."""


class ModelUnavailableError(ModelError, TransientError):
    """The model's endpoint does not answer just now, or not in time."""


class AccessLogError(LockgateError):
    """What was asked cannot be noted down, and so is not answered; or the log cannot be read."""


class ReleaseError(LockgateError):
    """A promotion or a rollback that cannot be done."""


class LedgerError(LockgateError):
    """The ledger is not whole, or is not the one that is asked for."""


class BackupError(LockgateError):
    """A backup that cannot be made, is damaged, or cannot be restored here."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The entry of ``known`` that ``name`` was most likely meant to be, or ``None``; case does not matter."""
    by_lower = {entry.lower(): entry for entry in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown key 'chuncking'; did you mean 'chunking'?``, or the list of what is known if none is near."""
    names = sorted(known)
    guess = nearest(name, names)
    if guess is not None:
        return f"unknown {kind} {name!r}; did you mean {guess!r}?"
    return f"unknown {kind} {name!r}; known are {', '.join(names)}"
