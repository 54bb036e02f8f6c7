"""What every index store must hold. An adapter's test class supplies the fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.embedding import Vectors
from rag.errors import IndexMissingError, IndexStoreError
from rag.index import IndexPoint, IndexQuery, IndexReader, IndexStore, SparseVector, Visibility
from rag.index.term_counts import RevisionTerms, TermCounts, VisibleCounts
from tests.support.memory_store import is_visible

RULES = 4
DOCUMENTS = 8
ALL = Visibility(frozenset(range(RULES)))
KEYS = ("source", "format", "document")


def unit(*numbers: float) -> Vectors:
    vector = np.array(numbers, dtype=np.float32)
    scaled: Vectors = vector / np.float32(np.linalg.norm(vector))
    return scaled


def point(
    id: int,
    dense: Vectors | None = None,
    terms: Mapping[int, float] | None = None,
    *,
    rule: int = 0,
    document: int | None = None,
    keys: Mapping[str, str] | None = None,
) -> IndexPoint:
    """A point of document ``id`` under rule 0, unless told otherwise."""
    weights = {1: 1.0} if terms is None else terms
    number = id if document is None else document
    return IndexPoint(
        id=id,
        dense=unit(1, id, 0, 0) if dense is None else dense,
        sparse=SparseVector(tuple(weights), tuple(weights.values())),
        rule=rule,
        document=number,
        keys={"source": "s", "format": "md", "document": f"s/{number}"} if keys is None else keys,
    )


def terms(*numbers: int) -> SparseVector:
    return SparseVector(numbers, (1.0,) * len(numbers))


def sealed(
    store: IndexStore, version: int, points: Iterable[IndexPoint], *, expected: int, base: int | None = None
) -> IndexReader:
    """Builds, seals and opens a version."""
    builder = store.build(version, dimension=4, base=base)
    builder.upsert(points)
    builder.seal(expected_points=expected)
    return store.open(version)


def ids(
    reader: IndexReader, visibility: Visibility = ALL, match: Mapping[str, str] | None = None
) -> list[int]:
    """The ids that a dense search sees, ascending."""
    query = IndexQuery(visibility, limit=100, dense=unit(1, 0, 0, 0), match=match or {})
    return sorted(hit.id for hit in reader.query(query))


def lexical_ids(reader: IndexReader, visibility: Visibility, *numbers: int) -> list[int]:
    """The ids that a sparse search sees, ascending."""
    return sorted(hit.id for hit in reader.query(IndexQuery(visibility, limit=100, sparse=terms(*numbers))))


def three_versions(store: IndexStore) -> dict[int, list[int]]:
    """Versions 1 to 3, each of which adds, removes and writes anew; the ids that each holds."""
    sealed(store, 1, [point(1), point(2), point(3)], expected=3).close()
    for version, gone, written in [(2, [1], [4, 3]), (3, [2], [5, 1])]:
        builder = store.build(version, dimension=4, base=version - 1)
        builder.delete(gone)
        builder.upsert([point(id, rule=version) for id in written])
        builder.seal(expected_points=version + 1)
    return {1: [1, 2, 3], 2: [2, 3, 4], 3: [1, 3, 4, 5]}


def answers(store: IndexStore, version: int) -> list[object]:
    """What a version says to some questions."""
    reader = store.open(version)
    queries = [
        IndexQuery(visibility, limit=9, dense=unit(2, 3, 0, 1), sparse=terms(1))
        for visibility in (ALL, Visibility(frozenset({2})), Visibility(frozenset({0, 3}), frozenset({2})))
    ]
    found = [reader.query(query) for query in queries]
    reader.close()
    return [reader.points, ids(store.open(version)), *found]


MIXED = [
    point(
        id,
        unit(1, id / 10, (id * 7) % 5, 0),
        {1: 1.0, 10 + id % 3: 1 + id / 10},
        rule=id % RULES,
        document=id % DOCUMENTS,
        keys={
            "source": "wiki" if id % DOCUMENTS < 4 else "mail",
            "format": "md" if id % 2 else "pdf",
            "document": f"d/{id % DOCUMENTS}",
        },
    )
    for id in range(40)
]
"""40 points of 8 documents under 4 rules."""

some_rules = st.frozensets(st.integers(0, RULES - 1))
some_documents = st.frozensets(st.integers(0, DOCUMENTS - 1))


@st.composite
def visibilities(draw: Callable[[st.SearchStrategy[frozenset[int]]], frozenset[int]]) -> Visibility:
    """Any rules, any documents moved, any of those granted."""
    moved = draw(some_documents)
    return Visibility(draw(some_rules), moved, moved & draw(some_documents))


class IndexStoreContract:
    """Subclass it. ``store`` is an empty store for one test, ``shared_store`` one for the whole class."""

    @pytest.fixture(scope="class")
    @classmethod
    def mixed(cls, shared_store: IndexStore) -> Iterator[IndexReader]:
        """``MIXED``, sealed and open."""
        reader = sealed(shared_store, 1, MIXED, expected=len(MIXED))
        yield reader
        reader.close()

    def test_a_version_is_invisible_until_it_is_sealed(self, store: IndexStore) -> None:
        builder = store.build(1, dimension=4, base=None)
        builder.upsert([point(1), point(2)])
        assert store.sealed() == []
        with pytest.raises(IndexMissingError):
            store.open(1)
        builder.seal(expected_points=2)
        assert store.sealed() == [1]
        reader = store.open(1)
        assert reader.points == 2
        assert ids(reader) == [1, 2]
        reader.close()

    def test_an_abandoned_build_never_was(self, store: IndexStore) -> None:
        builder = store.build(1, dimension=4, base=None)
        builder.upsert([point(1)])
        builder.abandon()
        assert store.sealed() == []
        with pytest.raises(IndexMissingError):
            store.verify(1)
        reader = sealed(store, 1, [point(2)], expected=1)
        assert ids(reader) == [2]
        reader.close()

    def test_abandoning_what_is_sealed_does_nothing(self, store: IndexStore) -> None:
        builder = store.build(1, dimension=4, base=None)
        builder.upsert([point(1)])
        builder.seal(expected_points=1)
        builder.abandon()
        store.verify(1)
        assert store.sealed() == [1]

    def test_a_version_is_its_base_and_the_change_and_the_base_stays_as_it_was(
        self, store: IndexStore
    ) -> None:
        first = sealed(store, 1, [point(1), point(2), point(3)], expected=3)
        builder = store.build(2, dimension=4, base=1)
        builder.delete([2, 999])
        builder.upsert([point(4), point(3, unit(0, 0, 1, 0), rule=1)])
        builder.seal(expected_points=3)
        second = store.open(2)
        assert ids(second) == [1, 3, 4]
        assert ids(second, Visibility(frozenset({1}))) == [3]
        assert ids(first) == ids(store.open(1)) == [1, 2, 3]
        assert store.sealed() == [1, 2]
        first.close()
        second.close()

    def test_a_base_that_is_not_there_is_an_error(self, store: IndexStore) -> None:
        with pytest.raises(IndexMissingError):
            store.build(2, dimension=4, base=1)

    def test_a_version_number_is_sealed_once(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1)], expected=1).close()
        with pytest.raises(IndexStoreError, match="sealed already"):
            store.build(1, dimension=4, base=None)
        assert ids(store.open(1)) == [1]

    def test_a_wrong_count_is_not_sealed(self, store: IndexStore) -> None:
        builder = store.build(1, dimension=4, base=None)
        builder.upsert([point(1), point(2)])
        with pytest.raises(IndexStoreError, match="2 points"):
            builder.seal(expected_points=3)
        builder.abandon()
        assert store.sealed() == []

    def test_an_empty_version_can_be_sealed_and_finds_nothing(self, store: IndexStore) -> None:
        reader = sealed(store, 1, [], expected=0)
        assert reader.points == 0
        assert reader.query(IndexQuery(ALL, limit=5, dense=unit(1, 0, 0, 0), sparse=terms(1))) == []
        reader.close()

    def test_a_dropped_version_is_gone_and_the_others_are_not(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1)], expected=1).close()
        sealed(store, 2, [point(2)], expected=2, base=1).close()
        store.drop(1)
        store.drop(1)
        store.drop(77)
        assert store.sealed() == [2]
        with pytest.raises(IndexMissingError):
            store.open(1)
        assert ids(store.open(2)) == [1, 2]

    def test_a_dropped_number_can_be_built_anew(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1)], expected=1).close()
        store.drop(1)
        assert ids(sealed(store, 1, [point(5)], expected=1)) == [5]

    def test_a_number_that_is_sealed_is_not_built_from_a_base_either(self, store: IndexStore) -> None:
        three_versions(store)
        with pytest.raises(IndexStoreError, match="sealed already"):
            store.build(3, dimension=4, base=2)
        assert store.sealed() == [1, 2, 3]

    def test_writing_a_point_twice_counts_once_and_the_last_one_holds(self, store: IndexStore) -> None:
        builder = store.build(1, dimension=4, base=None)
        builder.upsert([point(1), point(1), point(2)])
        builder.upsert([point(1, rule=2)])
        builder.seal(expected_points=2)
        assert ids(store.open(1), Visibility(frozenset({2}))) == [1]

    def test_what_is_written_and_deleted_in_one_build_is_not_in_it(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1), point(2)], expected=2).close()
        builder = store.build(2, dimension=4, base=1)
        builder.upsert([point(1, rule=1), point(3)])
        builder.delete([1, 3])
        builder.delete([1, 1, 99])
        builder.upsert([point(4)])
        builder.seal(expected_points=2)
        assert ids(store.open(2)) == [2, 4]
        assert ids(store.open(1)) == [1, 2]

    def test_a_builder_erases_documents_from_its_version_alone(self, store: IndexStore) -> None:
        sealed(
            store, 1, [point(1, document=7), point(2, document=8), point(3, document=7)], expected=3
        ).close()
        builder = store.build(2, dimension=4, base=1)
        builder.upsert([point(4, document=7), point(5, document=9)])
        builder.erase({7, 99})
        builder.erase([])
        builder.seal(expected_points=2)
        assert ids(store.open(2)) == [2, 5]
        assert ids(store.open(1)) == [1, 2, 3]
        store.verify(1)
        store.verify(2)

    def test_erasing_removes_a_document_from_every_version_and_nothing_else(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1, document=7), point(2, document=8)], expected=2).close()
        builder = store.build(2, dimension=4, base=1)
        builder.delete([1])
        builder.upsert([point(3, document=7), point(4, document=9)])
        builder.seal(expected_points=3)
        sealed(store, 3, [point(5, document=7), point(6, document=6)], expected=2).close()
        before = store.open(2)
        for _ in range(2):
            store.erase({7})
            assert {version: ids(store.open(version)) for version in store.sealed()} == {
                1: [2],
                2: [2, 4],
                3: [6],
            }
            assert [store.open(version).points for version in (1, 2, 3)] == [1, 2, 1]
            for version in (1, 2, 3):
                store.verify(version)
        assert {2, 4} <= set(ids(before))
        before.close()
        following = sealed(store, 4, [point(7, document=7)], expected=2, base=3)
        assert ids(following) == [6, 7]
        following.close()

    def test_erasing_what_is_not_there_changes_nothing(self, store: IndexStore) -> None:
        store.erase({1})
        expected = three_versions(store)
        store.erase({4711})
        store.erase([])
        assert {version: ids(store.open(version)) for version in store.sealed()} == expected

    def test_a_version_may_lose_all_of_its_points_to_an_erasure(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1, document=7)], expected=1).close()
        store.erase([7])
        store.verify(1)
        assert ids(store.open(1)) == []
        assert ids(sealed(store, 2, [point(2)], expected=1, base=1)) == [2]

    def test_tidying_removes_what_a_dead_build_left_and_says_so(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1), point(2)], expected=2).close()
        assert store.tidy() == []
        dead = store.build(2, dimension=4, base=1)
        dead.delete([1])
        dead.upsert([point(3), point(2, rule=1)])
        assert len(store.tidy()) == 1
        assert store.tidy() == []
        assert store.sealed() == [1]
        assert ids(store.open(1)) == [1, 2]
        assert ids(sealed(store, 2, [point(4)], expected=3, base=1)) == [1, 2, 4]

    def test_the_next_build_owes_nothing_to_one_that_died_or_was_abandoned(self, store: IndexStore) -> None:
        sealed(store, 1, [point(1), point(2)], expected=2).close()
        for end in ("died", "abandoned"):
            builder = store.build(2, dimension=4, base=1)
            builder.delete([1])
            builder.upsert([point(3), point(2, rule=1)])
            if end == "abandoned":
                builder.abandon()
                builder.abandon()
        second = sealed(store, 2, [point(4)], expected=3, base=1)
        assert ids(second) == [1, 2, 4]
        assert ids(second, Visibility(frozenset({1}))) == []
        assert ids(store.open(1)) == [1, 2]
        assert store.tidy() == []

    @pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
    def test_dropping_in_any_order_leaves_the_other_versions_as_they_were(
        self, store: IndexStore, order: tuple[int, ...]
    ) -> None:
        left = three_versions(store)
        said = {version: answers(store, version) for version in left}
        for version in order:
            store.drop(version)
            del left[version]
            assert store.sealed() == sorted(left)
            for other, expected in left.items():
                store.verify(other)
                assert ids(store.open(other)) == expected
                assert answers(store, other) == said[other]
        assert store.tidy() == []

    def test_after_the_latest_is_dropped_the_one_before_has_a_new_successor(self, store: IndexStore) -> None:
        three_versions(store)
        store.drop(3)
        builder = store.build(3, dimension=4, base=2)
        builder.delete([4])
        builder.upsert([point(6)])
        builder.seal(expected_points=3)
        assert ids(store.open(3)) == [2, 3, 6]
        assert ids(store.open(2)) == [2, 3, 4]
        assert ids(store.open(1)) == [1, 2, 3]

    def test_a_version_after_a_gap_is_its_base_and_the_change(self, store: IndexStore) -> None:
        three_versions(store)
        store.drop(1)
        store.drop(3)
        builder = store.build(7, dimension=4, base=2)
        builder.delete([3])
        builder.upsert([point(8)])
        builder.seal(expected_points=3)
        assert ids(store.open(7)) == [2, 4, 8]
        assert ids(store.open(2)) == [2, 3, 4]

    def test_a_version_may_follow_one_that_others_follow(self, store: IndexStore) -> None:
        expected = three_versions(store)
        builder = store.build(4, dimension=4, base=2)
        builder.delete([4])
        builder.upsert([point(2, rule=1), point(9)])
        builder.seal(expected_points=3)
        fourth = store.open(4)
        assert ids(fourth) == [2, 3, 9]
        assert ids(fourth, Visibility(frozenset({1}))) == [2]
        assert ids(fourth, Visibility(frozenset({2}))) == [3]
        fourth.close()
        for version, held in expected.items():
            assert ids(store.open(version)) == held
        store.drop(2)
        assert ids(sealed(store, 5, [point(10)], expected=4, base=4)) == [2, 3, 9, 10]

    def test_a_number_is_built_anew_from_nothing_beside_those_that_followed_it(
        self, store: IndexStore
    ) -> None:
        three_versions(store)
        store.drop(1)
        assert ids(sealed(store, 1, [point(9)], expected=1)) == [9]
        assert ids(store.open(2)) == [2, 3, 4]
        assert ids(store.open(3)) == [1, 3, 4, 5]

    @pytest.mark.parametrize("versions", [[1, 2, 3], [2], [1, 3], []])
    def test_a_copy_that_is_loaded_answers_as_the_original(
        self, store: IndexStore, tmp_path: Path, versions: list[int]
    ) -> None:
        three_versions(store)
        said = {version: answers(store, version) for version in versions}
        store.copy_to(tmp_path / "copy" / "index", versions)
        for version in (1, 2, 3):
            store.drop(version)
        store.load_from(tmp_path / "copy" / "index")
        assert store.sealed() == versions
        for version in versions:
            store.verify(version)
            assert answers(store, version) == said[version]
        if versions:
            before = ids(store.open(versions[-1]))
            following = sealed(store, 4, [point(9)], expected=len(before) + 1, base=versions[-1])
            assert ids(following) == [*before, 9]
            following.close()

    def test_nothing_is_loaded_over_a_version(self, store: IndexStore, tmp_path: Path) -> None:
        expected = three_versions(store)
        store.copy_to(tmp_path / "copy", [1, 2])
        with pytest.raises(IndexStoreError, match="versions already"):
            store.load_from(tmp_path / "copy")
        assert {version: ids(store.open(version)) for version in store.sealed()} == expected

    def test_what_is_not_sealed_cannot_be_copied(self, store: IndexStore, tmp_path: Path) -> None:
        sealed(store, 1, [point(1)], expected=1).close()
        with pytest.raises(IndexMissingError):
            store.copy_to(tmp_path / "copy", [1, 2])

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(visibility=visibilities(), term=st.sampled_from([1, 10, 11, 12]))
    def test_both_legs_and_their_fusion_see_exactly_what_is_visible(
        self, mixed: IndexReader, visibility: Visibility, term: int
    ) -> None:
        seen = [each for each in MIXED if is_visible(each, visibility)]
        assert ids(mixed, visibility) == [each.id for each in seen]
        having = [each.id for each in seen if term in each.sparse.indices]
        assert lexical_ids(mixed, visibility, term) == having
        fused = IndexQuery(visibility, limit=100, dense=unit(1, 0, 0, 0), sparse=terms(term))
        assert sorted(hit.id for hit in mixed.query(fused)) == [each.id for each in seen]

    @pytest.mark.parametrize(
        "match",
        [
            {},
            {"source": "wiki"},
            {"format": "pdf"},
            {"document": "d/3"},
            {"source": "mail", "format": "md"},
            {"source": "wiki", "document": "d/5"},
            {"source": "wik"},
            {"source": "nowhere"},
        ],
    )
    @pytest.mark.parametrize(
        "visibility", [ALL, Visibility(frozenset({1, 2}), frozenset({1, 3}), frozenset({3}))]
    )
    def test_match_narrows_what_is_visible(
        self, mixed: IndexReader, match: dict[str, str], visibility: Visibility
    ) -> None:
        wanted = [
            each.id
            for each in MIXED
            if is_visible(each, visibility) and all(each.keys[key] == match[key] for key in match)
        ]
        assert ids(mixed, visibility, match) == wanted
        fused = IndexQuery(visibility, limit=100, dense=unit(1, 0, 0, 0), sparse=terms(1), match=match)
        assert sorted(hit.id for hit in mixed.query(fused)) == wanted

    @pytest.mark.parametrize(
        "visibility",
        [Visibility(frozenset()), Visibility(frozenset(), moved=frozenset({1}))],
        ids=["no rule", "no rule and no grant"],
    )
    def test_a_reader_who_may_see_nothing_gets_nothing(
        self, mixed: IndexReader, visibility: Visibility
    ) -> None:
        assert visibility.nothing
        assert mixed.query(IndexQuery(visibility, limit=9, dense=unit(1, 0, 0, 0), sparse=terms(1))) == []

    def test_a_query_without_any_vector_gives_nothing(self, mixed: IndexReader) -> None:
        assert mixed.query(IndexQuery(ALL, limit=9)) == []
        assert mixed.query(IndexQuery(ALL, limit=9, sparse=terms())) == []

    def test_an_empty_sparse_query_leaves_the_dense_ranking_as_it_is(self, mixed: IndexReader) -> None:
        dense = IndexQuery(ALL, limit=9, dense=unit(1, 2, 3, 0))
        both = IndexQuery(ALL, limit=9, dense=unit(1, 2, 3, 0), sparse=terms())
        assert mixed.query(both) == mixed.query(dense)

    def test_a_term_that_no_document_has_finds_nothing(self, mixed: IndexReader) -> None:
        assert mixed.query(IndexQuery(ALL, limit=9, sparse=terms(4711))) == []

    @pytest.mark.parametrize("limit", [1, 7, 40, 41])
    def test_the_limit_cuts_the_ranking_from_below(self, mixed: IndexReader, limit: int) -> None:
        def ranking(asked: int) -> list[float]:
            query = IndexQuery(ALL, limit=asked, dense=unit(1, 2, 3, 0), sparse=terms(1, 11), candidates=40)
            return [hit.score for hit in mixed.query(query)]

        assert ranking(limit) == ranking(100)[:limit]
        assert len(ranking(limit)) == min(limit, 40)
        assert ranking(100) == sorted(ranking(100), reverse=True)

    def test_dense_scores_are_dot_products_best_first(self, store: IndexStore) -> None:
        near, far = point(1, unit(3, 4, 0, 0)), point(2, unit(0, 1, 0, 0))
        reader = sealed(store, 1, [far, near], expected=2)
        hits = reader.query(IndexQuery(ALL, limit=5, dense=unit(1, 0, 0, 0)))
        assert [hit.id for hit in hits] == [1, 2]
        assert [hit.score for hit in hits] == pytest.approx([0.6, 0.0], abs=1e-6)
        reader.close()

    def test_sparse_scores_are_weights_times_inverse_document_frequency(self, store: IndexStore) -> None:
        # Three of four points have term 1, one has term 2.
        # IDF(1) = ln(1 + 1.5 / 3.5) = 0.356675, IDF(2) = ln(1 + 3.5 / 1.5) = 1.203973.
        points = [
            point(1, terms={1: 1.0}),
            point(2, terms={1: 2.0, 2: 0.5}),
            point(3, terms={1: 0.5}),
            point(4, terms={3: 1.0}),
        ]
        reader = sealed(store, 1, points, expected=4)
        hits = reader.query(IndexQuery(ALL, limit=9, sparse=terms(1, 2)))
        assert [hit.id for hit in hits] == [2, 1, 3]
        assert [hit.score for hit in hits] == pytest.approx([1.315336, 0.356675, 0.178337], abs=1e-5)
        reader.close()

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(visibility=visibilities(), match=st.sampled_from([{}, {"source": "wiki"}]))
    def test_terms_that_are_weighted_by_what_is_visible_score_as_if_the_store_had_done_it(
        self, mixed: IndexReader, visibility: Visibility, match: dict[str, str]
    ) -> None:
        seen = [each for each in MIXED if is_visible(each, visibility)]
        counts = TermCounts.of(
            RevisionTerms(
                0,
                1,
                *(
                    np.array(row, dtype=np.uint32)
                    for row in (each.sparse.indices, [1] * len(each.sparse.indices))
                ),
            )
            for each in seen
        )
        asked = terms(1, 10, 11, 4711)
        weighted = VisibleCounts([counts], frozenset({0})).weighted(asked)
        by_store = mixed.query(IndexQuery(visibility, limit=100, sparse=asked, match=match))
        by_us = mixed.query(IndexQuery(visibility, limit=100, sparse=weighted, match=match, weighted=True))
        assert {hit.id: hit.score for hit in by_us} == pytest.approx(
            {hit.id: hit.score for hit in by_store}, abs=1e-5
        )

    def test_forbidden_points_cannot_move_a_score(self, store: IndexStore) -> None:
        # No two of mine are equal in a leg: equal ones have no order, so their ranks would tell nothing.
        mine = [point(id, terms={1: 1 + id / 10, 1 + id: 1 + id / 7}, rule=1) for id in range(1, 6)]
        few = [point(100, terms={1: 9.0}, rule=2)]
        many = [point(id, terms={1: 2.0, 2: 3.0, 3: 1.0}, rule=2) for id in range(100, 160)]
        moved = [point(id, terms={1: 1.0, 4: 9.0}, rule=1, document=77) for id in range(200, 220)]
        with_few = sealed(store, 1, [*few, *mine], expected=6)
        with_many = sealed(store, 2, [*many, *moved, *mine], expected=85)
        visibility = Visibility(frozenset({1}), moved=frozenset({77}))
        for dense in (None, unit(1, 2, 0, 0)):
            query = IndexQuery(visibility, limit=20, dense=dense, sparse=terms(1, 2, 4))
            assert with_few.query(query) == with_many.query(query)
            assert {hit.id for hit in with_few.query(query)} == {1, 2, 3, 4, 5}
        with_few.close()
        with_many.close()

    def test_the_last_bits_of_a_score_and_the_order_of_equals_tell_nothing_of_hidden_points(
        self, store: IndexStore
    ) -> None:
        # Every fourth of mine is the same; the sums of the others differ by what 32 bits hardly hold.
        mine = [
            point(id, unit(1, 2, 0, 0), {t: 0.1 * t + (id % 4) * 1e-7 for t in range(1, 7)}, rule=1)
            for id in range(1000, 1200)
        ]
        hidden = [
            point(id, unit(1, 2, 0, 0), {t: 0.1 * t for t in (6, 3, 1, 9)}, rule=2)
            for id in (*range(1, 40), *range(2000, 2040))
        ]
        alone = sealed(store, 1, mine, expected=200)
        beside = sealed(store, 2, [*hidden[:39], *mine[::-1], *hidden[39:]], expected=279)
        words = SparseVector(tuple(range(1, 7)), (0.3, 1.7, 0.9, 2.3, 1.1, 0.7))
        visibility = Visibility(frozenset({1}))
        for limit in (1, 7, 120):
            lexical = IndexQuery(visibility, limit, None, words, weighted=True)
            fused = IndexQuery(visibility, limit, unit(1, 0, 0, 0), words, weighted=True, candidates=11)
            dense = IndexQuery(visibility, limit, unit(1, 0, 0, 0))
            for query in (lexical, fused, dense):
                assert alone.query(query) == beside.query(query)
            assert [hit.id for hit in alone.query(dense)] == list(range(1000, 1000 + limit))
        alone.close()
        beside.close()

    def test_narrowing_by_match_leaves_the_scores_as_they_are(self, mixed: IndexReader) -> None:
        whole = {hit.id: hit.score for hit in mixed.query(IndexQuery(ALL, limit=40, sparse=terms(1, 11)))}
        narrow = mixed.query(IndexQuery(ALL, limit=40, sparse=terms(1, 11), match={"source": "wiki"}))
        assert narrow
        assert {hit.id: hit.score for hit in narrow} == pytest.approx({h.id: whole[h.id] for h in narrow})

    def test_fusion_is_the_sum_of_reciprocal_ranks_from_0(self, store: IndexStore) -> None:
        # dense: 1, 2, 3, 4.  sparse: 3, 2 (4 and 1 lack the term).
        points = [
            point(1, unit(9, 1, 0, 0), {1: 1.0}),
            point(2, unit(9, 4, 0, 0), {2: 1.0}),
            point(3, unit(9, 8, 0, 0), {2: 2.0}),
            point(4, unit(1, 9, 0, 0), {1: 1.0}),
        ]
        reader = sealed(store, 1, points, expected=4)

        def fused(candidates: int, k: int) -> dict[int, float]:
            query = IndexQuery(
                ALL, limit=4, dense=unit(1, 0, 0, 0), sparse=terms(2), candidates=candidates, rrf_k=k
            )
            return {hit.id: hit.score for hit in reader.query(query)}

        assert fused(100, 10) == pytest.approx({3: 1 / 12 + 1 / 10, 2: 1 / 11 + 1 / 11, 1: 1 / 10, 4: 1 / 13})
        assert list(fused(100, 10)) == [3, 2, 1, 4]
        assert fused(100, 1) == pytest.approx({3: 1 / 3 + 1, 2: 1 / 2 + 1 / 2, 1: 1.0, 4: 1 / 4})
        reader.close()

    def test_equal_fused_scores_come_in_the_order_of_ids_every_time(self, store: IndexStore) -> None:
        # dense: 1, 2, 3.  sparse: 2, 1, 3.  So 1 and 2 both have 1 / 10 + 1 / 11.
        points = [
            point(1, unit(9, 1, 0, 0), {2: 1.0}),
            point(2, unit(9, 4, 0, 0), {2: 2.0}),
            point(3, unit(9, 8, 0, 0), {2: 0.5}),
        ]
        reader = sealed(store, 1, points, expected=3)
        for limit in (1, 2, 3):
            query = IndexQuery(ALL, limit=limit, dense=unit(1, 0, 0, 0), sparse=terms(2))
            found = {tuple(hit.id for hit in reader.query(query)) for _ in range(30)}
            assert found == {(1, 2, 3)[:limit]}
        reader.close()

    def test_many_threads_query_one_reader(self, mixed: IndexReader) -> None:
        queries = [
            IndexQuery(
                Visibility(frozenset({rule, (rule + 1) % RULES})),
                limit=10,
                dense=unit(1, rule, 1, 0),
                sparse=terms(1, 10),
            )
            for rule in range(RULES)
        ]
        expected = [mixed.query(query) for query in queries]
        with ThreadPoolExecutor(8) as pool:
            rounds = list(pool.map(lambda _: [mixed.query(query) for query in queries], range(40)))
        assert all(found == expected for found in rounds)

    def test_a_reader_keeps_its_version_while_the_next_is_built(self, store: IndexStore) -> None:
        reader = sealed(store, 1, [point(1)], expected=1)
        builder = store.build(2, dimension=4, base=1)
        builder.delete([1])
        builder.upsert([point(2)])
        assert ids(reader) == [1]
        builder.seal(expected_points=1)
        assert ids(reader) == [1]
        reader.close()

    def test_a_reader_says_which_rules_the_points_of_documents_carry(self, store: IndexStore) -> None:
        points = [
            point(1, rule=2, document=7),
            point(2, rule=2, document=7),
            point(3, rule=0, document=8),
            point(4, rule=1, document=8),
            point(5, rule=3, document=9),
        ]
        first = sealed(store, 1, points, expected=5)
        assert first.rules_of([7, 8, 4711]) == {7: frozenset({2}), 8: frozenset({0, 1})}
        assert first.rules_of(set()) == {}
        builder = store.build(2, dimension=4, base=1)
        builder.delete([1, 3, 5])
        builder.upsert([point(2, rule=3, document=7)])
        builder.seal(expected_points=2)
        second = store.open(2)
        assert second.rules_of({7, 8, 9}) == {7: frozenset({3}), 8: frozenset({1})}
        assert first.rules_of([7]) == {7: frozenset({2})}
        first.close()
        second.close()

    def test_a_reader_gives_the_vectors_of_documents_as_they_were_written(self, store: IndexStore) -> None:
        points = [point(1, document=7), point(2, document=7), point(3, document=8)]
        reader = sealed(store, 1, points, expected=3)
        found = reader.vectors_of([7, 4711])
        assert found.keys() == {1, 2}
        for each in points[:2]:
            assert np.allclose(found[each.id], each.dense, atol=1e-6)
        assert reader.vectors_of(set()) == {}
        reader.close()

    def test_it_says_so_for_more_documents_than_fit_into_one_filter(self, store: IndexStore) -> None:
        points = [point(id, rule=id % RULES) for id in range(1, 1302)]
        reader = sealed(store, 1, points, expected=1301)
        assert reader.rules_of(range(5000)) == {id: frozenset({id % RULES}) for id in range(1, 1302)}
        reader.close()
