"""The tables. Text lives in ``chunk`` and nowhere else; the index holds vectors and keys only.

A revision is one document's content over the versions ``[since, until)``; ``until`` is null while it lasts.
Version *v* is the set of revisions with ``since <= v`` and not ``until <= v``, on either store.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from rag.catalog.columns import UtcDateTime, utcnow

# SQLite gives the id of a deleted last row to the next one; a point in an old index must not find it.
_IDS_NEVER_REUSED = {"sqlite_autoincrement": True}


class DocumentState(StrEnum):
    """What the catalog knows of a document's content. Access is judged apart, by ``rule_id``."""

    ACTIVE = "active"
    QUARANTINED = "quarantined"
    DELETED = "deleted"
    PURGED = "purged"


class VersionState(StrEnum):
    """The life of an index version."""

    BUILDING = "building"
    CANDIDATE = "candidate"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    RETIRED = "retired"


class Source(SQLModel, table=True):
    """One configured origin, as last seen."""

    name: str = Field(primary_key=True)
    listed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When its last complete listing was taken."""
    incident: str | None = None
    """Why its last listing could not be used; null while all is well."""


class AccessRuleRow(SQLModel, table=True):
    """One distinct access rule. Rows never change: a changed rule is another row."""

    __tablename__ = "access_rule"

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    allow: list[str] = Field(sa_column=Column(JSON, nullable=False))
    deny: list[str] = Field(sa_column=Column(JSON, nullable=False))
    tenant: str | None = None


class RuleChange(SQLModel, table=True):
    """From ``changed_at`` on the document was under this rule; null: under none, so nobody could read it."""

    __tablename__ = "rule_change"

    id: int | None = Field(default=None, primary_key=True)
    document_id: int = Field(foreign_key="document.id", index=True)
    rule_id: int | None = Field(default=None, foreign_key="access_rule.id")
    changed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Directory(SQLModel, table=True):
    """Where memberships come from: the groups file, a source that knows groups, a directory's export."""

    name: str = Field(primary_key=True)
    observed_at: datetime = Field(sa_type=UtcDateTime)
    """The moment that its memberships are of."""
    max_age_seconds: int | None = None
    """Older than this, what it said lets nobody in; null: it never grows old."""
    groups: list[str] = Field(sa_column=Column(JSON, nullable=False))
    """All that it knows, those without members too."""


class Membership(SQLModel, table=True):
    """``member`` (a user or a group) is directly in ``group``, as the directory ``origin`` has it."""

    member: str = Field(primary_key=True)
    group: str = Field(primary_key=True)
    origin: str = Field(primary_key=True)
    observed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Counter(SQLModel, table=True):
    """Named numbers that only grow, such as ``access_epoch``: raised by every change of rule or membership."""

    name: str = Field(primary_key=True)
    value: int


class Document(SQLModel, table=True):
    """One document as its source last showed it."""

    __table_args__ = _IDS_NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    """``<source>/<id within the source>``"""
    source: str = Field(index=True)
    external_id: str
    rule_id: int | None = Field(default=None, foreign_key="access_rule.id")
    """The rule in force now. Null: unknown, or withdrawn for good, so nobody may read it on any version."""
    state: DocumentState = Field(sa_column=Column(String, nullable=False, index=True))
    reason: str | None = None
    """Why it is kept out; null unless quarantined or purged."""
    fingerprint: str
    """The source's change token when the document was last processed."""
    pipeline: str
    """Digest of the parser and chunker that last processed it."""
    uri: str | None = None
    first_seen_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    processed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Generation(SQLModel, table=True):
    """Versions that share embedder and chunker."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    settings: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What the digest is of, and what it takes to make the same embedder and BM25 again."""
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Version(SQLModel, table=True):
    """One consistent state of the index."""

    number: int = Field(primary_key=True)
    generation_id: int = Field(foreign_key="generation.id")
    state: VersionState = Field(sa_column=Column(String, nullable=False, index=True))
    documents: int = 0
    chunks: int = 0
    corpus: str | None = None
    """Digest of the revisions it holds; set when it is sealed."""
    listings: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """source -> when the listing was taken that this version is complete against (ISO 8601)"""
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    sealed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    swept_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When retention took its index away. The row stays: its number is never used again."""


class Revision(SQLModel, table=True):
    """One document's content over the versions ``[since, until)``."""

    __table_args__ = (Index("revision_span", "since", "until"), _IDS_NEVER_REUSED)

    id: int | None = Field(default=None, primary_key=True)
    document_id: int = Field(foreign_key="document.id", index=True)
    content_hash: str
    pipeline: str
    title: str
    format: str
    """The file's suffix, without its dot."""
    modified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    indexed_rule_id: int = Field(foreign_key="access_rule.id")
    """The rule that its points in the index carry, or ``access.UNTRUSTED`` where nobody can rely on what they do;
    ``document.rule_id`` is the one in force."""
    since: int
    until: int | None = Field(default=None, index=True)
    chunks: int


