import html
import json
import re
from pathlib import Path

import pytest

from evals.judges.labels import load_labels
from evals.judges.port import Case
from rag.errors import ConfigurationError

DATA = Path(__file__).parents[3] / "data"
SAMPLE = DATA / "judge" / "labels.jsonl"


def line(number: int, **other: object) -> dict[str, object]:
    return {
        "answer": f"It takes {number} days.",
        "passages": ["It takes 3 days."],
        "grounded": number % 2 == 1,
    } | other


def many(n: int = 20) -> list[object]:
    return [line(number) for number in range(1, n + 1)]


def written(directory: Path, *lines: object) -> Path:
    path = directory / "labels.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def problem(directory: Path, *lines: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_labels(written(directory, *lines))
    return caught.value


def test_a_label_carries_what_its_line_says(tmp_path: Path) -> None:
    whole = {
        "id": "label-001",
        "question": "How long?",
        "answer": "Three days.",
        "passages": ["It takes 3 days.", "Or more."],
        "reference": "3 days",
        "grounded": True,
    }
    path = written(tmp_path, whole, "", *many())
    first, second, *_ = load_labels(path).items
    assert first.case == Case("How long?", "Three days.", ("It takes 3 days.", "Or more."), "3 days")
    assert (first.grounded, first.id, first.where) == (True, "label-001", f"{path}:1")
    assert second.case == Case("", "It takes 1 days.", ("It takes 3 days.",), None)
    assert (second.grounded, second.id, second.where) == (True, "", f"{path}:3")


def test_one_text_may_be_given_as_context(tmp_path: Path) -> None:
    alone = {"answer": "Yes.", "context": "All of it.", "grounded": False}
    (first, *_) = load_labels(written(tmp_path, alone, *many())).items
    assert first.case.passages == ("All of it.",)


def test_the_fingerprint_is_of_cases_labels_and_their_order(tmp_path: Path) -> None:
    before = load_labels(written(tmp_path, *many())).fingerprint
    assert len(before) == 64
    assert load_labels(written(tmp_path, "", *many()[:1], "", *many()[1:])).fingerprint == before
    assert load_labels(written(tmp_path, line(1, id="one"), *many()[1:])).fingerprint == before
    assert load_labels(written(tmp_path, *reversed(many()))).fingerprint != before
    assert load_labels(written(tmp_path, line(1, grounded=False), *many()[1:])).fingerprint != before
    assert load_labels(written(tmp_path, line(1, reference="3"), *many()[1:])).fingerprint != before


