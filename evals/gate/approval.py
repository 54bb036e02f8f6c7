"""What only a person may let through, although everything holds."""

from __future__ import annotations

from collections.abc import Sequence

from evals.gate.policy import Candidate, GatePolicy
from evals.gate.verdict import Check

_SAID = {
    "first": "it would be the first promotion",
    "generation": "the embedder or the chunker is another one",
    "retrieval": "the retrieval settings changed",
    "answering": "the prompt, the model or the settings of answers changed",
    "golden": "the golden questions changed",
    "gate": "what the gate asks for changed",
    "tie": "nothing differs from the promoted release beyond chance",
}


def approval(policy: GatePolicy, candidate: Candidate, regressions: Sequence[Check]) -> Check | None:
    """Holds where a condition of ``policy.approve`` is met; None where there are no conditions."""
    if not policy.approve:
        return None
    met = policy.approve & (candidate.changed | ({"tie"} if _is_tie(regressions) else frozenset()))
    figure = ", ".join(sorted(met)) or "no condition met"
    if not met:
        return Check("approval", "pass", figure)
    why = "; ".join(said for name, said in _SAID.items() if name in met)
    sentence = f"A person must approve version {candidate.version}: {why}. Run lockgate promote --approve."
    return Check("approval", "hold", figure, {}, sentence)


def _is_tie(regressions: Sequence[Check]) -> bool:
    """Whether there is something compared, and 0 lies in every interval."""
    compared = [check.numbers for check in regressions if "difference" in check.numbers]
    return bool(compared) and all(one["low"] <= 0 <= one["high"] for one in compared)