class ChunkRow(SQLModel, table=True):
    """A passage. Its id is its point id in the index."""

    __tablename__ = "chunk"
    __table_args__ = (UniqueConstraint("revision_id", "ordinal"), _IDS_NEVER_REUSED)

    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", ondelete="CASCADE")
    ordinal: int
    text: str
    context: str
    """What stands in front of ``text`` when it is embedded: title and headings."""
    heading_path: list[str] = Field(sa_column=Column(JSON, nullable=False))
    page: int | None = None
    start: int
    end: int
    text_hash: str = Field(index=True)
    """SHA-256 of the embedded text: the key into the vector cache."""


class RevisionTerms(SQLModel, table=True):
    """Which terms a revision's chunks have: ``rag.catalog.terms`` packs and unpacks them."""

    __tablename__ = "revision_terms"

    revision_id: int = Field(
        primary_key=True,
        foreign_key="revision.id",
        ondelete="CASCADE",
        sa_column_kwargs={"autoincrement": False},
    )
    bm25: str = Field(primary_key=True)
    """Fingerprint of the encoder."""
    counts: bytes


class Run(SQLModel, table=True):
    """One ingest, evaluation or promotion, from start to end."""

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    state: str
    """running, completed, held or failed. A run that still says running and holds no lock has died."""
    version: int | None = None
    started_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    summary: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    error: str | None = None


class Evaluation(SQLModel, table=True):
    """One measurement of one version. Its rows are in ``score``."""

    id: int | None = Field(default=None, primary_key=True)
    version: int = Field(foreign_key="version.number", index=True)
    golden: str
    evaluator: str
    retrieval: str
    """Digests of golden set, evaluator and retrieval settings."""
    answering: str = ""
    """Digest of what answers: prompt, model and settings; empty where only rankings were measured."""
    corpus: str = ""
    """The version's digest when it was measured: a purge changes it."""
    access_epoch: int = 0
    """Who may read what decides what is found, so a measurement is of its epoch."""
    measurement: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Leaks, failures and fingerprints; the scores are rows of their own."""
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Score(SQLModel, table=True):
    """One question, one system, one metric. A failed question is a row with its default and ``failed``."""

    evaluation_id: int = Field(foreign_key="evaluation.id", primary_key=True, ondelete="CASCADE")
    question: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    metric: str = Field(primary_key=True)
    value: float
    failed: bool = False


class CalibrationRow(SQLModel, table=True):
    """How a judge agreed with people's labels. The latest of a judge counts."""

    __tablename__ = "calibration"

    id: int | None = Field(default=None, primary_key=True)
    judge: str
    fingerprint: str = Field(index=True)
    labels: str
    """Digests of the judge, and of the labels."""
    calibration: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Release(SQLModel, table=True):
    """What is promoted as one, each part by fingerprint."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    version: int = Field(foreign_key="version.number")
    fingerprints: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """The settings that readers follow while it is promoted, by value: ``retrieval``, ``answering``."""
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class Pointer(SQLModel, table=True):
    """The one row that says what readers see."""

    name: str = Field(primary_key=True)
    release_id: int = Field(foreign_key="release.id")
    moved_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)


class LedgerEntry(SQLModel, table=True):
    """One thing that was decided, and why. Rows are only ever added; each holds the hash of the one before."""

    __tablename__ = "ledger"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """1, 2, 3, … without a gap."""
    kind: str
    version: int | None = Field(default=None, index=True)
    release: str | None = None
    """Digest of the release that readers see because of this entry; null where it moved nothing."""
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    checks: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    fingerprints: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    details: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What else belongs to an entry of its kind, such as the document of a purge."""
    decided_at: datetime = Field(sa_type=UtcDateTime)
    previous: str
    """``hash`` of the entry before; empty at number 1."""
    hash: str
    """SHA-256, in hex, over everything else in the row."""


class Erasure(SQLModel, table=True):
    """A purged document of which the index or the vector cache still holds something."""

    document_id: int = Field(
        primary_key=True, foreign_key="document.id", sa_column_kwargs={"autoincrement": False}
    )
    requested_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime)
