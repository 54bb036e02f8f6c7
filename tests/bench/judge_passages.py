"""Real passages and answers of known truth: their own sentences reworded, then with one thing made false."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evals.judges.support_words import read
from rag.answering.sentences import sentences

_DATA = Path(__file__).parents[3] / "shared" / "data"
_PASSAGE_WORDS = 200
_SAMPLE = 400
_SEED = 7
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][A-Za-z0-9-]{2,}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_VERB = re.compile(r" (is|are|was|were|can|will|should|has|have) (?!not)")
_LEADS = ("According to the passage, ", "The text says that ", "", "", "")


@dataclass(frozen=True, slots=True)
class MadeAnswer:
    """An answer with five passages. ``kind``: quoted or reworded (grounded), else what was made false."""

    text: str
    passages: tuple[str, ...]
    kind: str

    @property
    def grounded(self) -> bool:
        return self.kind in {"quoted", "reworded"}


def scifact_passages(most: int = 1500) -> list[str]:
    with (_DATA / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(most), strict=False)]
    return [f"{row['title']}\n{row['text']}" for row in rows]


def handbook_passages() -> list[str]:
    """The pages of a company handbook without their markup, cut at line ends into about 200 words."""
    found = []
    for path in sorted((_DATA / "docs-sourcegraph-handbook" / "content").rglob("*.md")):
        text = re.sub(r"\A---.*?\n---\s", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"[*_`#>|]|<[^>]+>", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
        lines: list[str] = []
        for line in [*text.split("\n"), ""]:
            if sum(len(one.split()) for one in [*lines, line]) > _PASSAGE_WORDS:
                found.append("\n".join(lines))
                lines = []
            lines.append(line)
    return found


def made_answers(passages: list[str], most: int, seed: int = _SEED) -> list[MadeAnswer]:
    """For each of ``most`` passages one grounded answer of 1 to 3 sentences and, where it can be made, one for each
    kind of falsehood: the same for the same arguments. The other four passages are the most alike of a sample."""
    maker = _Maker(passages, random.Random(seed))
    places = [place for place in range(len(passages)) if len(maker.good[place]) >= 4]
    maker.random.shuffle(places)
    return [answer for place in places[:most] for answer in maker.answers(place)]


class _Maker:
    def __init__(self, passages: list[str], source: random.Random) -> None:
        self.random = source
        self.passages = passages
        self.good = [[one for one in _split(text) if 8 <= len(one.split()) <= 45] for text in passages]
        self.words = [frozenset(key for one in read(text) for key in one.keys) for text in passages]
        self.names = sorted({name for text in passages for name in _NAME.findall(text)})

    def answers(self, place: int) -> list[MadeAnswer]:
        near = self._near(place)
        inside, outside = near[:4], [other for other in near[4:12] if self.good[other]]
        passages = [self.passages[other] for other in [place, *inside]]
        self.random.shuffle(passages)
        said = self.random.sample(self.good[place], self.random.randint(1, 3))
        kind = self.random.choice(["quoted", "reworded", "reworded", "reworded"])
        first = said if kind == "quoted" else [self._reworded(one) for one in said]
        found = [MadeAnswer(" ".join(first), tuple(passages), kind)]
        foreign = self.good[self.random.choice(outside)] if outside else []
        falsehoods: dict[str, Callable[[str], str | None]] = {
            "number": self._other_number,
            "name": lambda text: self._put(_NAME, text, self.names),
            "swapped name": lambda text: self._put(_NAME, text, _NAME.findall(" ".join(passages))),
            "negated": lambda text: _VERB.sub(r" \1 not ", text, count=1) if _VERB.search(text) else None,
            "foreign sentence": lambda _: self._reworded(self.random.choice(foreign)) if foreign else None,
        }
        for kind, falsify in falsehoods.items():
            said = self.random.sample(self.good[place], self.random.randint(1, 3))
            texts = [self._reworded(one) for one in said]
            for at, text in enumerate(texts):
                if (false := falsify(text)) is not None and false != text:
                    answer = " ".join([*texts[:at], false, *texts[at + 1 :]])
                    found.append(MadeAnswer(answer, tuple(passages), kind))
                    break
        return found

    def _near(self, place: int) -> list[int]:
        """Others of a sample, those first that share most of their words."""
        own = self.words[place]
        sample = self.random.sample(range(len(self.passages)), min(_SAMPLE, len(self.passages)))
        others = [other for other in sample if self.passages[other] != self.passages[place]]
        return sorted(others, key=lambda other: -len(own & self.words[other]) / len(own | self.words[other]))

    def _reworded(self, text: str) -> str:
        """Some words that are no number, name or negation dropped; halves around a comma changed over; a lead."""
        words = text.rstrip(".").split()
        kept = [
            word
            for at, word in enumerate(words)
            if at < 2
            or self.random.random() > 0.12
            or word[0].isupper()
            or any(sign.isdigit() for sign in word)
            or word in {"not", "no", "never"}
        ]
        plain = " ".join(kept)
        before, comma, after = plain.partition(", ")
        if comma and min(len(before.split()), len(after.split())) > 2 and self.random.random() < 0.4:
            plain = f"{after[0].upper()}{after[1:]}, {before[0].lower()}{before[1:]}"
        return f"{self.random.choice(_LEADS)}{plain}."

    def _other_number(self, text: str) -> str | None:
        places = list(_NUMBER.finditer(text))
        if not places:
            return None
        old = self.random.choice(places)
        new = "".join(self.random.choice("123456789") if sign.isdigit() else sign for sign in old.group())
        return f"{text[: old.start()]}{new}{text[old.end() :]}"

    def _put(self, pattern: re.Pattern[str], text: str, pool: list[str]) -> str | None:
        places = list(pattern.finditer(text))
        fresh = [one for one in pool if one.lower() not in text.lower()]
        if not places or not fresh:
            return None
        old = self.random.choice(places)
        return f"{text[: old.start()]}{self.random.choice(fresh)}{text[old.end() :]}"


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]
