"""Lockgate and its model side by side, through any sequence of what people do to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlmodel import col

from rag.catalog.revisions import readable as readable_ones
from rag.catalog.tables import Version
from rag.embedding import VectorCache
from rag.errors import (
    UnknownDocumentError,
    UnknownVersionError,
    UsageError,
)
from rag.maintenance.backup import back_up
from rag.maintenance.purge import finish_erasures, undo_purge
from rag.maintenance.restore import restore
from rag.releases import GateDecision, export_ledger, read_ledger, record_decision
from rag.releases.ledger import verify
from rag.retrieval.retriever import Mode
from tests.support.both import (
    GROUPS,
    KEYS,
    LATE,
    MODES,
    PRINCIPALS,
    RULES,
    STEPS,
    TEXTS,
    Action,
    Both,
    short,
    stop,
)
from tests.support.harness import ADA
from tests.support.orphans import orphans

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
actions = st.tuples(st.sampled_from(("purge", "promote", "roll back", "group")), st.integers(0, 5))
"""What may happen in the middle of an ingest."""
interruptions = st.tuples(
    st.sampled_from(("list", "list one", "purge", "group", "promote", "sweep")), st.integers(0, 7)
)
"""What may happen in the middle of a search."""


class Machine(Both, RuleBasedStateMachine):
    """All that people do. Subclasses say which store."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Both.__init__(self)

    def teardown(self) -> None:
        self.close()

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

    @rule(edits=edits, names=sources)
    def run(self, edits: dict[str, tuple[int, int] | None], names: Sequence[str]) -> None:
        """The main job: what was edited is ingested and promoted."""
        self._edit(edits)
        self._ingest(names)
        self._promote(0)

    @rule(edits=edits, names=sources, step=st.sampled_from(STEPS[:LATE]), times=st.sampled_from((1, 1, 2)))
    def ingest_that_crashes_early(
        self, edits: dict[str, tuple[int, int] | None], names: Sequence[str], step: str, times: int
    ) -> None:
        self._edit(edits)
        self._once(step, stop, times)
        self._ingest(names)

    @rule(edits=edits, step=st.sampled_from(STEPS[LATE:]))
    def ingest_that_crashes_late(self, edits: dict[str, tuple[int, int] | None], step: str) -> None:
        self._edit(edits)
        self._once(step, stop)
        self._ingest(("s", "t"))

    @rule(edits=edits, names=sources, step=st.sampled_from(STEPS), action=actions)
    def ingest_meanwhile(
        self,
        edits: dict[str, tuple[int, int] | None],
        names: Sequence[str],
        step: str,
        action: Action,
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
    def search_meanwhile(self, who: str, back: int | None, mode: Mode, fresh: bool, action: Action) -> None:
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
        self._compare_promoted(self.old, MODES[(self.step + 1) % 3])
        if not self.changed:
            return
        now = self.model.now
        mode = MODES[self.step % 3]
        with self._retriever() as fresh:
            self._compare_promoted(fresh, mode)
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
            known = set(session.scalars(select(col(Version.number)).where(readable_ones())))
        assert not problems, problems
        sealed = set(self.store.sealed())
        readable = set(self.model.now.versions)
        assert known == readable, f"versions {known} are said to be sealed, instead of {readable}"
        assert readable <= sealed, f"versions {readable - sealed} have lost their index"
        # A run that died may have sealed the next one and not have said so.
        assert all(number > self.model.highest for number in sealed - readable)
        states = self.harness.versions()
        assert [number for number, state in states.items() if state == "promoted"] == [
            number for number in (self.model.now.promoted,) if number is not None
        ]
