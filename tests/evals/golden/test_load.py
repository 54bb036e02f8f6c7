import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.golden import load_golden
from evals.golden.line import question_of, read_object
from rag.errors import ConfigurationError, LockgateError

GOOD: dict[str, object] = {
    "id": "people-001",
    "question": "How long is parental leave?",
    "principal": "user:ada@acme.example",
    "kind": "answerable",
    "expected": {"handbook/leave.md": 2, "handbook/old.md": 0},
}


def write(directory: Path, name: str, *lines: object) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")


def problem(directory: Path, *lines: object) -> ConfigurationError:
    write(directory, "people.jsonl", *lines)
    with pytest.raises(ConfigurationError) as caught:
        load_golden(["*.jsonl"], directory)
    return caught.value


def test_a_question_carries_what_its_line_says(tmp_path: Path) -> None:
    write(tmp_path, "people.jsonl", GOOD | {"answer": "16 weeks", "tags": ["hr"]})
    (question,) = load_golden(["people.jsonl"], tmp_path).questions
    assert question.id == "people-001"
    assert question.question == "How long is parental leave?"
    assert question.principal == "user:ada@acme.example"
    assert question.kind == "answerable"
    assert question.expected == {"handbook/leave.md": 2, "handbook/old.md": 0}
    assert question.answer == "16 weeks"
    assert question.tags == ("hr",)
    assert question.where == "people.jsonl:1"


def test_answer_tags_and_an_unanswerable_questions_expected_may_be_left_out(tmp_path: Path) -> None:
    bare = {key: value for key, value in GOOD.items() if key != "expected"} | {"kind": "unanswerable"}
    write(tmp_path, "people.jsonl", bare)
    (question,) = load_golden(["people.jsonl"], tmp_path).questions
    assert (question.answer, question.tags, dict(question.expected)) == (None, (), {})


def test_questions_come_in_the_order_of_globs_files_and_lines_and_no_file_twice(tmp_path: Path) -> None:
    write(tmp_path, "golden/b.jsonl", GOOD | {"id": "b1"}, "", GOOD | {"id": "b2"})
    write(tmp_path, "golden/a.jsonl", GOOD | {"id": "a1"})
    write(tmp_path, "first.jsonl", GOOD | {"id": "first"})
    found = load_golden(["first.jsonl", "golden/*.jsonl", "**/a.jsonl"], tmp_path)
    assert [one.id for one in found.questions] == ["first", "a1", "b1", "b2"]
    assert [one.where for one in found.questions][2:] == ["golden/b.jsonl:1", "golden/b.jsonl:3"]


def test_spread_over_other_files_and_lines_the_set_keeps_its_fingerprint(tmp_path: Path) -> None:
    one, two = GOOD | {"id": "one"}, GOOD | {"id": "two"}
    write(tmp_path, "together/all.jsonl", one, two)
    write(tmp_path, "apart/x.jsonl", two)
    write(tmp_path, "apart/y.jsonl", dict(reversed(one.items())))
    together = load_golden(["together/*"], tmp_path)
    assert together.fingerprint == load_golden(["apart/*"], tmp_path).fingerprint


def test_an_absolute_glob_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "people.jsonl", GOOD)
    found = load_golden([str(tmp_path / "*.jsonl")], Path("/"))
    assert found.questions[0].where == f"{tmp_path}/people.jsonl:1"


def test_a_byte_order_mark_and_a_line_separator_within_a_text_do_no_harm(tmp_path: Path) -> None:
    line = json.dumps(GOOD | {"question": "one\u2028two"}, ensure_ascii=False)
    (tmp_path / "people.jsonl").write_text("\ufeff" + line + "\r\n", encoding="utf-8")
    (question,) = load_golden(["people.jsonl"], tmp_path).questions
    assert question.question == "one\u2028two"


def test_no_globs_mean_no_questions(tmp_path: Path) -> None:
    assert load_golden([], tmp_path).questions == ()


