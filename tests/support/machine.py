"""Lockgate and its model side by side, through any sequence of what people do to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rag.catalog import Catalog
from rag.embedding import VectorCache
from rag.errors import (
    DeletionsHeldError,
    ReleaseError,
    SourceEmptiedError,
    SourceEmptyError,
    UnknownDocumentError,
    UnknownVersionError,
    UsageError,
)
from rag.index import IndexStore
from rag.ingestion import Breaker
from rag.maintenance.backup import back_up
from rag.maintenance.copying import settle
from rag.maintenance.purge import finish_erasures, purge, undo_purge
from rag.maintenance.restore import restore
from rag.maintenance.sweep import Retention, sweep
from rag.releases import GateDecision, export_ledger, read_ledger, record_decision, roll_back
from rag.releases.ledger import verify
from rag.retrieval import Retriever
from rag.retrieval.retriever import Mode
from tests.support.harness import ADA, BOB, EVE, Harness, StoppedError, encoders_of
from tests.support.model import Found, Listed, Model, Rule, Saved, Texts
from tests.support.orphans import orphans
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

keys = st.sampled_from(KEYS)
edits = st.dictionaries(
    keys,
    st.none() | st.tuples(st.integers(0, len(TEXTS) - 1), st.integers(0, len(RULES) - 1)),
    min_size=1,
    max_size=3,
)
"""``{key: (text, rule)}``, or None to remove it."""
groups = st.integers(0, len(GROUPS) - 1)
sources = st.sampled_from((("s", "t"), ("s", "t"), ("s",), ("t",)))
versions = st.integers(0, 4)
"""Counted back from the last one; 4 is one that there never was."""
actions = st.one_of(
    st.tuples(st.just("purge"), keys),
    st.tuples(st.just("promote"), versions),
    st.tuples(st.just("roll back"), st.none() | versions),
    st.tuples(st.just("group"), groups),
)
"""What may happen in the middle of an ingest."""
interruptions = actions | st.one_of(
    st.tuples(st.just("list"), st.dictionaries(keys, st.integers(0, len(RULES) - 1), min_size=1, max_size=3)),
    st.tuples(st.just("sweep"), st.just(1)),
)
"""What may happen in the middle of a search."""


class Machine(RuleBasedStateMachine):
    """Subclasses say which store, and whether every version is to be looked at after every step."""

    thorough = True

    def new_store(self, folder: Path) -> IndexStore:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
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

    def teardown(self) -> None:
        self.harness.close()
        shutil.rmtree(self.root)

    # What people do at the sources

    @initialize(rules=st.lists(st.integers(0, 4), min_size=4, max_size=4), promoted=st.booleans())
    def begin(self, rules: list[int], promoted: bool) -> None:
        for place, (key, which) in enumerate(zip(("s/a", "s/b", "t/d", "t/e"), rules, strict=True)):
            self._put(key, TEXTS[place % 3], RULES[which])
        self._groups(2)
        self._ingest(("s", "t"))
        if promoted:
            self._promote(0)

    @rule(edits=edits)
    def edit(self, edits: dict[str, tuple[int, int] | None]) -> None:
        self._edit(edits)

    @rule(key=keys, which=st.integers(0, len(RULES) - 1))
    def change_rule(self, key: str, which: int) -> None:
        self._allow({key: which})

    @rule(source=st.sampled_from(("s", "t")))
    def empty(self, source: str) -> None:
        self.sources[source].pages.clear()

    @rule(which=groups)
    def change_groups(self, which: int) -> None:
        self._groups(which)

    # Ingesting

    @rule(names=sources, accepted=st.sampled_from((0, 0, 0, 1, 6)))
    def ingest(self, names: Sequence[str], accepted: int) -> None:
        self._ingest(names, accepted=accepted)

    @rule(edits=edits, names=sources)
    def edit_and_ingest(self, edits: dict[str, tuple[int, int] | None], names: Sequence[str]) -> None:
        self._edit(edits)
        self._ingest(names)

    @rule(edits=edits, names=sources, step=st.sampled_from(STEPS), times=st.sampled_from((1, 1, 2)))
    def ingest_that_crashes(
        self, edits: dict[str, tuple[int, int] | None], names: Sequence[str], step: str, times: int
    ) -> None:
        def crash() -> None:
            raise StoppedError(step)

        self._edit(edits)
        self._once(step, crash, times)
        self._ingest(names)

    @rule(edits=edits, names=sources, step=st.sampled_from(STEPS), action=actions)
    def ingest_meanwhile(
        self,
        edits: dict[str, tuple[int, int] | None],
        names: Sequence[str],
        step: str,
        action: tuple[str, object],
    ) -> None:
        self._edit(edits)
        self._once(step, lambda: self._act(action))
        self._ingest(names)

    @rule()
    def build_from_scratch(self) -> None:
        number = self.harness.build(from_scratch=True)
        self.model.sealed(number, self.generation)
        self.changed = True

    @rule()
    def change_embedder(self) -> None:
        self.generation = "others" if self.generation == "words" else "words"
        self.harness.embedder = self.embedders[self.generation]
        self.harness.cache.close()
        self.harness.cache = VectorCache(self.vectors, fingerprint=self.generation)
        self.harness.set_max_tokens(32)

    # Releases

    @rule(back=st.sampled_from((0, 0, 0, 1, 2, 4)))
    def promote(self, back: int) -> None:
        self._promote(back)

    @rule(back=versions)
    def block(self, back: int) -> None:
        number = self._number(back)
        if number not in self.model.now.versions:
            return
        with self.harness.catalog.write() as session:
            record_decision(session, GateDecision("block", number, None, ["a test said so"], [], {}))
        self.model.block(number)

    @rule(back=st.none() | versions)
    def roll_back(self, back: int | None) -> None:
        self._roll_back(back)

    @rule(keep=st.integers(1, 3), young=st.sampled_from((False, False, True)))
    def sweep(self, keep: int, young: bool) -> None:
        self._sweep(keep, young=young)
        found = orphans(self.harness.catalog, self.store.inner, self.harness.cache)
        assert not found, f"after a sweep there are {found}"

    # Purging, and what is kept elsewhere

    @rule(key=keys)
    def purge(self, key: str) -> None:
        self._purge(key)

    @rule()
    def finish_erasures(self) -> None:
        erased = finish_erasures(self.harness.catalog, self.store.inner, self.harness.cache)
        assert erased == len(self.unerased)
        self.unerased.clear()
        self.model.forget_vectors()
        self.changed = True

    @rule(key=keys)
    def undo_purge(self, key: str) -> None:
        status = self.model.now.status.get(key)
        if status == "purged" and key not in self.unerased:
            undo_purge(self.harness.catalog, key, by="a test")
            self.model.undo_purge(key)
            return
        with pytest.raises(UnknownDocumentError if status is None else UsageError):
            undo_purge(self.harness.catalog, key, by="a test")

    @rule()
    def back_up(self) -> None:
        target = self.root / f"backup-{len(self.backups)}"
        back_up(self.harness.catalog, self.store.inner, self.vectors, target, project="test")
        self.backups.append((target, self.model.save()))

    @precondition(lambda self: bool(self.backups))
    @rule(which=st.integers(0, 9))
    def restore(self, which: int) -> None:
        backup, saved = self.backups[which % len(self.backups)]
        exported = self.root / "ledger.jsonl"
        with self.harness.catalog.read() as session:
            exported.write_text("".join(export_ledger(session, project="test")))
        self.harness.close()
        world = self._next_world()
        store = self.new_store(world)
        restore(
            backup,
            catalog_url=f"sqlite:///{world / 'catalog.sqlite'}",
            store=store,
            vectors=world / "vectors.sqlite",
            later=read_ledger(exported),
            members_of=None,
            by="a test",
        )
        self.model.restore(saved)
        self.unerased.clear()
        self.answers.clear()
        self._open(world, store)
        self.changed = True

    # Reading

    @rule(
        who=st.sampled_from(PRINCIPALS),
        back=st.none() | versions,
        mode=st.sampled_from(MODES),
        fresh=st.booleans(),
        action=interruptions,
    )
    def search_meanwhile(
        self, who: str, back: int | None, mode: Mode, fresh: bool, action: tuple[str, object]
    ) -> None:
        """Between the index's answer and the catalog's look at it, something happens."""
        named = None if back is None else self._number(back)
        version = named if named is not None else self.model.now.promoted
        if version not in self.model.now.versions:
            return
        before = self.model.readable(who, version)
        self._once("searched", lambda: self._act(action))
        retriever = self._retriever() if fresh else self.old
        try:
            result = retriever.search_version("text", principal=who, limit=1000, version=named, mode=mode)
        except UnknownVersionError:
            assert named is not None
            assert named not in self.model.now.versions
            return
        finally:
            self.at = lambda _step: None
            if fresh:
                retriever.close()
        found = [(hit.document, hit.text) for hit in result.hits]
        if version not in self.model.now.versions:  # swept meanwhile: the promoted one has answered instead
            assert named is None
            version = self.model.now.promoted
            assert version is not None
            before = self.model.readable(who, version)
        after = self.model.readable(who, version)
        said = f"{who} searches version {version} ({mode}) while {action}"
        assert result.version == version, said
        assert not set(found) - after, f"{said}, and gets {short(set(found) - after)}"
        assert not (before & after) - set(found), f"{said}, and misses {short((before & after) - set(found))}"
        assert len(found) == len(set(found)), said

    @invariant()
    def everybody_reads_what_they_may(self) -> None:
        self.step += 1
        now = self.model.now
        mode = MODES[self.step % 3]
        with self._retriever() as fresh:
            self._compare_promoted(fresh, mode)
            for each in MODES:
                self._compare_promoted(self.old, each)
            if self.changed:
                for place, version in enumerate(sorted(now.versions)):
                    due = self.thorough or (self.step + place) % 3 == 0
                    expected = {who: self.model.readable(who, version) for who in PRINCIPALS}
                    if due or self.answers.get(version) != expected:
                        self.answers[version] = expected
                        retrievers = (self.old, fresh) if self.thorough else (self.old,)
                        for retriever in retrievers:
                            for who in PRINCIPALS:
                                self._compare(retriever, who, version, mode)
                for number in {0, *range(1, self.model.highest + 2)} - set(now.versions):
                    with pytest.raises(UnknownVersionError):
                        self.old.search("text", principal=ADA, version=number)
        self.changed = False

    @invariant()
    def catalog_and_store_agree(self) -> None:
        with self.harness.catalog.read() as session:
            problems = verify(session).problems
        assert not problems, problems
        sealed = set(self.store.sealed())
        readable = set(self.model.now.versions)
        assert readable <= sealed, f"versions {readable - sealed} have lost their index"
        # A run that died may have sealed the next one and not have said so.
        assert all(number > self.model.highest for number in sealed - readable)
        states = self.harness.versions()
        assert [number for number, state in states.items() if state == "promoted"] == [
            number for number in (self.model.now.promoted,) if number is not None
        ]

    # How each of it is done, to both

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

    def _act(self, action: tuple[str, object]) -> None:
        match action:
            case "purge", str(key):
                self._purge(key)
            case "promote", int(back):
                self._promote(back)
            case "roll back", int(back) | (None as back):
                self._roll_back(back)
            case "group", int(which):
                self._groups(which)
            case "sweep", int(keep):
                self._sweep(keep, young=False)
            case "list", dict(rules):
                self._allow(rules)
                self._once("plan", _stop, times=2)
                self._ingest(("s", "t"))
            case _:
                raise AssertionError(action)

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

    def __init__(self, machine: Machine, names: Sequence[str], accepted: int) -> None:
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


def _stop() -> None:
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
