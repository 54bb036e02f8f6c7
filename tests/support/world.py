"""A project with a random life, and beside it, what the oracle needs to know of that."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.access import AccessRule
from rag.catalog import replace_memberships, utcnow
from rag.chunking import Chunk
from rag.embedding import Vectors
from rag.index import IndexStore
from rag.maintenance import finish_erasures, purge
from rag.parsing import ParsedDocument
from rag.retrieval import Hit, RetrievalSettings, Retriever
from tests.support.embedder import WordEmbedder
from tests.support.harness import Harness
from tests.support.oracle import Directory, Found, Passage, People, Question, Rule, Verdict, judge
from tests.support.source import MemorySource, Page

WORDS = [
    "boat",
    "red",
    "plan",
    "lamp",
    "fern",
    "moss",
    "gold",
    "iron",
    "salt",
    "wind",
    "rock",
    "tree",
    "lake",
    "bird",
    "fish",
    "door",
    "ring",
    "coin",
    "drum",
    "bell",
]
UNKNOWN = "quartz"
"""A word that no document has."""
USERS = [f"user:u{number}" for number in range(8)]
GROUPS = [f"group:g{number}" for number in range(60)]
TENANTS = ["tenant:acme", "tenant:bolt"]
READERS = [*USERS, *GROUPS[:4], "public"]
_LIMITS = (1, 1, 2, 3, 5, 5, 10, 10, 30, 1000)
_SETTINGS = (RetrievalSettings(), RetrievalSettings(candidates=6, rrf_k=1))


class DirectionEmbedder(WordEmbedder):
    """Every word is a direction of its own; a text is the sum of its words, of unit length."""

    def __init__(self) -> None:
        super().__init__(fingerprint="directions", dimension=16)
        self._directions: dict[str, npt.NDArray[np.float64]] = {}

    def _vector(self, text: str) -> Vectors:
        found = np.sum([self._direction(word) for word in text.split()], axis=0)
        return np.asarray(found / np.linalg.norm(found), dtype=np.float32)

    def _direction(self, word: str) -> npt.NDArray[np.float64]:
        if word not in self._directions:
            seed = int(hashlib.sha256(word.encode()).hexdigest()[:8], 16)
            self._directions[word] = np.random.default_rng(seed).normal(size=self.dimension)
        return self._directions[word]


class OneParagraphChunker:
    """A paragraph is a chunk, without a context."""

    fingerprint = "a paragraph is a chunk"

    def chunk(self, document: ParsedDocument, *, title: str) -> list[Chunk]:
        return [
            Chunk(number, element.text, element.start, element.end, (), None, "")
            for number, element in enumerate(document.elements)
        ]


def world_harness(root: Path, store: IndexStore) -> Harness:
    """A harness whose chunks and vectors are as simple as the oracle's."""
    harness = Harness(root, store=store, embedder=DirectionEmbedder(), default=None, batch_size=500)
    harness.chunker = OneParagraphChunker()  # type: ignore[assignment]  # as much of a chunker as is needed
    return harness


def random_text(chance: random.Random, paragraphs: int | None = None) -> str:
    """One to three paragraphs of a few words."""
    return "\n\n".join(
        " ".join(chance.choices(WORDS, k=chance.randint(2, 24)))
        for _ in range(paragraphs or chance.randint(1, 3))
    )


def random_rule(chance: random.Random) -> Rule:
    """Anything from everybody to nobody."""
    listed = frozenset(chance.sample([*USERS, *GROUPS], chance.randint(0, 4)))
    denied = frozenset(chance.sample([*USERS, *GROUPS], chance.choice((0, 0, 1, 2))))
    kind = chance.randrange(8)
    tenant = chance.choice((None, None, None, "acme", "bolt"))
    if kind == 0:
        return Rule(frozenset())
    if kind == 1:
        return Rule(frozenset({"public"}) | listed, frozenset({"public"}))
    if kind in (2, 3):
        return Rule(frozenset({"public"}), denied, tenant)
    return Rule(listed, denied, tenant)


