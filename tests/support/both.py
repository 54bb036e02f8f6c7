"""Lockgate and its model side by side: whatever is done, is done to both, and then they are compared."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from rag.catalog import Catalog
from rag.embedding import VectorCache
from rag.errors import (
    DeletionsHeldError,
    ReleaseError,
    SourceEmptiedError,
    SourceEmptyError,
    UnknownDocumentError,
    UnknownVersionError,
)
from rag.index import IndexStore
from rag.ingestion import Breaker
from rag.maintenance.copying import settle
from rag.maintenance.purge import purge
from rag.maintenance.sweep import Retention, sweep
from rag.releases import roll_back
from rag.retrieval import Retriever
from rag.retrieval.retriever import Mode
from tests.support.harness import ADA, BOB, EVE, Harness, StoppedError, encoders_of
from tests.support.model import Found, Listed, Model, Rule, Saved, Texts
from tests.support.parser import BROKEN
from tests.support.rig import RiggedEmbedder, RiggedStore
from tests.support.source import MemorySource

PRINCIPALS = (ADA, BOB, EVE, "group:eng", "public")
MODES: tuple[Mode, ...] = ("fused", "dense", "sparse")
KEYS = ("s/a", "s/b", "s/c", "t/d", "t/e", "t/f")
SHARE = 0.5
"""How much of a source may go at once."""


def _passage(colour: str) -> str:
    """Long enough that no two of them fit into a chunk; every passage has the word ``text``."""
    return " ".join([colour, "text"] * 10)


TEXTS: tuple[Texts, ...] = (
    (_passage("red"),),
    (_passage("green"),),
    (_passage("blue"), _passage("red")),
    (_passage("gold"), _passage("grey")),
    (),
)
"""The last cannot be parsed."""
RULES: tuple[Rule | None, ...] = (
    (frozenset({"public"}), frozenset()),
    (frozenset({ADA}), frozenset()),
    (frozenset({"group:eng"}), frozenset()),
    (frozenset({"group:all"}), frozenset({BOB})),
    (frozenset({"public"}), frozenset({"group:eng"})),
    (frozenset({"public"}), frozenset({"public"})),
    (frozenset({"user:somebody"}), frozenset({ADA})),
    None,
)
GROUPS: tuple[dict[str, set[str]], ...] = (
    {},
    {"group:eng": {ADA}},
    {"group:eng": {ADA, BOB}, "group:all": {"group:eng"}},
    {"group:all": {BOB, EVE}},
    {"group:all": {"group:eng", EVE}, "group:eng": {"group:all"}},
)
STEPS = (
    "plan",
    "batch 1",
    "batch 2",
    "begin",
    "embedded",
    "slice",
    "embed",
    "store begun",
    "store written",
    "store sealed",
    "build",
)
"""Of an ingest, in order; at each of them something may happen."""
LATE = STEPS.index("begin")
"""From here on there is a version that is being built."""

Action = tuple[str, int]
"""What is done, and to which document, version, rule or set of groups."""


class Both:
    """Subclasses say which store, and whether every version is to be looked at after every step."""

    thorough = True

    def new_store(self, folder: Path) -> IndexStore:
        raise NotImplementedError

    def __init__(self) -> None:
        shm = Path("/dev/shm")
        self.root = Path(tempfile.mkdtemp(prefix="lockgate-", dir=shm if shm.is_dir() else None))
        self.model = Model()
        self.sources = {"s": MemorySource(), "t": MemorySource()}
        self.generation = "words"
        self.unerased: set[str] = set()
        self.backups: list[tuple[Path, Saved]] = []
        self.worlds = 0
        self.step = 0
        self.changed = True
        self.answers: dict[int, dict[str, Found]] = {}
        self.at: Callable[[str], None] = lambda _step: None
        world = self._next_world()
        (world / "catalog.sqlite").write_bytes(empty_catalog())
        self._open(world, self.new_store(world))

    def close(self) -> None:
        self.harness.close()
        shutil.rmtree(self.root)

    def _open(self, world: Path, store: IndexStore) -> None:
        def told(step: str) -> None:
            self.at(step)

        def embeds(by: str, texts: Sequence[str]) -> None:
            twice = {(by, text) for text in texts} & self.model.now.vectors
            assert not twice, f"embedded again: {twice}"
            assert len(texts) == len(set(texts))
            self.model.now.vectors |= {(by, text) for text in texts}

        self.store = RiggedStore(store, told)
        self.vectors = world / "vectors.sqlite"
        self.embedders = {
            name: RiggedEmbedder(fingerprint=name, dimension=8, tell=told, embeds=embeds)
            for name in ("words", "others")
        }
        self.harness = Harness(
            world,
            store=self.store,
            embedder=self.embedders[self.generation],
            max_tokens=32,
            batch_size=1,
            default=None,
            max_deleted_share=SHARE,
        )
        if self.generation != "words":
            self.harness.cache.close()
            self.harness.cache = VectorCache(self.vectors, fingerprint=self.generation)
        self.old = self.harness.retriever()

    def _next_world(self) -> Path:
        self.worlds += 1
        world = self.root / str(self.worlds)
        world.mkdir()
        return world

    def _retriever(self) -> Retriever:
        harness = self.harness
        return Retriever(harness.catalog, self.store, harness.embedder, harness.bm25, encoders_of=encoders_of)

    def _number(self, back: int) -> int:
        """A version number, counted back from the last; 4 is the one that comes next."""
        return self.model.highest + 1 if back == 4 else self.model.highest - back

    def _once(self, step: str, action: Callable[[], None], times: int = 1) -> None:
        """Has ``action`` happen when ``step`` was done so many times."""
        left = times

        def told(done: str) -> None:
            nonlocal left
            left -= done == step
            if done == step and left == 0:
                self.at = lambda _step: None
                action()

        self.at = told

    def _put(self, key: str, texts: Texts, rule: Rule | None) -> None:
        source, _, id = key.partition("/")
        allow, deny = rule if rule is not None else ((), ())
        text = "\n\n".join(texts) if texts else f"{BROKEN} text"
        self.sources[source].put(id, text, *allow, deny=tuple(deny), title="page")

    def _edit(self, edits: Mapping[str, tuple[int, int] | None]) -> None:
        for key, edit in edits.items():
            source, _, id = key.partition("/")
            if edit is None:
                self.sources[source].pages.pop(id, None)
            else:
                self._put(key, TEXTS[edit[0]], RULES[edit[1]])

    def _allow(self, rules: Mapping[str, int]) -> None:
        for key, which in rules.items():
            source, _, id = key.partition("/")
            if id in self.sources[source].pages:
                rule = RULES[which]
                allow, deny = rule if rule is not None else ((), ())
                self.sources[source].allow(id, *allow, deny=tuple(deny))

    def _groups(self, which: int) -> None:
        self.harness.set_groups(GROUPS[which])
        self.model.groups = GROUPS[which]
        self.changed = True

    def _listing(self, source: str) -> dict[str, Listed]:
        listing = {}
        for id, page in self.sources[source].pages.items():
            texts = () if BROKEN in page.text else tuple(page.text.split("\n\n"))
            rule = (page.access.allow, page.access.deny) if page.access is not None else None
            listing[f"{source}/{id}"] = Listed(texts, rule)
        return listing

    def _ingest(self, names: Sequence[str], *, accepted: int = 0) -> None:
        """One ingest of some sources, up to its end, the breaker or a crash; ``self.at`` is told of its steps."""
        run = _Run(self, names, accepted)
        self.harness.breaker = Breaker(SHARE, accepted=accepted, by="a test")
        self.changed = True
        try:
            self.harness.ingest({name: self.sources[name] for name in names}, after=run.told)
        except (DeletionsHeldError, SourceEmptiedError):
            assert run.next_plan() == "held"
        except SourceEmptyError:
            assert run.next_plan() == "empty"
        except StoppedError:
            pass
        else:
            run.ended()
        finally:
            self.at = lambda _step: None

    def _act(self, action: Action) -> None:
        match action:
            case "purge", which:
                self._purge(KEYS[which % len(KEYS)])
            case "promote", back:
                self._promote(back % 3)
            case "roll back", back:
                self._roll_back(back % 3 or None)
            case "group", which:
                self._groups(which % len(GROUPS))
            case "sweep", keep:
                self._sweep(1 + keep % 3, young=False)
            case "list", which:
                self._list(dict.fromkeys(KEYS, which))
            case "list one", which:
                self._list({KEYS[which % len(KEYS)]: which})
            case _:
                raise AssertionError(action)

    def _list(self, rules: Mapping[str, int]) -> None:
        """Changes rules at the sources, and has them listed by an ingest that dies of it."""
        self._allow(rules)
        self._once("plan", stop, times=2)
        self._ingest(("s", "t"))

    def _promote(self, back: int) -> None:
        number = self._number(back)
        if number in self.model.now.versions:
            self.harness.promote(number)
            self.model.promote(number)
            self.changed = True
            return
        with pytest.raises(UnknownVersionError):
            self.harness.promote(number)

    def _roll_back(self, back: int | None) -> None:
        to = None if back is None else self._number(back)
        now, target = self.model.now.promoted, self.model.way_back(to)
        with self.harness.catalog.write() as session:
            if target is not None:
                assert roll_back(session, to=to) == (now, target)
                self.model.rolled_back(target)
                self.changed = True
                return
            with pytest.raises(ReleaseError if now is None or to is None else UnknownVersionError):
                roll_back(session, to=to)

    def _sweep(self, keep: int, *, young: bool) -> None:
        age = timedelta(days=1) if young else timedelta(0)
        swept = sweep(self.harness.catalog, self.store.inner, self.harness.cache, Retention(keep, age))
        assert list(swept.versions) == sorted(self.model.sweep(keep=keep, young=young))
        self.changed = True

    def _purge(self, key: str) -> None:
        status = self.model.now.status.get(key)
        if status is None:
            with pytest.raises(UnknownDocumentError):
                purge(self.harness.catalog, key, by="a test")
            return
        assert purge(self.harness.catalog, key, by="a test") == (status != "purged")
        if status != "purged":
            self.model.purge(key)
            self.unerased.add(key)
            self.changed = True

    def _compare_promoted(self, retriever: Retriever, mode: Mode) -> None:
        if self.model.now.promoted is None:
            with pytest.raises(ReleaseError):
                retriever.search("text", principal=ADA, mode=mode)
            return
        for who in PRINCIPALS:
            self._compare(retriever, who, None, mode)

    def _compare(self, retriever: Retriever, who: str, version: int | None, mode: Mode) -> None:
        result = retriever.search_version("text", principal=who, limit=1000, version=version, mode=mode)
        answering = version if version is not None else self.model.now.promoted
        assert answering is not None
        assert result.version == answering, f"version {result.version} answers instead of {answering}"
        found = [(hit.document, hit.text) for hit in result.hits]
        expected = self.model.readable(who, answering)
        said = f"{who} searches version {answering} ({mode})"
        assert not set(found) - expected, f"{said}, and gets {short(set(found) - expected)}"
        assert not expected - set(found), f"{said}, and misses {short(expected - set(found))}"
        assert len(found) == len(expected), f"{said}, and gets something twice"


class _Run:
    """One ingest as it tells of its steps, and the model follows."""

    def __init__(self, machine: Both, names: Sequence[str], accepted: int) -> None:
        self._machine, self._accepted = machine, accepted
        self._waiting = list(names)
        self._source: str | None = None
        self._listing: dict[str, Listed] = {}
        self._fetched = 0
        self._began = False

    def told(self, step: str) -> None:
        model, generation = self._machine.model, self._machine.generation
        if step == "plan":
            self._complete()
            assert self.next_plan() == "applied"
        elif step.startswith("batch"):
            assert self._source is not None
            fetched = self._machine.sources[self._source].fetched
            taken = [f"{self._source}/{id}" for id in fetched[self._fetched :]]
            self._fetched = len(fetched)
            model.took_in({key: self._listing[key] for key in taken}, generation)
        elif step == "begin":
            self._complete()
            self._began = True
            assert model.may_seal(generation), "a version is built, and nothing has changed"
        elif step == "build":
            number = self._machine.harness.latest
            assert number is not None
            model.sealed(number, generation)
        self._machine.at(step)

    def next_plan(self) -> str:
        """What the model makes of the next source's listing."""
        self._source = self._waiting.pop(0)
        self._listing = self._machine._listing(self._source)
        self._fetched = len(self._machine.sources[self._source].fetched)
        return self._machine.model.plan(self._source, self._listing, share=SHARE, accepted=self._accepted)

    def ended(self) -> None:
        self._complete()
        model = self._machine.model
        assert self._began or not model.must_seal(self._machine.generation), "no version was built"

    def _complete(self) -> None:
        if self._source is not None:
            self._machine.model.completed(self._source, self._listing)
            self._source = None


def stop() -> None:
    raise StoppedError


def short(found: Found) -> list[tuple[str, str]]:
    """Documents and the first words of what is in them."""
    return sorted((key, text.partition(" ")[0]) for key, text in found)


@cache
def empty_catalog() -> bytes:
    """A new catalog's file: making one takes longer than everything that is then done with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite"
        Catalog.open(f"sqlite:///{path}", migrate=True).close()
        settle(path)
        return path.read_bytes()
