"""What Lockgate promises, in plain dicts: the oracle of the property tests. It shares no code with the product.

A document is known by its key, ``<source>/<id>``. The model is told what happened, and says what everybody may
read then; it knows nothing of indexes, revisions or rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Rule = tuple[frozenset[str], frozenset[str]]
"""Who may read, and who may not; the second wins."""
Texts = tuple[str, ...]
"""A document's passages."""
Found = set[tuple[str, str]]
"""Pairs of document and passage; no document holds a passage twice."""
Outcome = Literal["applied", "held", "empty"]


@dataclass(frozen=True)
class Listed:
    """A document at its source: what it says (nothing where it cannot be parsed), and who may read it."""

    texts: Texts
    rule: Rule | None


@dataclass
class Sealed:
    """A version. Its content never changes, except for purges."""

    content: dict[str, Texts]
    generation: str


@dataclass(frozen=True)
class Event:
    """What a restore does again: a changed rule, a purge, or the undoing of one; or that there was a restore.

    The ``first`` rule of a document is no change of it.
    """

    kind: Literal["rule", "purge", "unpurge", "restore"]
    key: str = ""
    rule: Rule | None = None
    first: bool = False


@dataclass
class State:
    """All that a backup holds."""

    status: dict[str, Literal["here", "deleted", "purged"]] = field(default_factory=dict)
    """Every document that was ever taken in or kept out. Those that are here count for the breaker."""
    rules: dict[str, Rule | None] = field(default_factory=dict)
    """The rules in force."""
    coming: dict[str, Texts] = field(default_factory=dict)
    """The content of the next version, as far as it has been taken in."""
    made_by: dict[str, str] = field(default_factory=dict)
    """With which generation a document was last taken in."""
    touched: bool = False
    """Whether ``coming`` was changed since the last version was sealed, be it back again."""
    versions: dict[int, Sealed] = field(default_factory=dict)
    """Those that can be read."""
    latest: Sealed | None = None
    """The one that was sealed last, though it be swept."""
    candidate: int | None = None
    released: set[int] = field(default_factory=set)
    """Every version that was ever promoted."""
    promoted: int | None = None
    vectors: set[tuple[str, str]] = field(default_factory=set)
    """(embedder, embedded text): what need not be embedded again."""


@dataclass(frozen=True)
class Saved:
    """A backup: the state then, and how many events there had been."""

    state: State
    events: int