def random_directories(chance: random.Random) -> dict[str, Directory]:
    """Groups in groups, in cycles too; somebody in 50 of them; tenants; now and then a directory that is silent."""
    nested = {
        group: frozenset(chance.sample([*USERS, *GROUPS], chance.randint(0, 3)))
        for group in chance.sample(GROUPS, 30)
    }
    circle = chance.sample(GROUPS, 4)
    for group, member in zip(circle, [*circle[1:], circle[0]], strict=True):
        nested[group] = nested.get(group, frozenset()) | {member}
    joiner = chance.choice(USERS)
    for group in chance.sample(GROUPS, 50):
        nested[group] = nested.get(group, frozenset()) | {joiner}
    tenants = {
        tenant: frozenset(chance.sample([*USERS, *GROUPS[:10]], chance.randint(1, 3))) for tenant in TENANTS
    }
    other = {group: frozenset(chance.sample(USERS, 2)) for group in chance.sample(GROUPS, 3)}
    return {
        "nested": Directory(nested),
        "tenants": Directory(tenants),
        "other": Directory(other, silent=chance.random() < 0.5),
    }


class World:
    """``step`` changes something, at random; ``ask`` searches and has the oracle judge it."""

    def __init__(self, harness: Harness, chance: random.Random, documents: int = 50) -> None:
        self.harness, self.chance = harness, chance
        self.sources = {"wiki": MemorySource(), "mail": MemorySource()}
        self.rules: dict[str, Rule | None] = {}
        """Those in force, of every document that was ever listed."""
        self.purged: set[str] = set()
        self.versions: dict[int, dict[str, tuple[str, str]]] = {}
        """``{version: {document: (text, format)}}``"""
        self.promoted = 0
        self._pool = [random_rule(chance) for _ in range(12)]
        self._settle_people()
        for _ in range(documents):
            self._write()
        self.ingest()
        self.promote()
        self._pinned = self.promoted
        self._retrievers = [(each, harness.retriever(each)) for each in _SETTINGS]
        self._passages: dict[int, list[Passage]] = {}

    def step(self) -> None:
        """Several changes: of content, of rules after a version was sealed, of groups, a purge."""
        for _ in range(self.chance.randint(1, 8)):
            self._write()
        for _ in range(self.chance.randint(0, 2)):
            source = self.sources[self.chance.choice(("wiki", "mail"))]
            if len(source.pages) > 3:
                source.remove(self.chance.choice(sorted(source.pages)))
        self.ingest()
        if self.chance.random() < 0.7:
            self.promote(self.chance.choice(sorted(self.versions)))
        for _ in range(self.chance.randint(1, 10)):
            page = self.chance.choice(
                [page for each in self.sources.values() for page in each.pages.values()]
            )
            page.access = _theirs(self._rule())
        self.ingest()
        if self.chance.random() < 0.5:
            self._settle_people()
        if self.chance.random() < 0.5:
            self._purge()
        self._passages.clear()

    def ask(self) -> Verdict:
        """One search of one reader, at random."""
        chance = self.chance
        settings, retriever = chance.choice(self._retrievers)
        who = chance.choice(READERS)
        if chance.random() < 0.02:  # opening a version costs more than many searches
            self._pinned = chance.choice(sorted(self.versions))
        version = chance.choice((None, self._pinned))
        words = chance.choices([*WORDS, UNKNOWN], k=chance.choice((1, 2, 3, 3, 4, 7)))
        question = Question(
            text=" ".join(words),
            vector=(),
            mode=chance.choice(("fused", "fused", "dense", "sparse")),
            limit=chance.choice(_LIMITS),
            match=self._match(),
            candidates=settings.candidates,
            rrf_k=settings.rrf_k,
        )
        return self._judged(retriever, who, version, question)

    def ingest(self) -> None:
        """Applies what the sources list, and seals a version if content differs."""
        before = self.harness.latest
        self.harness.ingest(self.sources)
        listed = {
            f"{name}/{id}": page for name, source in self.sources.items() for id, page in source.pages.items()
        }
        for document, page in listed.items():
            if document not in self.purged:
                self.rules[document] = _ours(page.access)
        self._withdraw()
        latest = self.harness.latest
        assert latest is not None
        if latest != before:
            self.versions[latest] = {
                document: (page.text, page.suffix)
                for document, page in listed.items()
                if page.access is not None and document not in self.purged
            }

    def promote(self, version: int | None = None) -> None:
        self.promoted = version or max(self.versions)
        self.harness.promote(self.promoted)
        self._withdraw()

    def readable(self, who: str, version: int | None = None) -> list[Passage]:
        """What ``who`` may see of a version, else of the promoted one."""
        number = version or self.promoted
        passages = self._passages.get(number)
        if passages is None:
            passages = self._passages[number] = list(self._all_of(number))
        may = {
            document: self._people.may_read(who, self.rules[document])
            for document in {p.document for p in passages}
        }
        return [each for each in passages if may[each.document]]

    def _judged(self, retriever: Retriever, who: str, version: int | None, question: Question) -> Verdict:
        vector = self.harness.embedder.embed_queries([question.text])[0]
        question = replace(question, vector=tuple(map(float, vector)))
        hits = retriever.search(
            question.text,
            principal=who,
            limit=question.limit,
            version=version,
            match=question.match,
            mode=question.mode,  # type: ignore[arg-type]  # one of the three
        )
        assert all(hit.text for hit in hits)
        return judge(question, self.readable(who, version), [_found(hit) for hit in hits])

    def _all_of(self, version: int) -> Iterable[Passage]:
        for document, (text, suffix) in self.versions[version].items():
            start = 0
            for paragraph in text.split("\n\n"):
                vector = self.harness.embedder.embed_queries([paragraph])[0]
                keys = {"source": document.partition("/")[0], "format": suffix, "document": document}
                yield Passage(document, start, paragraph, tuple(map(float, vector)), keys)
                start += len(paragraph) + 2

    def _match(self) -> dict[str, str]:
        match self.chance.randrange(8):
            case 0:
                return {"source": self.chance.choice(("wiki", "mail", "nowhere"))}
            case 1:
                return {"format": "md", "source": "wiki"}
            case 2:
                return {"document": self.chance.choice(sorted(self.rules))}
            case _:
                return {}

    def _rule(self) -> Rule | None:
        if self.chance.random() < 0.05:
            return None
        return self.chance.choice(self._pool) if self.chance.random() < 0.7 else random_rule(self.chance)

    def _write(self) -> None:
        """A new document, or a new text of one that is there."""
        source = self.sources[self.chance.choice(("wiki", "mail"))]
        id = f"d{self.chance.randrange(80)}"
        text, suffix = random_text(self.chance), self.chance.choice(("txt", "md"))
        source.pages[id] = Page(text, _theirs(self._rule()), suffix=suffix)

    def _purge(self) -> None:
        document = self.chance.choice(sorted(self.rules))
        if document in self.purged:
            return
        purge(self.harness.catalog, document, by="a test")
        self.purged.add(document)
        self.rules[document] = None
        for content in self.versions.values():
            content.pop(document, None)
        if self.chance.random() < 0.5:
            finish_erasures(self.harness.catalog, self.harness.store, self.harness.cache)

    def _withdraw(self) -> None:
        """A document that its source has no more, and that is not in what is promoted, is nobody's."""
        if not self.promoted:
            return
        listed = {f"{name}/{id}" for name, source in self.sources.items() for id in source.pages}
        for document in self.rules.keys() - listed - self.versions[self.promoted].keys():
            self.rules[document] = None

    def _settle_people(self) -> None:
        directories = random_directories(self.chance)
        self._people = People(directories.values())
        with self.harness.catalog.write() as session:
            for name, each in directories.items():
                replace_memberships(
                    session,
                    name,
                    each.members_of,
                    observed_at=utcnow() - timedelta(days=2 if each.silent else 0),
                    max_age=timedelta(days=1),
                )


def _theirs(rule: Rule | None) -> AccessRule | None:
    return None if rule is None else AccessRule(rule.allow, rule.deny, rule.tenant)


def _ours(rule: AccessRule | None) -> Rule | None:
    return None if rule is None else Rule(rule.allow, rule.deny, rule.tenant)


def _found(hit: Hit) -> Found:
    return Found((hit.document, hit.span[0]), hit.score)
