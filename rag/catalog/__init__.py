"""The catalog: documents, access, versions, runs, decisions. The truth; the index is made from it."""

from rag.catalog.access import (
    access_epoch,
    distrust_points,
    load_access,
    note_buried,
    note_erased,
    note_rules,
    put_under,
    raise_access_epoch,
    replace_memberships,
    rule_id,
)
from rag.catalog.catalog import SCHEMA, Catalog
from rag.catalog.columns import UtcDateTime, utcnow
from rag.catalog.runs import RunRecord, recorded_run
from rag.catalog.session_lock import SessionLock, lock_holder

__all__ = [
    "SCHEMA",
    "Catalog",
    "RunRecord",
    "SessionLock",
    "UtcDateTime",
    "access_epoch",
    "distrust_points",
    "load_access",
    "lock_holder",
    "note_buried",
    "note_erased",
    "note_rules",
    "put_under",
    "raise_access_epoch",
    "recorded_run",
    "replace_memberships",
    "rule_id",
    "utcnow",
]
