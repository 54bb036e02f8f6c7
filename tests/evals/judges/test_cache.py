"""The cache of judgements, and the judge that asks it first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from evals.judges.cache import CachedJudge, JudgementCache, judgement_key
from evals.judges.llm import LlmJudge
from evals.judges.port import Case, Judge, JudgeFailure, Judgement
from rag.answering.openai_model import ModelPin
from rag.answering.port import Usage
from rag.errors import EvaluationError
from tests.support.openai_rules import judge_by_words
from tests.support.openai_server import NAME, openai_server, status

COST = Usage(calls=2, prompt_tokens=10, completion_tokens=3, cost=0.5)


class LengthJudge:
    """Gives an answer a hundredth for each of its characters, and fails for those that begin with a minus."""

    name = "length"
    metrics = ("Faithfulness",)

    def __init__(self, fingerprint: str = "f") -> None:
        self.fingerprint = fingerprint
        self.asked: list[list[str]] = []

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        self.asked.append([case.answer for case in cases])
        return [
            JudgeFailure("ModelError", "Faithfulness: no", COST)
            if case.answer.startswith("-")
            else Judgement({"Faithfulness": len(case.answer) / 100}, COST)
            for case in cases
        ]


def said(*answers: str) -> list[Case]:
    return [Case("Why?", answer, ("Because.",)) for answer in answers]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "judgements.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[JudgementCache]:
    cache = JudgementCache(path)
    yield cache
    cache.close()


def test_what_was_put_comes_back_and_the_first_stays(cache: JudgementCache) -> None:
    cache.put({"a": {"Faithfulness": 1 / 3}, "b": {"Faithfulness": 0.0, "AnswerCorrectness": 1.0}})
    cache.put({"a": {"Faithfulness": 0.9}})
    assert cache.get(["b", "a", "c"]) == {
        "a": {"Faithfulness": 1 / 3},
        "b": {"Faithfulness": 0.0, "AnswerCorrectness": 1.0},
    }
    assert cache.get([]) == {}


def test_more_keys_than_one_statement_may_name(cache: JudgementCache) -> None:
    cache.put({str(number): {"Faithfulness": 0.5} for number in range(1200)})
    assert cache.get([str(number) for number in range(1203)]).keys() == {
        str(number) for number in range(1200)
    }


def test_a_second_run_asks_nothing_and_costs_nothing(cache: JudgementCache) -> None:
    inner = LengthJudge()
    first = CachedJudge(inner, cache)
    assert first.judge(said("a", "bb")) == [
        Judgement({"Faithfulness": 0.01}, COST),
        Judgement({"Faithfulness": 0.02}, COST),
    ]
    second = CachedJudge(inner, cache)
    assert second.judge(said("bb", "a")) == [
        Judgement({"Faithfulness": 0.02}),
        Judgement({"Faithfulness": 0.01}),
    ]
    assert (first.hits, second.hits, inner.asked) == (0, 2, [["a", "bb"]])


def test_only_what_is_lacking_is_asked_and_verdicts_keep_their_order(cache: JudgementCache) -> None:
    inner = LengthJudge()
    judge = CachedJudge(inner, cache)
    judge.judge(said("bb"))
    scores = [one.scores for one in judge.judge(said("ccc", "bb", "a")) if isinstance(one, Judgement)]
    assert scores == [{"Faithfulness": 0.03}, {"Faithfulness": 0.02}, {"Faithfulness": 0.01}]
    assert inner.asked == [["bb"], ["ccc", "a"]]


def test_a_failure_is_not_kept_and_is_tried_again(cache: JudgementCache) -> None:
    inner = LengthJudge()
    judge = CachedJudge(inner, cache)
    failure = JudgeFailure("ModelError", "Faithfulness: no", COST)
    assert judge.judge(said("-")) == [failure]
    assert judge.judge(said("-")) == [failure]
    assert (inner.asked, judge.hits) == ([["-"], ["-"]], 0)


def test_equal_cases_of_one_call_are_asked_and_paid_once(cache: JudgementCache) -> None:
    inner = LengthJudge()
    judge = CachedJudge(inner, cache)
    verdicts = judge.judge(said("a", "-", "a", "-"))
    assert inner.asked == [["a", "-"]]
    assert [one.usage for one in verdicts] == [COST, COST, Usage(), Usage()]
    assert verdicts[2:] == [Judgement({"Faithfulness": 0.01}), JudgeFailure("ModelError", "Faithfulness: no")]
    assert judge.hits == 1


def test_another_judge_or_any_other_content_is_another_judgement(cache: JudgementCache) -> None:
    case = Case("q", "a", ("p", "r"), None)
    others = [
        Case("Q", "a", ("p", "r"), None),
        Case("q", "A", ("p", "r"), None),
        Case("q", "a", ("r", "p"), None),
        Case("q", "a", ("pr",), None),
        Case("q", "a", ("p", "r"), ""),
        Case("q", "a", ("p", "r"), "null"),
        Case("qa", "", ("p", "r"), None),
    ]
    keys = {
        judgement_key("f", case),
        judgement_key("g", case),
        *(judgement_key("f", other) for other in others),
    }
    assert len(keys) == 9
    CachedJudge(LengthJudge("f"), cache).judge([case])
    other = LengthJudge("g")
    CachedJudge(other, cache).judge([case])
    assert other.asked == [["a"]]


def test_the_judge_goes_by_the_name_fingerprint_and_metrics_of_the_one_behind_it(
    cache: JudgementCache,
) -> None:
    judge: Judge = CachedJudge(LengthJudge("abc"), cache)
    assert (judge.name, judge.fingerprint, judge.metrics) == ("length", "abc", ("Faithfulness",))
    assert judge.judge([]) == []


def test_a_run_that_dies_has_kept_all_but_its_last_cases(cache: JudgementCache) -> None:
    class Dying(LengthJudge):
        def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().judge(cases)

    cases = said(*("x" * length for length in range(1, 151)))
    with pytest.raises(KeyboardInterrupt):
        CachedJudge(Dying(), cache).judge(cases)
    inner = LengthJudge()
    again = CachedJudge(inner, cache)
    assert len(again.judge(cases)) == 150
    assert (again.hits, [len(some) for some in inner.asked]) == (128, [22])


def test_no_text_of_a_case_is_in_the_files(cache: JudgementCache, path: Path) -> None:
    case = Case(
        "Is Kittiwake off?", "Kittiwake is off.", ("The merger Kittiwake is off.",), "Yes: Kittiwake."
    )
    CachedJudge(LengthJudge(), cache).judge([case])
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Faithfulness" in written
    assert b"Kittiwake" not in written


def test_a_file_that_is_no_cache_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is no database, but somebody's notes. " * 50)
    with pytest.raises(EvaluationError, match=r"notes\.txt.*cannot be opened"):
        JudgementCache(path)
    assert path.read_text().startswith("This is no database")


def test_several_threads_and_processes_fill_one_cache(cache: JudgementCache, path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from evals.judges.cache import JudgementCache\n"
        "cache = JudgementCache(Path(sys.argv[1]))\n"
        "for number in range(40): cache.put({f'{sys.argv[2]}-{number}': {'Faithfulness': 0.5}})\n"
        "cache.close()"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")]

    def fill(name: str) -> None:
        for number in range(40):
            cache.put({f"{name}-{number}": {"Faithfulness": 0.5}})

    threads = [threading.Thread(target=fill, args=(name,)) for name in ("c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    keys = [f"{name}-{number}" for name in "abcd" for number in range(40)]
    assert len(cache.get(keys)) == 160


def test_a_judge_that_is_a_language_model_is_not_paid_twice(cache: JudgementCache) -> None:
    cases = said("Because.", "Because. Or not.", "Or not.")
    with openai_server(judge_by_words) as server:
        judge = LlmJudge(ModelPin(url=server.url, name=NAME, attempts=1, timeout_seconds=10.0), parallel=1)
        server.then(status(500))
        first = CachedJudge(judge, cache).judge(cases)
        assert [type(one) for one in first] == [JudgeFailure, Judgement, Judgement]
        paid = len(server.requests)
        second = CachedJudge(judge, cache).judge(cases)
        assert len(server.requests) == paid + 2  # the one that failed
        assert [one.scores for one in second if isinstance(one, Judgement)] == [
            {"Faithfulness": 1.0},
            {"Faithfulness": 0.5},
            {"Faithfulness": 0.0},
        ]
        third = CachedJudge(judge, cache).judge(cases)
        assert len(server.requests) == paid + 2
        assert sum((one.usage for one in third), Usage()) == Usage()
