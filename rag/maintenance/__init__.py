"""Keeping the state in order: purges, retention, backups, audits."""

from rag.maintenance.access_audit import RulesAudit, audit_rules
from rag.maintenance.backup import BackupFacts, back_up
from rag.maintenance.findings import Finding
from rag.maintenance.index_audit import IndexAudit, audit_index
from rag.maintenance.place import MARKER
from rag.maintenance.proportion import Proportion, proportion, together
from rag.maintenance.purge import finish_erasures, purge, undo_purge
from rag.maintenance.restore import RestoreFacts, restore
from rag.maintenance.sweep import Retention, Swept, sweep

__all__ = [
    "MARKER",
    "BackupFacts",
    "Finding",
    "IndexAudit",
    "Proportion",
    "RestoreFacts",
    "Retention",
    "RulesAudit",
    "Swept",
    "audit_index",
    "audit_rules",
    "back_up",
    "finish_erasures",
    "proportion",
    "purge",
    "restore",
    "sweep",
    "together",
    "undo_purge",
]
