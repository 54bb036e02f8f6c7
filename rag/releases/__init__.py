"""What is promoted, and why."""

from rag.releases.releases import GateDecision, PromotedRelease, promoted, record_decision, roll_back

__all__ = ["GateDecision", "PromotedRelease", "promoted", "record_decision", "roll_back"]