def test_a_glob_without_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    write(tmp_path, "people.jsonl", GOOD)
    with pytest.raises(ConfigurationError, match=r"'folder\*' matches no file"):
        load_golden(["people.jsonl", "folder*"], tmp_path)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "people.jsonl").write_bytes(b'{"id": "caf\xe9"}')
    with pytest.raises(ConfigurationError, match=r"people\.jsonl: not UTF-8 at byte 11"):
        load_golden(["*.jsonl"], tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "not a JSON object"),
        ('{"id": NaN}', "not JSON: NaN is no JSON number"),
        ('{"id": "a", "id": "b"}', "the key 'id' is given twice"),
        ("[" * 100_000, "not JSON that can be read: nested too deeply"),
        ('{"id": ' + "9" * 5000 + "}", "not JSON that can be read: a number is too long"),
        (GOOD | {"expectd": {}}, "unknown key 'expectd'; the nearest known is 'expected'"),
        ({k: v for k, v in GOOD.items() if k != "principal"}, "the key 'principal' is missing"),
        ({k: v for k, v in GOOD.items() if k != "expected"}, "the key 'expected' is missing"),
        (GOOD | {"principal": "ada"}, "'ada' is not a principal"),
        (GOOD | {"principal": None}, "a principal is needed"),
        (GOOD | {"kind": "answerabel"}, "unknown kind 'answerabel'; the nearest known is 'answerable'"),
        (GOOD | {"kind": ["answerable"]}, "unknown kind ['answerable']"),
        (GOOD | {"id": " "}, "id is not a text with something in it"),
        (GOOD | {"id": 7}, "id is not a text with something in it"),
        (GOOD | {"id": "a\nb"}, "id has a control character or half a surrogate pair in it"),
        (GOOD | {"question": ""}, "question is not a text with something in it"),
        (GOOD | {"question": "\ud800"}, "question has a control character or half a surrogate pair in it"),
        (GOOD | {"answer": 16}, "answer is not a text with something in it"),
        (GOOD | {"tags": "hr"}, "tags is not a list of texts"),
        (GOOD | {"expected": ["a/b"]}, 'expected is not an object such as {"handbook/leave.md": 1}'),
        (GOOD | {"expected": {"leave.md": 1}}, "expected key 'leave.md' is not a document <source>/<id>"),
        (GOOD | {"expected": {"/leave.md": 1}}, "expected key '/leave.md' is not a document <source>/<id>"),
        (GOOD | {"expected": {"handbook/": 1}}, "expected key 'handbook/' is not a document <source>/<id>"),
        (GOOD | {"expected": {"a/b": -1}}, "the grade of 'a/b' is not a whole number from 0 to 100"),
        (GOOD | {"expected": {"a/b": 1.5}}, "the grade of 'a/b' is not a whole number from 0 to 100"),
        (GOOD | {"expected": {"a/b": True}}, "the grade of 'a/b' is not a whole number from 0 to 100"),
        (GOOD | {"expected": {"a/b": 2**31}}, "the grade of 'a/b' is not a whole number from 0 to 100"),
        (GOOD | {"expected": {"a/b": 0}}, "answerable, and no expected document has a grade above 0"),
        (GOOD | {"expected": {}}, "answerable, and no expected document has a grade above 0"),
        (GOOD | {"kind": "forbidden", "expected": {}}, "forbidden, and expected names no document"),
        (GOOD | {"kind": "unanswerable"}, "unanswerable, and expected names documents"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(tmp_path: Path, line: object, what: str) -> None:
    error = problem(tmp_path, GOOD | {"id": "good"}, line)
    assert error.where == "people.jsonl:2"
    assert what in error.what
    assert error.exit_code == 2


def test_every_wrong_line_is_listed_and_every_problem_of_a_line(tmp_path: Path) -> None:
    error = problem(tmp_path, "{", GOOD, GOOD | {"id": "", "kind": "x"})
    assert error.what.split("\n") == [
        "not JSON: Expecting property name enclosed in double quotes at column 2",
        "people.jsonl:3: unknown kind 'x'; the nearest known is 'answerable'",
        "people.jsonl:3: id is not a text with something in it",
    ]
    assert str(error).startswith("people.jsonl:1: not JSON")


def test_an_id_that_is_given_twice_names_both_lines_across_files(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", GOOD)
    write(tmp_path, "b.jsonl", GOOD | {"id": "other"}, GOOD | {"question": "another"})
    with pytest.raises(ConfigurationError) as caught:
        load_golden(["a.jsonl", "b.jsonl"], tmp_path)
    assert str(caught.value).startswith("b.jsonl:2: the id 'people-001' is taken by a.jsonl:1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "answer", "tags", "x"]), json_values))
def test_any_object_is_a_question_or_a_list_of_problems(changes: dict[str, object]) -> None:
    found = read_object(json.dumps(GOOD | changes))
    try:
        result = question_of(found, "q:1") if isinstance(found, dict) else (found,)
    except LockgateError as error:  # pragma: no cover
        pytest.fail(f"{error} escaped")
    assert result


def test_evidence_names_characters_of_expected_documents(tmp_path: Path) -> None:
    write(tmp_path, "people.jsonl", GOOD | {"evidence": {"handbook/leave.md": [[120, 180], [0, 5]]}})
    (question,) = load_golden(["people.jsonl"], tmp_path).questions
    assert question.evidence == {"handbook/leave.md": ((120, 180), (0, 5))}


def test_evidence_changes_the_fingerprint_and_its_order_does_not(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", GOOD)
    write(tmp_path, "b.jsonl", GOOD | {"evidence": {"handbook/leave.md": [[0, 5], [7, 9]]}})
    write(tmp_path, "c.jsonl", GOOD | {"evidence": {"handbook/leave.md": [[7, 9], [0, 5]]}})
    none, one, other = (load_golden([f"{name}.jsonl"], tmp_path).fingerprint for name in "abc")
    assert none != one == other


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        ([], "evidence is not an object"),
        ({"handbook/other.md": [[0, 5]]}, "is of no document that is expected with a grade above 0"),
        ({"handbook/old.md": [[0, 5]]}, "is of no document that is expected with a grade above 0"),
        ({"handbook/leave.md": []}, "is not a list of [start, end)"),
        ({"handbook/leave.md": [[5, 5]]}, "is not a list of [start, end)"),
        ({"handbook/leave.md": [[-1, 5]]}, "is not a list of [start, end)"),
        ({"handbook/leave.md": [[0, True]]}, "is not a list of [start, end)"),
        ({"handbook/leave.md": [[0, 1, 2]]}, "is not a list of [start, end)"),
        ({"handbook/leave.md": "0-5"}, "is not a list of [start, end)"),
    ],
)
def test_evidence_that_cannot_be_is_named(tmp_path: Path, evidence: object, what: str) -> None:
    assert what in str(problem(tmp_path, GOOD | {"evidence": evidence}))


def test_evidence_of_what_cannot_be_answered_is_a_contradiction(tmp_path: Path) -> None:
    line = GOOD | {"kind": "forbidden", "evidence": {"handbook/leave.md": [[0, 5]]}}
    assert "forbidden, and evidence says where the answer is" in str(problem(tmp_path, line))
