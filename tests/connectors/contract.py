"""What every connector must hold. An adapter's test class supplies a ``World``: a source that can be changed."""

from __future__ import annotations

from typing import Protocol

import pytest

from connectors import Connector, DocumentRef
from rag.access import AccessRule
from rag.errors import SourceError, SourceUnavailableError, SourceVanishedError


class World(Protocol):
    """A source in the hands of a test. ``connector`` reads it; ids are the adapter's own."""

    connector: Connector

    def put(self, name: str, text: str, access: AccessRule | None = None) -> str:
        """Writes or overwrites a document and returns its id."""

    def remove(self, id: str) -> None:
        """Takes the document out of the source."""

    def destroy(self) -> None:
        """Takes the whole source away."""


def listed(connector: Connector) -> dict[str, DocumentRef]:
    """The whole listing by id; fails where a document comes twice."""
    refs = list(connector.list())
    by_id = {ref.id: ref for ref in refs}
    assert len(by_id) == len(refs)
    return by_id


class ConnectorContract:
    """Subclass it, and give the subclass a fixture ``world``."""

    def test_every_document_is_listed_once(self, world: World) -> None:
        ids = {world.put(name, "text") for name in ("b", "a", "c")}
        assert set(listed(world.connector)) == ids
        assert len(ids) == 3

    def test_an_empty_source_lists_nothing(self, world: World) -> None:
        world.remove(world.put("a", "text"))
        assert list(world.connector.list()) == []

    def test_two_listings_of_an_unchanged_source_are_equal(self, world: World) -> None:
        for name in ("b", "a", "c"):
            world.put(name, name)
        assert list(world.connector.list()) == list(world.connector.list())

    def test_a_changed_text_of_the_same_length_changes_the_fingerprint(self, world: World) -> None:
        id = world.put("a", "one")
        before = listed(world.connector)[id]
        world.put("a", "two")
        assert listed(world.connector)[id].fingerprint != before.fingerprint

    def test_a_change_leaves_the_fingerprints_of_the_others(self, world: World) -> None:
        other = world.put("b", "text")
        world.put("a", "one")
        before = listed(world.connector)[other]
        world.put("a", "another")
        assert listed(world.connector)[other].fingerprint == before.fingerprint

    def test_fetching_gives_the_text_and_a_name_with_a_suffix(self, world: World) -> None:
        id = world.put("a", "naïve café ☕\n")
        world.put("b", "other")
        assert id in listed(world.connector)
        content = world.connector.fetch(id)
        assert content.data.decode() == "naïve café ☕\n"
        assert content.name.endswith(".txt")

    def test_fetching_needs_no_listing_before(self, world: World) -> None:
        assert world.connector.fetch(world.put("a", "text")).data == b"text"

    def test_fetching_works_while_the_listing_goes_on(self, world: World) -> None:
        for name in ("a", "b", "c"):
            world.put(name, "text")
        fetched = [world.connector.fetch(ref.id).data for ref in world.connector.list()]
        assert fetched == [b"text"] * 3

    def test_fetching_an_unknown_id_is_an_error(self, world: World) -> None:
        world.put("a", "text")
        assert "nowhere.txt" not in listed(world.connector)
        with pytest.raises(SourceError) as caught:
            world.connector.fetch("nowhere.txt")
        assert not isinstance(caught.value, SourceUnavailableError | SourceVanishedError)

    def test_fetching_what_was_removed_is_an_error(self, world: World) -> None:
        id = world.put("a", "text")
        assert id in listed(world.connector)
        world.remove(id)
        with pytest.raises(SourceError):
            world.connector.fetch(id)

    def test_the_stated_access_is_reported_and_none_where_none_is_stated(self, world: World) -> None:
        rule = AccessRule.of(["group:eng"], ["user:bob"])
        stated, silent = world.put("a", "text", rule), world.put("b", "text")
        refs = listed(world.connector)
        assert refs[stated].access == rule
        assert refs[silent].access is None
        assert (refs[stated].problem, refs[silent].problem) == (None, None)

    def test_a_changed_access_shows_in_the_next_listing(self, world: World) -> None:
        id = world.put("a", "text", AccessRule.of(["public"]))
        assert listed(world.connector)[id].access == AccessRule.of(["public"])
        world.put("a", "text", AccessRule.of(["user:ada"]))
        assert listed(world.connector)[id].access == AccessRule.of(["user:ada"])

    def test_times_are_aware_and_in_utc(self, world: World) -> None:
        id = world.put("a", "text")
        modified_at = listed(world.connector)[id].modified_at
        assert modified_at is not None
        offset = modified_at.utcoffset()
        assert offset is not None
        assert not offset

    def test_a_source_that_is_gone_is_an_incident(self, world: World) -> None:
        id = world.put("a", "text")
        assert id in listed(world.connector)
        world.destroy()
        with pytest.raises(SourceVanishedError):
            list(world.connector.list())
        with pytest.raises(SourceError):
            world.connector.fetch(id)
