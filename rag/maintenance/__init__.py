"""Keeping the state in order: purges, retention, backups."""

from rag.maintenance.backup import BackupFacts, back_up
from rag.maintenance.place import MARKER
from rag.maintenance.purge import finish_erasures, purge, undo_purge
from rag.maintenance.restore import RestoreFacts, restore
from rag.maintenance.sweep import Retention, Swept, sweep

__all__ = [
    "MARKER",
    "BackupFacts",
    "RestoreFacts",
    "Retention",
    "Swept",
    "back_up",
    "finish_erasures",
    "purge",
    "restore",
    "sweep",
    "undo_purge",
]
