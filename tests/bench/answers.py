"""Answers by quoting: how many questions are answered rightly, and where the least support should lie.

python -m tests.bench.answers                      the questions with evidence of shared/data/chunking-eval
python -m tests.bench.answers PROJECT/lockgate.yaml    the golden questions of a project with a promoted version
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.baseline.words import words
from evals.golden import load_golden
from evals.systems import RememberingEmbedder
from rag.answering import extract_all
from rag.answering.extractive import MIN_SUPPORT
from rag.answering.support import Case, supports
from rag.composition import bm25, embedder, encoders_of, index_store, open_catalog
from rag.embedding import SentenceTransformerEmbedder
from rag.retrieval import Hit, Retriever
from rag.settings import Settings, load_settings

_DATA = Path(__file__).parents[3] / "shared/data/chunking-eval/general_evaluation_data"
_TEXTS = ("chatlogs", "finance", "pubmed", "state_of_the_union", "wikitexts")
_PASSAGES = 5
_LOOKED_AT = 40
_SHINGLE = 4
_HELD = 0.3
"""Share of the four-word runs of a piece of evidence that a passage must have to count as holding it."""
_WORTH = 0.01
_NUMBER = re.compile(r"\d[\d.,:]*\d|\d")

Scores = NDArray[np.float64]


def main(config: str | None = None) -> None:
    """Prints the measurements."""
    if config is None:
        tune()
    else:
        measure(Path(config))


def tune() -> None:
    """Each question is asked of its own text, of that text without the passages that hold its evidence, and of
    another text. The first should be answered, the others refused, both of them as much."""
    with tempfile.TemporaryDirectory() as folder:
        own, without, other = _cases(_project(Path(folder)))
    model = SentenceTransformerEmbedder()
    scores = np.array(supports([*own, *without, *other], model))
    answerable, near, far = np.split(scores, [len(own), len(own) + len(without)])
    tried = np.arange(0.3, 0.7, 0.01)
    balanced = np.array(
        [(_from(answerable, t) + 1 - (_from(near, t) + _from(far, t)) / 2) / 2 for t in tried]
    )
    chosen = tried[balanced >= balanced.max() - _WORTH].max()
    print(f"{len(own)} answerable, {len(without)} without their evidence, {len(other)} of another text")
    print(
        f"best balanced accuracy {balanced.max():.3f}; the highest support within {_WORTH} of it {chosen:.2f}"
    )
    for name, least in (("1 % lost", float(np.quantile(answerable, 0.01))), ("in use", MIN_SUPPORT)):
        print(
            f"  {name} {least:.2f}: answered {_from(answerable, least):.3f}, "
            f"refused without evidence {1 - _from(near, least):.3f}, of another text {1 - _from(far, least):.3f}"
        )


def measure(config: Path) -> None:
    """What readers of a project would be answered, against its golden questions."""
    settings = load_settings(config)
    golden = load_golden(settings.golden, config.parent).questions
    retriever = _retriever(settings, [one.question for one in golden])
    cases: list[Case] = []
    for one in golden:
        hits = retriever.search(one.question, principal=one.principal, limit=_PASSAGES)
        cases.append((one.question, hits))
    retriever.close()
    answers = extract_all(cases, embedder(settings))
    for kind in ("answerable", "unanswerable", "forbidden"):
        refused = [answer.refused for answer, one in zip(answers, golden, strict=True) if one.kind == kind]
        print(f"{kind}: {len(refused)}, refused {np.mean(refused):.3f}")
    said = [
        (one, answer)
        for one, answer in zip(golden, answers, strict=True)
        if one.kind == "answerable" and not answer.refused and one.answer
    ]
    in_words = [_recall(set(words(one.answer or "")), set(words(answer.text))) for one, answer in said]
    numbers = [(_numbers(one.answer or ""), _numbers(answer.text)) for one, answer in said]
    in_numbers = [_recall(asked, given) for asked, given in numbers if asked]
    cited = [
        any(one.expected.get(answer.passages[number - 1].document) for number in answer.cited)
        for one, answer in said
    ]
    print(
        f"of {len(said)} answers: words of the reference in them {np.mean(in_words):.3f}, its numbers "
        f"{np.mean(in_numbers):.3f}, sentences {np.mean([len(answer.sentences) for _, answer in said]):.2f}, "
        f"an expected document is cited {np.mean(cited):.3f}"
    )


def _from(scores: Scores, least: float) -> float:
    return float((scores >= least).mean())


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(re.sub(r"\[\d+\]", "", text)))


def _recall(asked: set[str], given: set[str]) -> float:
    return len(asked & given) / len(asked) if asked else 1.0


def _project(folder: Path) -> Settings:
    """A project with each text as a source that one reader sees."""
    sources = []
    for name in _TEXTS:
        (folder / name).mkdir()
        (folder / name / "text.txt").write_bytes((_DATA / f"corpora/{name}.md").read_bytes())
        sources.append(
            {"name": name, "connector": "filesystem", "path": name, "access": {"default": [_reader(name)]},
             "owner": "bench", "freshness": {"max_lag": "24h"}, "schedule": "0 * * * *"}
        )  # fmt: skip
    (folder / "groups.yaml").write_text("{}\n")
    whole = {"project": "answers", "groups": "groups.yaml", "sources": sources}
    (folder / "lockgate.yaml").write_text(json.dumps(whole))
    lockgate = Path(sys.executable).with_name("lockgate")
    subprocess.run(
        [lockgate, "ingest", "--json"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return load_settings(folder / "lockgate.yaml")


def _cases(settings: Settings) -> tuple[list[Case], list[Case], list[Case]]:
    with (_DATA / "questions_df.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    retriever = _retriever(settings, [row["question"] for row in rows])
    own: list[Case] = []
    without: list[Case] = []
    other: list[Case] = []
    for number, row in enumerate(rows):
        question, text = row["question"], row["corpus_id"]
        evidence = [_shingles(piece["content"]) for piece in json.loads(row["references"])]
        found = retriever.search(question, principal=_reader(text), limit=_LOOKED_AT, version=1)
        if any(_holds(hit, evidence) for hit in found[:_PASSAGES]):
            own.append((question, found[:_PASSAGES]))
        without.append((question, [hit for hit in found if not _holds(hit, evidence)][:_PASSAGES]))
        elsewhere = _reader(_TEXTS[(_TEXTS.index(text) + 1 + number % 4) % 5])
        other.append((question, retriever.search(question, principal=elsewhere, limit=_PASSAGES, version=1)))
    retriever.close()
    return own, without, other


def _retriever(settings: Settings, questions: Sequence[str]) -> Retriever:
    configured = embedder(settings)
    catalog = open_catalog(settings, migrate=False)
    remembering = RememberingEmbedder(configured, questions)
    return Retriever(
        catalog,
        index_store(settings),
        remembering,
        bm25(settings),
        encoders_of=encoders_of(settings, configured),
        on_close=catalog.close,
    )


def _reader(text: str) -> str:
    return f"user:{text}@bench.example"


def _shingles(text: str) -> set[tuple[str, ...]]:
    found = re.findall(r"\w+", text.lower())
    return {tuple(found[start : start + _SHINGLE]) for start in range(max(1, len(found) - _SHINGLE + 1))}


def _holds(hit: Hit, evidence: Sequence[set[tuple[str, ...]]]) -> bool:
    held = _shingles(hit.text)
    return any(len(piece & held) >= _HELD * len(piece) for piece in evidence)


if __name__ == "__main__":
    main(*sys.argv[1:2])
