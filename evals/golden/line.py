"""One line of a golden file: JSON text to a checked ``Question``, or everything that is wrong with it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping

from evals.golden.question import KINDS, Kind, Question
from evals.nearest import nearest
from rag.access import principal
from rag.errors import PrincipalError

KEYS = ("id", "question", "principal", "kind", "expected", "answer", "tags", "evidence")
MAX_GRADE = 100  # trec_eval keeps a counter for every grade up to the highest: 2**31 ends the process


def read_object(text: str) -> dict[str, object] | str:
    """The JSON object in ``text``, or why there is none: not JSON, no object, or a key given twice."""
    try:
        value: object = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except _LineError as error:
        return str(error)
    except RecursionError:
        return "not JSON that can be read: nested too deeply"
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at column {error.colno}"
    except ValueError:  # a whole number of more digits than Python converts
        return "not JSON that can be read: a number is too long"
    return value if isinstance(value, dict) else "not a JSON object"


def question_of(raw: Mapping[str, object], where: str) -> Question | tuple[str, ...]:
    """The question that ``raw`` describes, or every problem with it, one sentence fragment each."""
    problems = [
        f"unknown key {key!r}; the nearest known is {nearest(key, KEYS)!r}" for key in raw if key not in KEYS
    ]
    kind = _kind(raw, problems)
    optional = ("answer", "tags", "evidence") + (("expected",) if kind == "unanswerable" else ())
    problems += [f"the key {key!r} is missing" for key in KEYS if key not in raw and key not in optional]
    identity = _text(raw, "id", problems)
    question = _text(raw, "question", problems)
    asked_as = _principal(raw, problems)
    expected = _expected(raw.get("expected", {}), problems)
    answer = None if raw.get("answer") is None else _text(raw, "answer", problems)
    tags = _tags(raw.get("tags", []), problems)
    evidence = _evidence(raw.get("evidence", {}), expected, problems)
    if not problems and kind is not None:
        problems += _contradictions(kind, expected)
        if evidence and kind != "answerable":
            problems.append(f"{kind}, and evidence says where the answer is")
    if problems or kind is None:
        return tuple(problems)
    return Question(identity, question, asked_as, kind, expected, answer, tags, where, evidence)


class _LineError(Exception):
    """Leaves the JSON decoder with a sentence for the person."""


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _LineError(f"the key {twice!r} is given twice")
    return found


def _no_constant(name: str) -> object:
    raise _LineError(f"not JSON: {name} is no JSON number")


def _clean(value: str) -> bool:
    """No control character and no lone surrogate: neither can be shown, and the latter cannot be stored."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in value)


def _text(raw: Mapping[str, object], key: str, problems: list[str]) -> str:
    if key not in raw:
        return ""
    value = raw[key]
    if not isinstance(value, str) or not value.strip():
        problems.append(f"{key} is not a text with something in it")
        return ""
    if not (_clean(value) if key == "id" else _clean(" ".join(value.split()))):
        problems.append(f"{key} has a control character or half a surrogate pair in it")
    return value


def _kind(raw: Mapping[str, object], problems: list[str]) -> Kind | None:
    value = raw.get("kind")
    for kind in KINDS:
        if value == kind:
            return kind
    if "kind" in raw:
        hint = f"; the nearest known is {nearest(value, KINDS)!r}" if isinstance(value, str) else ""
        problems.append(f"unknown kind {value!r}{hint}")
    return None


def _principal(raw: Mapping[str, object], problems: list[str]) -> str:
    if "principal" not in raw:
        return ""
    try:
        return principal(raw["principal"])
    except PrincipalError as error:
        problems.append(error.what)
        return ""


def _expected(value: object, problems: list[str]) -> dict[str, int]:
    if not isinstance(value, dict):
        problems.append('expected is not an object such as {"handbook/leave.md": 1}')
        return {}
    grades: dict[str, int] = {}
    for document, grade in value.items():
        source, _, rest = document.partition("/")
        if not source or not rest or not _clean(document):
            problems.append(f"the expected key {document!r} is not a document <source>/<id>")
        # JSON's true is a whole number to Python, and no grade
        elif not isinstance(grade, int) or isinstance(grade, bool) or not 0 <= grade <= MAX_GRADE:
            problems.append(f"the grade of {document!r} is not a whole number from 0 to {MAX_GRADE}")
        else:
            grades[document] = grade
    return grades


def _evidence(
    value: object, expected: Mapping[str, int], problems: list[str]
) -> dict[str, tuple[tuple[int, int], ...]]:
    if not isinstance(value, dict):
        problems.append('evidence is not an object such as {"handbook/leave.md": [[120, 180]]}')
        return {}
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for document, spans in value.items():
        if not expected.get(document):
            problems.append(
                f"the evidence of {document!r} is of no document that is expected with a grade above 0"
            )
        elif not isinstance(spans, list) or not spans or not all(_is_span(span) for span in spans):
            problems.append(
                f"the evidence of {document!r} is not a list of [start, end), with 0 <= start < end"
            )
        else:
            found[document] = tuple((start, end) for start, end in spans)
    return found


def _is_span(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    start, end = value
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    return whole and 0 <= start < end < 2**31


def _tags(value: object, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(tag, str) and tag and _clean(tag) for tag in value):
        problems.append("tags is not a list of texts")
        return ()
    return tuple(value)


def _contradictions(kind: Kind, expected: Mapping[str, int]) -> list[str]:
    if kind == "answerable" and not any(grade > 0 for grade in expected.values()):
        return ["answerable, and no expected document has a grade above 0"]
    if kind == "forbidden" and not expected:
        return ["forbidden, and expected names no document that must not come back"]
    if kind == "unanswerable" and expected:
        return ["unanswerable, and expected names documents"]
    return []
