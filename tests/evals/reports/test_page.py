from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.golden import Question
from evals.judges.calibration import from_scores
from evals.judges.port import Case, JudgeFailure, Judgement
from evals.measurement import Failure, Leak, Measurement
from evals.reports.page import evaluation_page
from evals.reports.page_judge import Groundedness, JudgeNote
from evals.statistics import Interval
from tests.evals.making import measured, question
from tests.evals.reports.pages import golden_of, with_answers

MADE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
VOID = {"meta", "line", "rect", "circle", "polyline"}
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='y'>\u202e\x00\ud800&lt;--><!--</style>"


class Seen(HTMLParser):
    """What a browser would build: elements with the names of their attributes, ids, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(
    now: Measurement,
    before: Measurement | None = None,
    *,
    texts: Callable[[str, int, int], str | None] = lambda document, start, end: f"{document} {start} {end}",
    incumbent_texts: Callable[[str, int, int], str | None] | None = None,
    questions: dict[str, Question] | None = None,
    judge: JudgeNote | None = None,
    groundedness: Groundedness | None = None,
) -> str:
    return evaluation_page(
        now,
        version=12,
        incumbent=before,
        incumbent_version=11 if before is not None else None,
        texts=texts,
        incumbent_texts=incumbent_texts,
        questions=golden_of(now) if questions is None else questions,
        judge=judge,
        groundedness=groundedness,
        resamples=200,
        made_at=MADE,
    )


class Judge:
    """Its scores are given beside it."""

    name = "support"
    fingerprint = "j" * 64
    metrics = ("Faithfulness",)

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        raise AssertionError(f"{len(cases)} answers are judged already")


LABELS = [True] * 20 + [False] * 20
SCORES = [0.9] * 19 + [0.3] + [0.1] * 18 + [0.85] * 2
CALIBRATION = from_scores(Judge(), "l", SCORES, LABELS, resamples=200)


def test_the_page_is_one_whole_file_that_asks_for_nothing_from_elsewhere() -> None:
    text = page(
        with_answers([1.0, 0.0, 0.5], passages={"q0": [("s/q0", 0, 9)]}),
        with_answers([1.0] * 3),
        judge=JudgeNote("support", CALIBRATION, None),
    )
    seen = Seen(text)
    assert seen.open == []
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>Evaluation of version 12</title>" in text
    assert ("charset", "utf-8") in seen.attributes
    policy = (
        dict(seen.attributes)["http-equiv"],
        [v for n, v in seen.attributes if v.startswith("default-src")],
    )
    assert policy[0] == "Content-Security-Policy"
    assert policy[1][0].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in seen.elements}
    assert not {"src", "href", "style", "srcset", "xlink:href"} & {name for name, _ in seen.attributes}
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text


def test_every_table_names_its_rows_and_columns_and_can_be_reached_by_keyboard() -> None:
    seen = Seen(page(with_answers([1.0, 0.0]), with_answers([1.0, 1.0])))
    heads = [attributes for tag, attributes in seen.elements if tag == "th"]
    assert heads
    assert all("scope" in attributes for attributes in heads)
    tables = [tag for tag, _ in seen.elements if tag == "table"]
    assert len(tables) == sum(tag == "caption" for tag, _ in seen.elements)
    assert len(tables) == sum("tabindex" in attributes for _, attributes in seen.elements)


def test_ids_are_used_once() -> None:
    seen = Seen(page(with_answers([0.0, 0.5, 1.0]), with_answers([1.0] * 3)))
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    referred = [value for name, value in seen.attributes if name == "aria-labelledby"]
    assert set(referred) <= set(ids)


def test_leaks_and_failures_come_before_everything_else() -> None:
    text = page(
        measured(
            [1.0, 1.0],
            leaks=[Leak("q0", "public", "s/secret", ("fused", "answer"))],
            failures=[Failure("q1", "judge", "ModelUnavailableError", "no answer within 30 s")],
        )
    )
    words = Seen(text).text
    assert text.index('id="leaks"') < text.index('id="failures"') < text.index('class="facts"')
    assert "1 leak Documents that came back" in words
    assert "1 failed question Searches, answers and judgements" in words
    assert "q0 public s/secret fused, answer" in words
    assert "q1 judge ModelUnavailableError no answer within 30 s" in words
    assert 'class="alarm"' in text


def test_without_leaks_and_failures_it_says_so() -> None:
    text = page(measured([1.0]))
    assert "No leak, no failure." in text
    assert 'class="alarm"' not in text


def test_long_lists_of_leaks_are_cut_and_the_rest_is_counted() -> None:
    leaks = [Leak("q0", "public", f"s/{number:03}", ("fused",)) for number in range(230)]
    words = Seen(page(measured([1.0], leaks=leaks))).text
    assert "s/199" in words.split("golden set")[0]
    assert "s/200" not in words.split("golden set")[0]
    assert "And 30 more." in words


def test_what_was_measured_is_said_with_its_fingerprints() -> None:
    words = Seen(page(with_answers([1.0] * 2), judge=JudgeNote("support", CALIBRATION, "it is too new"))).text
    assert "2 questions: 2 answerable, 0 unanswerable, 0 forbidden; g" in words
    assert "evaluator e1" in words
    assert "support, AUROC 0.9" in words
    assert "does not vote: it is too new" in words
    assert "2026-01-31 12:00 UTC" in words


def test_scores_have_their_interval_and_the_paired_difference() -> None:
    # over q0 to q4 the difference is -0.5 each, so that its interval has no width
    words = Seen(page(measured([0.5] * 5), measured([1.0] * 5))).text
    assert "nDCG@10 5 0.500 0.500 to 0.500 1.000 −0.500 −0.500 to −0.500 worse" in words


def test_a_metric_that_the_incumbent_lacks_has_no_difference() -> None:
    words = Seen(page(with_answers([1.0] * 5), measured([1.0] * 5))).text
    assert "Refusal 5 1.000 1.000 to 1.000 — —" in words


def test_nothing_is_compared_with_what_another_evaluator_measured() -> None:
    words = Seen(page(measured([0.5] * 5), measured([1.0] * 5, evaluator="e2"))).text
    assert "Another evaluator measured version 11" in words
    assert "worse" not in words


def test_slices_are_of_tags_with_at_least_five_questions() -> None:
    tags = {f"q{n}": ("big", "small") if n < 4 else ("big",) for n in range(5)}
    words = Seen(page(with_answers([1.0] * 4 + [0.0], tags=tags), with_answers([1.0] * 5, tags=tags))).text
    slices = words.split("Slices")[1].split("Groundedness")[0]
    assert "big 5 0.800" in slices
    assert "small" not in slices


def test_without_a_tag_of_five_there_are_no_slices() -> None:
    assert "Slices" not in page(measured([1.0] * 5))


def test_groundedness_is_the_corrected_share_beside_what_the_judge_gives() -> None:
    now = with_answers([1.0] * 4, faithfulness=[1.0, 0.5, 0.0, 1.0], refused=["q3"])
    found = Groundedness(Interval(0.9, 0.8, 0.95, 3), 40)
    words = Seen(page(now, judge=JudgeNote("support", CALIBRATION, None), groundedness=found)).text
    assert "0.900 0.800 to 0.950 of the answers are grounded" in words
    assert (
        "corrected for the judge's errors by 40 labels. 3 answers, 1 refusal. The judge gives the answers 0.500"
        in words
    )
    assert "Over 40 labelled answers, 20 of them grounded" in words


def test_without_labels_the_share_is_not_known_and_without_answers_nothing_is_said() -> None:
    assert "The share of grounded answers is not known" in page(with_answers([1.0]))
    assert "Groundedness" not in page(measured([1.0]))


def test_passages_stand_side_by_side_with_what_is_cited_expected_and_the_same() -> None:
    shared, lost, new = ("s/shared", 0, 5), ("s/q0", 0, 7), ("s/other", 0, 7)
    now = with_answers([0.0], passages={"q0": [new, shared]}, cited={"q0": (2,)})
    before = with_answers([1.0], passages={"q0": [lost, shared]}, cited={"q0": (1, 2)})
    text = page(now, before)
    words = Seen(text).text
    left, right = words.split("version 11 answered, citing 1, 2")[1].split("version 12 answered, citing 2")
    assert left.strip() == (
        "s/q0 0–7 expected, grade 1 cited s/q0 0 7 s/shared 0–5 cited on both sides s/shared 0 5"
    )
    assert right.strip().startswith("s/other 0–7 s/other 0 7 s/shared 0–5 cited on both sides")
    assert text.count('<li class="same used">') == 2
    # of the expected document its grade, and its place before and now
    assert "s/q0 1 1 —" in words


def test_a_passage_that_moved_within_its_document_is_the_same_where_its_text_is() -> None:
    now = with_answers([0.0], passages={"q0": [("s/a", 10, 20)]})
    before = with_answers([1.0], passages={"q0": [("s/a", 0, 10)]})
    assert page(now, before, texts=lambda *_: "the very text").count("on both sides") == 2
    differing = page(now, before, texts=lambda *_: "new text", incumbent_texts=lambda *_: "old text")
    assert "on both sides" not in differing
    assert "old text" in differing
    assert "new text" in differing


def test_a_long_passage_on_both_sides_stands_in_full_once_and_folded() -> None:
    now, before = (with_answers([value], passages={"q0": [("s/a", 0, 300)]}) for value in (0.0, 1.0))
    text = page(now, before, texts=lambda *_: "x" * 300)
    assert text.count("x" * 300) == 1
    assert text.count(f'<span dir="auto">{"x" * 120}…</span>') == 2
    assert text.count('<details class="fold">') == 1


def test_a_text_that_is_gone_is_said_to_be() -> None:
    text = page(with_answers([0.0], passages={"q0": [("s/a", 0, 10)]}), texts=lambda *_: None)
    assert "The text is no longer there." in text


def test_evidence_is_marked_where_its_very_characters_stand() -> None:
    document = "The office opens at nine o'clock."
    asked = replace(question("q0", {"s/a": 1}), evidence={"s/a": ((17, 24),)})
    now = with_answers([0.0], passages={"q0": [("s/a", 4, 21)]})
    text = page(now, texts=lambda _, start, end: document[start:end], questions={"q0": asked})
    assert "office opens <mark>at n</mark></p>" in text


def test_evidence_of_another_text_of_the_document_is_not_marked() -> None:
    asked = replace(question("q0", {"s/a": 1}), evidence={"s/a": ((0, 4),)})
    now = with_answers([0.0], passages={"q0": [("s/a", 2, 6)]})
    before = with_answers([1.0], passages={"q0": [("s/a", 0, 4)]})
    text = page(
        now,
        before,
        texts=lambda _, start, end: "abcdefgh"[start:end],
        incumbent_texts=lambda _, start, end: "zyxwvuts"[start:end],
        questions={"q0": asked},
    )
    assert "<mark>cd</mark>ef" in text
    assert text.count("<mark>") == 1


def test_a_question_that_the_golden_set_no_longer_has_is_shown_by_its_id() -> None:
    words = Seen(page(measured([0.0]), questions={})).text
    assert "q0 0.000 none of its documents found" in words


def test_fifty_questions_come_with_passages_and_the_others_as_rows() -> None:
    text = page(measured([n / 100 for n in range(60)]), measured([1.0] * 60))
    assert text.count('<details class="question"') == 50
    assert "The other 10 questions" in text
    # the least changed of all is in the table, not among those with passages
    assert '<tr><th scope="row">q59</th>' in text


def test_without_an_incumbent_the_worst_are_shown_worst_first() -> None:
    words = Seen(page(measured([0.5, 1.0, 0.1]))).text
    assert "2 questions of 3 with something to look at, worst first." in words
    looked = words.split("worst first.")[1]
    assert looked.index("q2") < looked.index("q0")
    assert "q1" not in looked


def test_a_page_of_nothing_is_a_page() -> None:
    words = Seen(page(measured([]))).text
    assert "Nothing was measured: no question is answerable." in words
    assert "Nothing to look at." in words


def test_a_page_of_300_questions_with_long_passages_stays_under_two_megabytes() -> None:
    documents = [f"s/a-rather-long-folder/document-{n}.md" for n in range(10)]
    passages = {f"q{n}": [(document, n, n + 1200) for document in documents] for n in range(300)}
    now = with_answers([0.0] * 300, passages=passages)
    before = with_answers(
        [1.0] * 300,
        passages={
            id: [(f"{document}x", start, end) for document, start, end in rows]
            for id, rows in passages.items()
        },
    )
    text = page(now, before, texts=lambda document, start, end: f"“{start}” & " * 100)
    assert len(text.encode()) < 2_000_000
    assert "Left out: the page would become too large." in text
    assert Seen(text).open == []


def test_a_very_long_passage_is_cut_and_says_by_how_much() -> None:
    text = page(with_answers([0.0], passages={"q0": [("s/a", 0, 3000)]}), texts=lambda *_: "x" * 3000)
    assert "x" * 2000 + "… <small>1000 more characters</small>" in text
    assert "x" * 2001 not in text


def hostile(text: str, passage: str) -> str:
    """A page on which everything that others wrote is ``text``."""
    now = with_answers([0.0, 1.0], passages={"q0": [(text + "0", 0, 5), ("s/b", 1, 2)]}, tags={"q0": (text,)})
    now = replace(
        now,
        leaks=(Leak("q0", text, text, (text,)),),
        failures=(Failure("q1", text, text, text),),
        fingerprints={"golden": text, "evaluator": text},
    )
    before = replace(with_answers([1.0, 1.0]), fingerprints={"golden": text, "evaluator": text})
    asked = Question("q0", text, text, "answerable", {text: 1}, text, (text,), text)
    return page(
        now,
        before,
        texts=lambda *_: passage,
        questions={"q0": asked},
        judge=JudgeNote(text, CALIBRATION, text),
    )


PLAIN = Seen(hostile("plain", "plain")).elements


@pytest.mark.parametrize("text", [HOSTILE, "", "\u2067ltr\u2069", "שלום", "a\nb\rc\u2028d", "' onclick='x"])
def test_hostile_names_and_texts_build_nothing(text: str) -> None:
    page_ = hostile(text, text)
    assert Seen(page_).elements == PLAIN
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", page_)


@settings(max_examples=60)
@given(st.text(max_size=40), st.text(max_size=120))
def test_no_text_changes_what_the_page_is_made_of(text: str, passage: str) -> None:
    assert Seen(hostile(text, passage)).elements == PLAIN
