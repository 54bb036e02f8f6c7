"""RefChecker's answers with their claims as people labelled them (Hu et al., RefChecker, arXiv:2405.14486)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

REFCHECKER = (
    Path(__file__).parents[3] / "shared" / "data" / "refchecker" / "benchmark" / "human_annotations_v1"
)
SPLIT_RULE = "held out: questions whose sha256(id) ends in an odd bit; a question's answers stay together"

_Answer = tuple[str, tuple[tuple[str, bool], ...]]


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """One model's answer to one question; ``claims`` are ``(text, entailed by the reference)``.

    ``passages``: what stands in for the reference, which the data names by id only. One for each other model that
    said something entailed: its entailed claims on the same question, and its answer if all of it is entailed.
    """

    setting: str
    question: str
    model: str
    text: str
    claims: tuple[tuple[str, bool], ...]
    passages: tuple[str, ...]

    @property
    def grounded(self) -> bool:
        return all(entailed for _, entailed in self.claims)

    @property
    def held_out(self) -> bool:
        return bool(hashlib.sha256(self.question.encode()).digest()[-1] & 1)


def labelled_answers(root: Path = REFCHECKER, *, claims_only: bool = False) -> list[LabelledAnswer]:
    """Those with a claim and a passage, in the order of setting, question and model; none if the data is absent.

    ``claims_only`` leaves whole answers out of the passages.
    """
    by_question: dict[tuple[str, str], dict[str, _Answer]] = {}
    for path in sorted(root.glob("*/*_answers.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            claims = tuple(
                (_sentence(claim["triplet"]), claim["human_label"] == "Entailment")
                for claim in row["claude2_response_kg"]
            )
            of_question = by_question.setdefault((path.parent.name, row["id"]), {})
            of_question[path.stem.removesuffix("_answers")] = (row["response"], claims)
    found = []
    for (setting, question), answers in sorted(by_question.items()):
        for model, (text, claims) in sorted(answers.items()):
            others = [answers[other] for other in sorted(answers) if other != model]
            passages = tuple(filter(None, (_facts(*other, claims_only) for other in others)))
            if claims and passages:
                found.append(LabelledAnswer(setting, question, model, text, claims, passages))
    return found


def _sentence(triplet: list[str]) -> str:
    return " ".join(part.strip().strip('"').strip() for part in triplet) + "."


def _facts(text: str, claims: tuple[tuple[str, bool], ...], claims_only: bool) -> str:
    entailed = list(dict.fromkeys(claim for claim, is_entailed in claims if is_entailed))
    whole = not claims_only and bool(claims) and all(is_entailed for _, is_entailed in claims)
    return "\n".join([*entailed, *([text.strip()] if whole else [])])
