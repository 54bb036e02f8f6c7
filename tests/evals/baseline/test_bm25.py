from hypothesis import given, settings
from hypothesis import strategies as st

from evals.baseline import Bm25Baseline, Passage
from evals.baseline.bm25 import MODELS_KEPT

PASSAGES = [
    Passage("h/leave", "parental leave lasts sixteen weeks", 1),
    Passage("h/leave", "ask your manager", 1),
    Passage("h/pay", "salaries are paid monthly", 1),
    Passage("h/merger", "leave the merger secret", 2),
    Passage("h/food", "lunch costs nothing", 1),
]
ALL = frozenset({1, 2})


def test_a_document_is_found_by_its_best_passage() -> None:
    baseline = Bm25Baseline(PASSAGES)
    assert baseline.rank("How long is parental leave?", ALL) == ["h/leave", "h/merger"]
    assert baseline.rank("Which manager?", ALL) == ["h/leave"]


def test_a_reader_gets_only_documents_of_visible_rules() -> None:
    baseline = Bm25Baseline(PASSAGES)
    assert baseline.rank("leave", frozenset({1})) == ["h/leave"]
    assert baseline.rank("leave", frozenset({2})) == ["h/merger"]


def test_who_may_see_nothing_is_ranked_nothing() -> None:
    baseline = Bm25Baseline(PASSAGES)
    assert baseline.rank("leave", frozenset()) == []
    assert baseline.rank("leave", frozenset({99})) == []


def test_an_empty_corpus_and_one_without_a_word_rank_nothing() -> None:
    assert Bm25Baseline([]).rank("leave", ALL) == []
    assert Bm25Baseline([Passage("h/a", "?!", 1), Passage("h/b", "the", 1)]).rank("leave", ALL) == []


def test_a_question_of_stop_words_or_unknown_words_ranks_nothing() -> None:
    assert Bm25Baseline(PASSAGES).rank("What is it?", ALL) == []
    assert Bm25Baseline(PASSAGES).rank("zebra", ALL) == []


def test_no_more_than_the_limit_come_back() -> None:
    passages = [Passage(f"h/{number}", f"leave {number}", 1) for number in range(20)]
    baseline = Bm25Baseline(
        [*passages, *(Passage(f"o/{number}", f"other {number}", 1) for number in range(30))]
    )
    assert len(baseline.rank("leave", ALL)) == 10
    assert len(baseline.rank("leave", ALL, limit=3)) == 3
    assert baseline.rank("leave", ALL, limit=0) == []


def test_equal_scores_are_ordered_by_document() -> None:
    texts = [Passage("h/b", "leave", 1), Passage("h/a", "leave", 1), Passage("h/c", "pay day", 1)]
    assert Bm25Baseline(texts).rank("leave", ALL) == ["h/a", "h/b"]


def test_more_readers_than_models_kept_get_the_same_answers_again() -> None:
    count = MODELS_KEPT + 2
    baseline = Bm25Baseline(Passage(f"h/{rule}", "leave", rule) for rule in range(count))
    for _ in range(2):
        assert [baseline.rank("leave", frozenset({rule})) for rule in range(count)] == [
            [f"h/{rule}"] for rule in range(count)
        ]


passages = st.builds(
    Passage,
    st.sampled_from(["s/a", "s/b", "s/c", "s/d"]),
    st.lists(st.sampled_from("pqrst"), max_size=5).map(" ".join),
    st.integers(1, 3),
)


@settings(deadline=None)
@given(st.lists(passages, max_size=12), st.frozensets(st.integers(1, 3)), st.text("pqrst ", max_size=5))
def test_passages_that_a_reader_may_not_see_weigh_nothing(
    all_passages: list[Passage], rules: frozenset[int], question: str
) -> None:
    visible = [passage for passage in all_passages if passage.rule in rules]
    alone = Bm25Baseline(visible).rank(question, frozenset({1, 2, 3}))
    assert Bm25Baseline(all_passages).rank(question, rules) == alone
    assert set(alone) <= {passage.document for passage in visible}
