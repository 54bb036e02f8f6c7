"""What is promoted, and why."""

from rag.releases.ledger import Verification, story, verify
from rag.releases.ledger_file import LedgerFile, export_ledger, read_ledger
from rag.releases.memberships import forget_directories, sync_memberships
from rag.releases.releases import (
    GateDecision,
    PromotedRelease,
    promoted,
    record_decision,
    roll_back,
    withdraw_deleted,
)

__all__ = [
    "GateDecision",
    "LedgerFile",
    "PromotedRelease",
    "Verification",
    "export_ledger",
    "forget_directories",
    "promoted",
    "read_ledger",
    "record_decision",
    "roll_back",
    "story",
    "sync_memberships",
    "verify",
    "withdraw_deleted",
]
