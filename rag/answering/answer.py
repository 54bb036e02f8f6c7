"""An answer, with the passages that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rag.answering.port import Usage
from rag.retrieval.hit import Hit

NOTHING_ANSWERS = "Nothing that you may read answers this."
"""The reason of a refusal. It is the same whether there is nothing or nothing for this reader: the difference
would say what others may read."""
MODEL_REFUSED = "The language model did not answer this."


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and the passages behind it: ``citations`` count from 1 in ``Answer.passages``. A ``verbatim``
    sentence stands in the passage as it is."""

    text: str
    citations: tuple[int, ...]
    verbatim: bool = False

    @property
    def marked(self) -> str:
        """The text with its citations at the end: ``At least ten weeks. [1]``."""
        return f"{self.text} {''.join(f'[{number}]' for number in self.citations)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to the reader: sentences that each cite a passage, or a refusal with its ``reason``.

    ``passages`` are the ones that were looked at, all of them readable by who asked, best first, of index version
    ``version``; None where that is not known.
    """

    sentences: tuple[Sentence, ...]
    passages: tuple[Hit, ...]
    version: int | None = None
    refused: bool = False
    reason: str = ""
    usage: Usage = field(default=Usage())

    @property
    def text(self) -> str:
        """The sentences with their marks, one space between them; for a refusal its reason."""
        return self.reason if self.refused else " ".join(each.marked for each in self.sentences)

    @property
    def cited(self) -> tuple[int, ...]:
        """The numbers of the passages that some sentence cites, ascending."""
        return tuple(sorted({number for each in self.sentences for number in each.citations}))

    def to_dict(self) -> dict[str, Any]:
        """The contract of ``lockgate ask --json``. A citation has a ``quote`` where the answer is one."""
        return {
            "answer": self.text,
            "refused": self.refused,
            "reason": self.reason,
            "citations": [self._citation(number) for number in self.cited],
            "version": self.version,
            "usage": asdict(self.usage),
        }

    def _citation(self, number: int) -> dict[str, Any]:
        hit = self.passages[number - 1]
        found: dict[str, Any] = {
            "number": number,
            "document": hit.document,
            "title": hit.title,
            "uri": hit.uri,
            "span": list(hit.span),
            "page": hit.page,
        }
        quotes = [each.text for each in self.sentences if each.verbatim and number in each.citations]
        if quotes:
            found["quote"] = " … ".join(quotes)
        return found


def refusal(
    passages: Sequence[Hit] = (),
    *,
    version: int | None = None,
    reason: str = NOTHING_ANSWERS,
    usage: Usage = Usage(),  # noqa: B008  frozen
) -> Answer:
    """An answer that says nothing but why."""
    return Answer((), tuple(passages), version, refused=True, reason=reason, usage=usage)
