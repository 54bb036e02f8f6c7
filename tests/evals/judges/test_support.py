"""The support judge: what it must say of plain cases, and what holds for all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.judges.port import Case, Judge, Judgement
from evals.judges.support import QUOTED, SupportJudge, Weights, packaged_calibration, packaged_weights
from evals.judges.support_features import FEATURES
from rag.embedding import SentenceTransformerEmbedder
from tests.support.embedder import WordEmbedder

LEAVE = (
    "Parental leave is 26 weeks for each child. The first 16 weeks are paid at full base salary, the other 10 at"
    " 70%. Tell your manager at least ten weeks before the first block begins."
)
OFFICE = (
    "The office in Rotterdam is open from 8:00 to 18:30. Ada Lovelace keeps the keys. Dogs are not allowed."
)
TRAVEL = (
    "Book trains before planes. A hotel may cost up to 1,150 euros a week. Receipts go to finance in June."
)
PASSAGES = (LEAVE, OFFICE, TRAVEL)

GROUNDED = {
    "quoted": "Parental leave is 26 weeks for each child.",
    "quoted with other white space and a citation": "Dogs are\n not  allowed. [2]",
    "two quotes": "Dogs are not allowed. Book trains before planes.",
    "reworded": "Each child gives 26 weeks of parental leave.",
    "number written otherwise": "Hotels may cost up to 1150 euros each week.",
    "with a lead": "According to the passages, the Rotterdam office is open from 8:00 to 18:30.",
}
UNGROUNDED = {
    "invented number": "Parental leave is 31 weeks for each child.",
    "number of something else": "The office in Rotterdam is open for 16 weeks.",
    "invented name": "Charles Babbage keeps the keys.",
    "about something else": "The cafeteria serves fresh soup on Fridays.",
    "one good sentence and one invented": "Dogs are not allowed. The fine for a cat is 80 euros.",
}


@pytest.fixture(scope="module")
def judge() -> SupportJudge:
    return SupportJudge(SentenceTransformerEmbedder())


def plain() -> SupportJudge:
    """With an embedder without meaning, for what does not rest on it."""
    return SupportJudge(WordEmbedder())


@pytest.fixture(scope="module")
def scores(judge: SupportJudge) -> dict[str, float]:
    answers = GROUNDED | UNGROUNDED
    return dict(zip(answers, judge.support([(text, PASSAGES) for text in answers.values()]), strict=True))


@pytest.mark.parametrize("kind", GROUNDED)
def test_a_grounded_answer_scores_high(scores: dict[str, float], kind: str) -> None:
    assert scores[kind] > 0.7


@pytest.mark.parametrize("kind", UNGROUNDED)
def test_an_ungrounded_answer_scores_low(scores: dict[str, float], kind: str) -> None:
    assert scores[kind] < 0.62


def test_every_grounded_answer_scores_above_every_ungrounded_one(scores: dict[str, float]) -> None:
    assert min(scores[kind] for kind in GROUNDED) > max(scores[kind] for kind in UNGROUNDED)


def test_a_quoted_sentence_scores_highest_and_an_invented_number_in_it_far_lower(
    scores: dict[str, float],
) -> None:
    assert scores["quoted"] == scores["quoted with other white space and a citation"] == QUOTED
    assert scores["two quotes"] == QUOTED
    assert scores["invented number"] < 0.4


def test_a_negation_lost_or_added_costs_a_sentence_part_of_its_score(judge: SupportJudge) -> None:
    kept, lost, added = judge.support(
        [
            (text, PASSAGES)
            for text in (
                "Dogs aren't allowed there.",
                "Dogs are allowed there.",
                "Book no trains before planes.",
            )
        ]
    )
    assert lost < kept - 0.1
    assert added < 0.75 < kept


def test_the_judge_is_one_of_the_port(judge: SupportJudge) -> None:
    port: Judge = judge
    assert (port.name, port.metrics) == ("support", ("Faithfulness", "AnswerCorrectness"))


def test_correctness_is_given_only_with_a_reference_and_takes_the_answer_for_the_passage() -> None:
    answer = "It is 26 weeks for each child, said Ada."
    found = plain().judge(
        [
            Case("q", answer, PASSAGES),
            Case("q", answer, PASSAGES, reference="26 weeks for each child"),
            Case("q", answer, PASSAGES, reference=" "),
            Case("q", answer, PASSAGES, reference="31 weeks for each child"),
        ]
    )
    scores = [dict(one.scores) for one in found if isinstance(one, Judgement)]
    assert [sorted(one) for one in scores] == [
        ["Faithfulness"],
        ["AnswerCorrectness", "Faithfulness"],
        ["Faithfulness"],
        ["AnswerCorrectness", "Faithfulness"],
    ]
    assert len({one["Faithfulness"] for one in scores}) == 1
    assert scores[1]["AnswerCorrectness"] == QUOTED
    assert scores[3]["AnswerCorrectness"] < 0.5


@pytest.mark.parametrize(
    ("answer", "passages"),
    [("", (LEAVE,)), ("...", (LEAVE,)), ("It is 26 weeks.", ()), ("It is 26 weeks.", ("", " \n")), ("", ())],
)
def test_nothing_said_or_nothing_to_hold_it_against_is_no_support(
    answer: str, passages: tuple[str, ...]
) -> None:
    embedder = WordEmbedder()
    assert SupportJudge(embedder).support([(answer, passages)]) == [0.0]
    assert embedder.calls == []


def test_an_answer_that_only_agrees_is_judged_by_its_words() -> None:
    assert plain().support([("Yes.", (LEAVE,))])[0] < 0.3


def test_what_says_nothing_does_not_count_beside_what_does() -> None:
    judge = plain()
    with_lead, without = judge.support(
        [
            ("Sure! Here you are: dogs are not allowed.", PASSAGES),
            ("Here you are: dogs are not allowed.", PASSAGES),
        ]
    )
    assert with_lead == without


def test_a_word_that_a_passage_holds_is_no_quotation() -> None:
    assert plain().support([("Rotterdam.", PASSAGES)])[0] < QUOTED
    assert plain().support([("he office in Rotterdam is ope", PASSAGES)])[0] < QUOTED


def test_no_case_is_no_judgement() -> None:
    assert plain().judge([]) == []
    assert plain().support([]) == []


def test_everything_is_embedded_in_one_call_and_nothing_twice() -> None:
    embedder = WordEmbedder()
    case = Case(
        "q",
        "Dogs are never allowed inside. Leave is long for a child.",
        PASSAGES,
        "Dogs stay outside, not in.",
    )
    SupportJudge(embedder).judge([case, case, Case("q", "Dogs are never allowed inside.", (OFFICE,))])
    assert len(embedder.calls) == 1
    assert len(embedder.embedded) == len(set(embedder.embedded)) > 0


def test_a_score_does_not_depend_on_what_it_is_asked_with(judge: SupportJudge) -> None:
    statements = [(text, PASSAGES) for text in (GROUNDED | UNGROUNDED).values()]
    assert [judge.support([one])[0] for one in statements] == judge.support(statements)


def test_the_fingerprint_is_of_weights_and_embedder() -> None:
    flat = Weights(0.0, (1.0,) * len(FEATURES))
    found = {
        SupportJudge(WordEmbedder()).fingerprint,
        SupportJudge(WordEmbedder(fingerprint="other")).fingerprint,
        SupportJudge(WordEmbedder(), flat).fingerprint,
    }
    assert len(found) == 3
    assert SupportJudge(WordEmbedder()).fingerprint in found
    assert all(len(one) == 64 for one in found)


def test_features_lie_between_nothing_and_all() -> None:
    rows = plain().measure(
        [("Dogs are not allowed.", PASSAGES), ("Zebras graze elsewhere.", PASSAGES), ("", ())]
    )
    assert rows.shape == (3, len(FEATURES))
    assert dict(zip(FEATURES, rows[0], strict=True)) == dict.fromkeys(FEATURES, 1.0)
    named = dict(zip(FEATURES, rows[1], strict=True))
    assert named == dict.fromkeys(FEATURES, 0.0) | {"numbers_min": 1.0, "names_min": 1.0}
    assert not rows[2].any()


def test_the_packaged_weights_are_not_negative_and_a_calibration_comes_with_them() -> None:
    assert min(packaged_weights().of) >= 0
    calibration = packaged_calibration()
    assert "RefChecker" in calibration.data
    assert len(calibration.pairs) > 900
    assert all(0 <= score <= QUOTED for score, _ in calibration.pairs)
    assert {label for _, label in calibration.pairs} == {True, False}


WORDS = "Ada Bob office open closed not never 26 31 1,000 week leave the is of. big. dog"
TEXTS = st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)


@given(answer=TEXTS, passages=st.lists(TEXTS, max_size=4), further=TEXTS)
@settings(deadline=None)
def test_a_further_passage_never_lowers_the_score(answer: str, passages: list[str], further: str) -> None:
    without, with_it = plain().support([(answer, passages), (answer, [*passages, further])])
    assert 0 <= without <= with_it <= QUOTED


@given(
    answer=TEXTS,
    passages=st.lists(TEXTS, max_size=4).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    ),
)
@settings(deadline=None)
def test_the_order_of_the_passages_does_not_matter(
    answer: str, passages: tuple[list[str], list[str]]
) -> None:
    one, other = plain().support([(answer, passages[0]), (answer, passages[1])])
    assert one == other


@given(answer=st.text(max_size=60), passage=st.text(max_size=60))
@settings(deadline=None)
def test_any_text_has_a_score(answer: str, passage: str) -> None:
    (found,) = plain().judge([Case("q", answer, (passage,), reference=passage)])
    assert isinstance(found, Judgement)
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert json.dumps(dict(found.scores))
