import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics import RANKED, score_rankings


def values(grades: dict[str, int], ranking: list[str]) -> dict[str, float]:
    return {name: rows["q"] for name, rows in score_rankings({"q": grades}, {"q": ranking}).items()}


def test_two_graded_documents_at_places_2_and_3_by_hand() -> None:
    found = values({"a": 2, "b": 1, "c": 0}, ["x", "b", "a", "c"])
    # DCG = 1/log2(3) + 2/log2(4) = 1.63093; the best possible is 2/log2(2) + 1/log2(3) = 2.63093
    assert found["nDCG@10"] == pytest.approx(1.6309297535714573 / 2.6309297535714573)
    assert found["P@5"] == pytest.approx(2 / 5)
    assert found["Recall@10"] == 1
    assert found["MRR"] == 0.5
    assert found["Success@1"] == 0


def test_a_perfect_ranking_of_one_relevant_document_still_has_a_p_at_5_of_a_fifth() -> None:
    assert values({"a": 1}, ["a"]) == {
        "nDCG@10": 1.0,
        "P@5": pytest.approx(0.2),
        "Recall@10": 1.0,
        "MRR": 1.0,
        "Success@1": 1.0,
    }


def test_a_document_at_place_11_counts_for_mrr_alone() -> None:
    found = values({"a": 1}, [f"x{number}" for number in range(10)] + ["a"])
    assert found == {"nDCG@10": 0, "P@5": 0, "Recall@10": 0, "MRR": pytest.approx(1 / 11), "Success@1": 0}


def test_a_question_that_the_run_missed_is_0_and_not_missing() -> None:
    found = score_rankings({"a": {"d": 1}, "b": {"d": 1}, "c": {"d": 1}}, {"a": ["d"], "b": [], "z": ["d"]})
    assert found["nDCG@10"] == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert set(found) == {one.name for one in RANKED}


def test_without_questions_every_metric_has_no_rows() -> None:
    assert score_rankings({}, {"a": ["d"]}) == {one.name: {} for one in RANKED}


def test_an_empty_run_is_0_everywhere() -> None:
    assert all(rows == {"a": 0.0} for rows in score_rankings({"a": {"d": 1}}, {}).values())


def test_the_first_place_of_a_document_named_twice_counts() -> None:
    assert values({"a": 1}, ["a", "x", "a"])["MRR"] == 1
    assert values({"a": 1}, ["a", "a", "a"])["P@5"] == pytest.approx(0.2)


def test_the_names_of_documents_do_not_order_them() -> None:
    assert values({"b": 1}, ["b", "a"]) == values({"a": 1}, ["a", "b"])


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "", "a b", "ä" * 500])
def test_hostile_names_are_told_apart(name: str) -> None:
    assert values({name: 1}, ["a", name])["MRR"] == 0.5
    assert values({name: 1}, ["a"])["MRR"] == 0
    assert score_rankings({name: {"d": 1}}, {name: ["d"]})["MRR"] == {name: 1.0}


def naive(grades: dict[str, int], ranking: list[str]) -> dict[str, float]:
    gains = [grades.get(document, 0) for document in ranking]
    ideal = sorted(grades.values(), reverse=True)

    def dcg(values: list[int]) -> float:
        return sum(value / math.log2(place + 2) for place, value in enumerate(values[:10]))

    relevant = sum(grade > 0 for grade in grades.values())
    places = [place for place, gain in enumerate(gains, start=1) if gain > 0]
    return {
        "nDCG@10": dcg(gains) / dcg(ideal) if relevant else 0.0,
        "P@5": sum(gain > 0 for gain in gains[:5]) / 5,
        "Recall@10": sum(gain > 0 for gain in gains[:10]) / relevant if relevant else 0.0,
        "MRR": 1 / places[0] if places else 0.0,
        "Success@1": float(bool(gains) and gains[0] > 0),
    }


documents = st.sampled_from([f"s/{number}" for number in range(20)])


@settings(deadline=None)
@given(st.dictionaries(documents, st.integers(0, 5)), st.lists(documents, unique=True))
def test_every_metric_agrees_with_its_formula(grades: dict[str, int], ranking: list[str]) -> None:
    assert values(grades, ranking) == pytest.approx(naive(grades, ranking))
