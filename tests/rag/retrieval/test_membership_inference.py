"""What a reader gets is the same to the last bit, whether or not there are documents that are hidden from it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.retrieval import Retriever
from tests.support.harness import ADA, BOB, Harness
from tests.support.source import MemorySource
from tests.support.stores import STORES
from tests.support.world import WORDS, random_text, world_harness

QUESTIONS = 12
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
Answers = list[list[dict[str, object]]]


def corpus(chance: random.Random) -> MemorySource:
    """What Bob may read, with many passages of one text, so that scores are equal and places are not."""
    source = MemorySource()
    often = [random_text(chance) for _ in range(4)]
    for number in range(chance.randint(5, 60)):
        text = chance.choice(often) if chance.random() < 0.4 else random_text(chance)
        source.put(f"m{number:02}", text, *chance.choice((("public",), (BOB,), (BOB, ADA))))
    return source


def telling(chance: random.Random, questions: list[str], source: MemorySource) -> str:
    """A text that tells as much as it can: the words of the questions, or a passage that Bob may read as well."""
    kind = chance.randrange(4)
    if kind == 0:
        return "\n\n".join(questions)
    if kind == 1:
        return "\n\n".join([chance.choice(questions)] * chance.randint(1, 30))
    if kind == 2:
        return chance.choice(list(source.pages.values())).text
    return " ".join(chance.choice(questions).split() * 10)


def hide(chance: random.Random, source: MemorySource, text: str) -> str:
    """Puts it where Bob may not read it, before, between or after the others; returns its id."""
    id = chance.choice(("a", f"m{chance.randrange(60):02}x", "z"))
    rule: dict[str, tuple[str, ...]] = {"deny": chance.choice(((), (BOB,), ("public",)))}
    allowed = ("public",) if rule["deny"] else (ADA,)
    source.put(id, text, *allowed, deny=rule["deny"])
    return id


def asked(chance: random.Random) -> list[str]:
    return [" ".join(chance.choices(WORDS, k=chance.choice((1, 2, 3, 4, 6, 9)))) for _ in range(QUESTIONS)]


def answers(retriever: Retriever, questions: list[str], version: int | None = None) -> Answers:
    """All that Bob gets, in every mode, for pages of several lengths."""
    return [
        [
            hit.to_dict()
            for hit in retriever.search(question, principal=BOB, limit=limit, version=version, mode=mode)
        ]
        for question in questions
        for mode in ("fused", "dense", "sparse")
        for limit in (1, 5, 1000)
    ]


@contextmanager
def project(root: Path, kind: str, source: MemorySource) -> Iterator[Harness]:
    root.mkdir()
    try:
        with world_harness(root, STORES[kind](root)) as harness:
            harness.ingest(source)
            harness.promote()
            yield harness
    finally:
        shutil.rmtree(root)  # a thousand pairs would fill a disk


def compare_projects(root: Path, kind: str, seed: int) -> None:
    """Two projects that differ in one document, wherever it comes in the listing."""
    chance = random.Random(seed)
    source, questions = corpus(chance), asked(chance)
    with project(root / "without", kind, source) as without:
        expected = answers(without.retriever(), questions)
    hide(chance, source, telling(chance, questions, source))
    with project(root / "with", kind, source) as beside:
        assert answers(beside.retriever(), questions) == expected, f"{kind}, seed {seed}"


def compare_versions(root: Path, kind: str, seed: int, pairs: int) -> None:
    """One project, of which each version has one hidden document more or less than the one before."""
    chance = random.Random(seed)
    source, questions = corpus(chance), asked(chance)
    with project(root / "project", kind, source) as harness:
        retriever = harness.retriever()
        expected = answers(retriever, questions)
        hidden = ""
        for number in range(pairs):
            if hidden:
                source.remove(hidden)
                hidden = ""
            else:
                hidden = hide(chance, source, telling(chance, questions, source))
            harness.ingest(source)
            assert harness.latest == number + 2
            found = answers(retriever, questions, harness.latest)
            assert found == expected, f"{kind}, seed {seed}, pair {number}"
            if number:
                harness.store.drop(number + 1)


@pytest.mark.parametrize(("kind", "seed"), [*(("memory", n) for n in range(6)), ("edge", 8), ("engine", 9)])
def test_two_projects_answer_alike_though_one_holds_a_hidden_document(
    tmp_path: Path, kind: str, seed: int
) -> None:
    compare_projects(tmp_path, kind, seed)


@pytest.mark.parametrize(
    ("kind", "seed", "pairs"), [("memory", 10, 12), ("memory", 11, 12), ("edge", 12, 6), ("engine", 13, 4)]
)
def test_two_versions_answer_alike_though_one_holds_a_hidden_document(
    tmp_path: Path, kind: str, seed: int, pairs: int
) -> None:
    compare_versions(tmp_path, kind, seed, pairs)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_sixty_pairs_of_projects_answer_alike(tmp_path: Path, seed: int) -> None:
    compare_projects(tmp_path, "edge", seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 247))
def test_nine_hundred_and_forty_pairs_of_versions_answer_alike(tmp_path: Path, seed: int) -> None:
    compare_versions(tmp_path, "edge", seed, 20)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(300, 320))
def test_two_hundred_pairs_of_versions_answer_alike_on_the_server_store(tmp_path: Path, seed: int) -> None:
    compare_versions(tmp_path, "engine", seed, 10)