def test_every_wrong_line_is_named_at_once(tmp_path: Path) -> None:
    error = problem(tmp_path, *many(), "{", line(30, answr="x"), "", line(31, grounded="yes"))
    path = tmp_path / "labels.jsonl"
    first, second, third, *_ = str(error).split("\n")
    assert first == f"{path}:21: not JSON: Expecting property name enclosed in double quotes at column 2"
    assert second == f"{path}:22: unknown key 'answr'; the nearest known is 'answer'"
    assert third.startswith(f"{path}:24: grounded is neither true nor false")
    assert error.where == f"{path}:21"
    assert "Correct the labels" in error.next_step


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("[1]", "not a JSON object"),
        ('{"answer": "a", "answer": "b"}', "the key 'answer' is given twice"),
        ({"passages": ["p"], "grounded": True}, "the key 'answer' is missing"),
        ({"answer": "a", "passages": ["p"]}, "the key 'grounded' is missing"),
        ({"answer": "a", "grounded": True}, "none of passages and context given"),
        (line(1, context="c"), "both of passages and context given"),
        (line(1, grounded=1), "grounded is neither true nor false"),
        (line(1, grounded=None), "grounded is neither true nor false"),
        (line(1, answer="  "), "answer is not a text with something in it"),
        (line(1, answer=None), "answer is not a text with something in it"),
        (line(1, answer="half \ud83d"), "answer is not a text with something in it"),
        (line(1, question=7), "question is not a text with something in it"),
        (line(1, id=""), "id is not a text with something in it"),
        (line(1, reference=["3"]), "reference is not a text with something in it"),
        (line(1, passages=[]), "passages is not a list of texts with something in them"),
        (line(1, passages="p"), "passages is not a list of texts with something in them"),
        (line(1, passages=["p", ""]), "passages is not a list of texts with something in them"),
        ({"answer": "a", "context": ["c"], "grounded": True}, "context is not a text with something in it"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_with_it(tmp_path: Path, raw: object, what: str) -> None:
    error = problem(tmp_path, raw, *many())
    assert error.what == what
    assert error.where == f"{tmp_path / 'labels.jsonl'}:1"


def test_no_text_of_a_case_is_in_an_error(tmp_path: Path) -> None:
    secret = line(1, answer="the tide turns", passages=["at nine"], grounded="maybe", question="when?")
    told = str(problem(tmp_path, secret, *many()))
    assert not any(word in told for word in ("tide", "nine", "when", "maybe"))


def test_the_same_answer_labelled_both_ways_is_an_error(tmp_path: Path) -> None:
    error = problem(tmp_path, *many(), line(4, grounded=True))
    assert error.what == f"the same answer is labelled the other way at {tmp_path / 'labels.jsonl'}:4"
    assert error.where.endswith(":21")


def test_the_same_answer_to_other_passages_may_be_labelled_otherwise(tmp_path: Path) -> None:
    other = line(4, grounded=True, passages=["It takes 4 days."])
    assert len(load_labels(written(tmp_path, *many(), other, line(4))).items) == 22


def test_an_id_that_is_taken_is_an_error(tmp_path: Path) -> None:
    error = problem(tmp_path, line(1, id="one"), *many(), line(31, id="one"))
    assert error.what == f"the id 'one' is taken by {tmp_path / 'labels.jsonl'}:1"


@pytest.mark.parametrize("lines", [(), ("", "  ")])
def test_a_file_without_labels_is_an_error(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert problem(tmp_path, *lines).what == "holds no label"


@pytest.mark.parametrize(
    ("grounded", "said", "wanted"), [(True, "true", "not grounded"), (False, "false", "are grounded")]
)
def test_labels_that_all_say_the_same_are_an_error(
    tmp_path: Path, grounded: bool, said: str, wanted: str
) -> None:
    error = problem(tmp_path, *[line(number, grounded=grounded) for number in range(30)])
    assert error.what.startswith(f"all of its 30 labels are grounded: {said}")
    assert wanted in error.next_step


def test_nineteen_labels_are_too_few(tmp_path: Path) -> None:
    assert problem(tmp_path, *many(19)).what == "holds 19 labels, too few to calibrate a judge by"
    assert len(load_labels(written(tmp_path, *many(20))).items) == 20


def test_a_file_that_is_missing_or_not_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file") as caught:
        load_labels(tmp_path / "nowhere.jsonl")
    assert caught.value.where == str(tmp_path / "nowhere.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"{}\n\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8 at byte 3"):
        load_labels(tmp_path / "bytes.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_labels(tmp_path)


def test_a_byte_order_mark_and_a_line_separator_within_a_text_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    texts = [json.dumps(line(1, answer="one\u2028two"), ensure_ascii=False), *map(json.dumps, many())]
    path.write_text("\ufeff" + "\r\n".join(texts), encoding="utf-8")
    assert load_labels(path).items[0].case.answer == "one\u2028two"


def test_the_samples_labels_are_as_often_grounded_as_not() -> None:
    items = load_labels(SAMPLE).items
    assert len(items) == 60
    assert sum(one.grounded for one in items) == 30
    assert [one.id for one in items] == [f"label-{number:03}" for number in range(1, 61)]
    assert len({one.case for one in items}) == 60
    assert all(one.case.question and 1 <= len(one.case.passages) <= 3 for one in items)


def words(text: str) -> str:
    """What a person reads of Markdown or HTML, as words with one space around each."""
    bare = html.unescape(re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text))
    return " ".join(["", *re.findall(r"[\w€%]+", bare), ""])


def test_the_samples_passages_stand_in_its_documents() -> None:
    tickets = (DATA / "tickets" / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    files = [
        path
        for folder in ("handbook", "files")
        for suffix in ("md", "html", "txt")
        for path in sorted((DATA / folder).rglob(f"*.{suffix}"))
    ]
    documents = [
        *(words(path.read_text(encoding="utf-8")) for path in files),
        *(words(json.loads(ticket)["text"]) for ticket in tickets),
    ]
    passages = {passage for one in load_labels(SAMPLE).items for passage in one.case.passages}
    assert len(passages) > 60
    assert [one for one in passages if not any(words(one) in document for document in documents)] == []
