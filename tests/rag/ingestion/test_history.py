"""Any history of edits, against a plain dict: content by version, access by now."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.access import EVERYBODY, AccessRule, closure, may_read
from rag.errors import SourceError
from rag.index import EdgeStore, IndexStore
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryStore
from tests.support.parser import BROKEN
from tests.support.source import MemorySource

IDS = ("a", "b", "c", "d")
RULES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("public",), ()),
    ((ADA,), ()),
    (("group:eng",), ()),
    (("group:all",), (BOB,)),
    (("public",), ("group:eng",)),
    ((), ()),  # carries none: nobody may read it
    ((), (ADA,)),
)
GROUPS: tuple[dict[str, set[str]], ...] = (
    {},
    {"group:eng": {ADA}},
    {"group:eng": {ADA, BOB}, "group:all": {"group:eng"}},
    {"group:all": {BOB, EVE}},
)
TEXTS = ("red text", "green text", "blue text", f"{BROKEN} text", " ")


@dataclass(frozen=True)
class Step:
    """One ingest: what is done to the source before it. ``edits`` is {id: (text, rule) or None to remove}."""

    edits: dict[str, tuple[int, int] | None]
    groups: int


steps = st.lists(
    st.builds(
        Step,
        edits=st.dictionaries(
            st.sampled_from(IDS),
            st.none() | st.tuples(st.integers(0, len(TEXTS) - 1), st.integers(0, len(RULES) - 1)),
            max_size=3,
        ),
        groups=st.integers(0, len(GROUPS) - 1),
    ),
    min_size=1,
    max_size=5,
)


class Oracle:
    """What must be readable, in plain dicts."""

    def __init__(self) -> None:
        self.rule_now: dict[str, AccessRule | None] = {}
        self.versions: dict[int, dict[str, str]] = {}

    def ingested(self, source: MemorySource, latest: int | None) -> None:
        for id, page in source.pages.items():
            self.rule_now[id] = page.access
        content = {
            id: page.text
            for id, page in source.pages.items()
            if page.access is not None and BROKEN not in page.text and page.text.strip()
        }
        last = self.versions[max(self.versions)] if self.versions else {}
        if content == last:
            assert latest is None or latest in self.versions or latest == max(self.versions, default=0) + 1
            if latest is not None:
                self.versions.setdefault(latest, content)
        else:
            assert latest == max(self.versions, default=0) + 1
            self.versions[latest] = content

    def readable(self, principal: str, version: int, groups: dict[str, set[str]]) -> list[str]:
        groups_of: dict[str, set[str]] = {}
        for group, members in groups.items():
            for member in members:
                groups_of.setdefault(member, set()).add(group)
        principals = closure(principal, groups_of)
        return sorted(
            text for id, text in self.versions[version].items() if may_read(principals, self.rule_now[id])
        )


def live(history: list[Step], make: Callable[[Path], IndexStore]) -> None:
    """Runs the history and compares after every ingest, for every reader, at every version there ever was."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Harness(Path(folder), store=make(Path(folder)), default=None) as harness,
    ):
        source, oracle = MemorySource(), Oracle()
        old_reader = harness.retriever()  # one that lives through it all, beside those without a past
        for step in history:
            for id, edit in step.edits.items():
                if edit is None:
                    source.pages.pop(id, None)
                else:
                    allow, deny = RULES[edit[1]]
                    source.put(id, TEXTS[edit[0]], *allow, deny=deny)
            groups = GROUPS[step.groups]
            harness.set_groups(groups)
            try:
                harness.ingest(source)
            except SourceError:
                assert not source.pages  # it lists nothing: that deletes nothing
            else:
                oracle.ingested(source, harness.latest)
            for version in oracle.versions:
                for principal in (ADA, BOB, EVE, "public"):
                    expected = oracle.readable(principal, version, groups)
                    assert harness.readable(principal, version) == expected
                    for mode in ("dense", "fused"):
                        hits = old_reader.search(
                            "text", principal=principal, limit=50, version=version, mode=mode
                        )
                        assert sorted(hit.text for hit in hits) == expected


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(history=steps)
def test_every_reader_gets_the_content_of_the_version_under_the_rules_of_now(history: list[Step]) -> None:
    live(history, lambda _: MemoryStore())


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(history=steps)
def test_the_embedded_store_gives_them_the_same(history: list[Step]) -> None:
    live(history, lambda folder: EdgeStore(folder / "index"))


@pytest.mark.soak
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=steps)
def test_the_embedded_store_gives_them_the_same_for_long(history: list[Step]) -> None:
    live(history, lambda folder: EdgeStore(folder / "index"))


@pytest.mark.soak
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=steps)
def test_every_reader_gets_the_same_for_long(history: list[Step]) -> None:
    live(history, lambda _: MemoryStore())


def test_the_default_rule_is_for_documents_that_carry_none(tmp_path: Path) -> None:
    source = MemorySource()
    source.put("a", "red text")
    with Harness(tmp_path, default=EVERYBODY) as harness:
        harness.ingest(source)
        assert harness.readable(EVE, 1) == ["red text"]