class Model:
    """The whole system, as its users are told that it behaves."""

    def __init__(self) -> None:
        self.now = State()
        self.groups: Mapping[str, set[str]] = {}
        self.events: list[Event] = []
        self.seen: list[int | None] = []
        """What readers were shown, in order: by promotions, rollbacks and restores."""
        self.entered: list[bool] = []
        """For each of ``seen``, whether it was no rollback."""
        self.highest = 0
        """The highest number that a version ever had."""
        self.restored_since_seal = False

    # Reading

    def acts_as(self, who: str) -> set[str]:
        """``who``, everybody, and every group that holds one of these."""
        names = {who, "public"}
        while more := {group for group, members in self.groups.items() if members & names} - names:
            names |= more
        return names

    def may_read(self, who: str, key: str) -> bool:
        rule = self.now.rules.get(key)
        if rule is None or self.now.status.get(key) == "purged":
            return False
        names = self.acts_as(who)
        return bool(rule[0] & names) and not rule[1] & names

    def readable(self, who: str, version: int) -> Found:
        """What comes back to ``who`` from a version that can be read."""
        content = self.now.versions[version].content
        return {(key, text) for key in content if self.may_read(who, key) for text in content[key]}

    # Ingesting

    def plan(self, source: str, listing: Mapping[str, Listed], *, share: float, accepted: int) -> Outcome:
        """A listing, by key, was taken and applied, as far as that needs no content.

        Up to ``share`` of the source's documents may go at once, and any number up to ``accepted``.
        """
        here = [key for key in self._of(source) if self.now.status[key] == "here"]
        gone = [key for key in here if key not in listing]
        if not listing and not here:
            return "empty"
        for key, listed in listing.items():
            if self.now.status.get(key) != "purged":
                self._rule(key, listed.rule)
        for key in listing:
            if self.now.status.get(key) == "deleted":
                self.now.status[key] = "here"
        too_many = not listing or len(gone) / len(here or [""]) > share
        if too_many and len(gone) > accepted:
            return "held"
        for key in gone:
            self.now.status[key] = "deleted"
            self._take(key, ())
        self._withdraw()
        for key, listed in listing.items():
            if listed.rule is None and self.now.status.get(key) != "purged":
                self.now.status[key] = "here"
                self._take(key, ())
        return "applied"

    def took_in(self, listing: Mapping[str, Listed], generation: str) -> None:
        """These documents were fetched, as they are listed, and written down."""
        for key, listed in listing.items():
            if self.now.status.get(key) == "purged":
                continue
            self.now.status[key] = "here"
            self.now.touched |= self.now.made_by.get(key) != generation
            self.now.made_by[key] = generation
            self._take(key, listed.texts if listed.rule is not None else ())

    def completed(self, source: str, listing: Mapping[str, Listed]) -> None:
        """All of the source was taken in: what is coming is what it lists, whatever was fetched for it."""
        for key in self._of(source):
            if self.now.status[key] != "purged":
                listed = listing.get(key)
                self._take(key, listed.texts if listed is not None and listed.rule is not None else ())

    def must_seal(self, generation: str) -> bool:
        """Whether the next version would differ from the last one."""
        last = self.now.latest
        if last is None:
            return bool(self.now.coming)
        return self.now.coming != last.content or last.generation != generation

    def may_seal(self, generation: str) -> bool:
        """Whether there is any reason for another version."""
        return self.must_seal(generation) or self.now.touched or self.restored_since_seal

    def sealed(self, number: int, generation: str) -> None:
        """What is coming became version ``number``."""
        assert number > self.highest, f"version {number} after version {self.highest}"
        assert self.restored_since_seal or number == self.highest + 1, f"a gap before version {number}"
        self.highest = number
        version = Sealed(dict(self.now.coming), generation)
        self.now.versions[number] = self.now.latest = version
        self.now.candidate = number
        self.now.touched = self.restored_since_seal = False

    # Releases

    def promote(self, number: int) -> None:
        if self.now.candidate == number:
            self.now.candidate = None
        self._show(number, entered=True)
        self.now.released.add(number)
        self._withdraw()

    def block(self, number: int) -> None:
        if self.now.candidate == number:
            self.now.candidate = None

    def way_back(self, to: int | None) -> int | None:
        """Where a rollback leads, or None where there is no way."""
        now = self.now.promoted
        known = [number for number in self.now.released if number in self.now.versions and number != now]
        if to is not None or now is None:
            return to if now is not None and to in known else None
        last = max(place for place, number in enumerate(self.seen) if number == now and self.entered[place])
        return next((number for number in reversed(self.seen[:last]) if number in known), None)

    def rolled_back(self, to: int) -> None:
        self._show(to, entered=False)
        self._withdraw()

    def sweep(self, *, keep: int, young: bool) -> list[int]:
        """Takes away what retention does not keep; returns what that was. ``young``: all are still too young."""
        versions = self.now.versions
        shown = [number for number in reversed(self.seen) if number is not None and number in versions]
        kept = {*list(dict.fromkeys(shown))[:keep], self.now.promoted, self.now.candidate}
        gone = [
            number
            for number, version in versions.items()
            if not young and number not in kept and version is not self.now.latest
        ]
        for number in gone:
            del versions[number]
        self.forget_vectors()
        return gone

    # Purging, and what is kept elsewhere

    def purge(self, key: str) -> None:
        self.now.status[key] = "purged"
        self._rule(key, None)
        self.events.append(Event("purge", key))
        self._bury(key)

    def undo_purge(self, key: str) -> None:
        self.now.status[key] = "deleted"
        self.events.append(Event("unpurge", key))

    def forget_vectors(self) -> None:
        """Vectors that no text needs may be gone from now on."""
        contents = [self.now.coming, *(version.content for version in self.now.versions.values())]
        needed = {text for content in contents for texts in content.values() for text in texts}
        self.now.vectors = {(by, text) for by, text in self.now.vectors if text.partition("\n")[2] in needed}

    def save(self) -> Saved:
        return Saved(copy.deepcopy(self.now), len(self.events))

    def restore(self, saved: Saved) -> None:
        """The state of then, with the purges, rules and groups of now."""
        self.now = copy.deepcopy(saved.state)
        for event in self.events[saved.events :]:
            if event.kind == "restore":
                # It may have forgotten documents, whose first rules thereafter nobody knows.
                self.now.rules = dict.fromkeys(self.now.rules)
            elif event.kind == "rule":
                if not event.first:
                    self.now.rules[event.key] = event.rule
            else:
                self.now.status[event.key] = "purged" if event.kind == "purge" else "deleted"
                self._bury(event.key)
        self.events.append(Event("restore"))
        self._withdraw()
        self.seen.append(self.now.promoted)
        self.entered.append(True)
        self.restored_since_seal = True
        self.forget_vectors()

    def _of(self, source: str) -> Iterable[str]:
        return [key for key in self.now.status if key.startswith(f"{source}/")]

    def _take(self, key: str, texts: Texts) -> None:
        if self.now.coming.get(key, ()) == texts:
            return
        self.now.touched = True
        if texts:
            self.now.coming[key] = texts
        else:
            del self.now.coming[key]

    def _rule(self, key: str, rule: Rule | None) -> None:
        if self.now.rules.get(key) != rule:
            self.now.rules[key] = rule
            self.events.append(Event("rule", key, rule, first=key not in self.now.status))

    def _withdraw(self) -> None:
        """What is deleted, and not in what readers are shown, is nobody's until its source lists it again."""
        if self.now.promoted is None:
            return
        content = self.now.versions[self.now.promoted].content
        for key, status in self.now.status.items():
            if status == "deleted" and key not in content:
                self._rule(key, None)

    def _show(self, number: int, *, entered: bool) -> None:
        self.now.promoted = number
        self.seen.append(number)
        self.entered.append(entered)

    def _bury(self, key: str) -> None:
        for content in self._contents():
            content.pop(key, None)

    def _contents(self) -> Iterator[dict[str, Texts]]:
        yield self.now.coming
        if self.now.latest is not None:
            yield self.now.latest.content
        for version in self.now.versions.values():
            yield version.content
