"""Labelled answers: one JSON object a line, each an answer of which a person said whether it is grounded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.golden.line import read_object
from evals.golden.problems import as_error
from evals.judges.port import Case
from evals.nearest import nearest
from rag.errors import ConfigurationError

KEYS = ("id", "question", "answer", "passages", "context", "reference", "grounded")
MIN_LABELS = 20
_NEXT_STEP = "Correct the labels and run the command again."


@dataclass(frozen=True, slots=True)
class Labelled:
    """A case and what a person said of its answer. ``where`` is ``file:line``; ``id`` is "" if it has none."""

    case: Case
    grounded: bool
    where: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Labelled answers in the order of their file."""

    items: tuple[Labelled, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of cases and labels in their order; ids and places in the file do not matter."""
        contents = [[*_contents(one.case), one.grounded] for one in self.items]
        return hashlib.sha256(json.dumps(contents, separators=(",", ":")).encode()).hexdigest()


def load_labels(path: Path) -> LabelledSet:
    """The labelled answers of a file, blank lines skipped.

    A line has ``answer``, ``grounded`` (true or false) and ``passages``, a list of texts, or one text as
    ``context``; ``id``, ``question`` and ``reference`` as they are known. Raises ``ConfigurationError`` naming
    every line that is wrong, as ``file:line``; two lines of the same case that contradict each other are. Raises
    it too for a file that cannot be read, that holds no label or fewer than 20, or of which all say the same.
    """
    problems: list[tuple[str, str]] = []
    items: list[Labelled] = []
    ids: dict[str, str] = {}
    seen: dict[str, Labelled] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        raw = read_object(line)
        found = (raw,) if isinstance(raw, str) else _labelled(raw, where)
        if isinstance(found, tuple):
            problems += [(where, problem) for problem in found]
            continue
        if found.id and (taken := ids.setdefault(found.id, where)) != where:
            problems.append((where, f"the id {found.id!r} is taken by {taken}"))
        first = seen.setdefault(json.dumps(_contents(found.case)), found)
        if first.grounded != found.grounded:
            problems.append((where, f"the same answer is labelled the other way at {first.where}"))
        items.append(found)
    if problems:
        raise as_error(problems, next_step=_NEXT_STEP)
    _enough(items, path)
    return LabelledSet(tuple(items))


def _enough(items: list[Labelled], path: Path) -> None:
    grounded = sum(one.grounded for one in items)
    if not items:
        what, next_step = "holds no label", f"Add at least {MIN_LABELS} labelled answers, one a line."
    elif grounded in (0, len(items)):
        said = "true" if grounded else "false"
        what = f"all of its {len(items)} labels are grounded: {said}, so that no judge can be told from a constant"
        next_step = f"Add answers that are {'not ' if grounded else ''}grounded."
    elif len(items) < MIN_LABELS:
        what = f"holds {len(items)} labels, too few to calibrate a judge by"
        next_step = f"Add labelled answers until there are {MIN_LABELS}."
    else:
        return
    raise ConfigurationError(what, where=str(path), next_step=next_step)


def _labelled(raw: Mapping[str, object], where: str) -> Labelled | tuple[str, ...]:
    """The labelled answer that ``raw`` describes, or every problem with it."""
    problems = [
        f"unknown key {key!r}; the nearest known is {nearest(key, KEYS)!r}" for key in raw if key not in KEYS
    ]
    answer = _text(raw, "answer", problems)
    question, reference, identity = (
        None if raw.get(key) is None else _text(raw, key, problems) for key in ("question", "reference", "id")
    )
    passages = _passages(raw, problems)
    problems += [f"the key {key!r} is missing" for key in ("answer", "grounded") if key not in raw]
    grounded = raw.get("grounded")
    if "grounded" in raw and not isinstance(grounded, bool):
        problems.append("grounded is neither true nor false")
    if problems or not isinstance(grounded, bool):
        return tuple(problems)
    return Labelled(Case(question or "", answer, passages, reference), grounded, where, identity or "")


def _passages(raw: Mapping[str, object], problems: list[str]) -> tuple[str, ...]:
    if ("passages" in raw) == ("context" in raw):
        problems.append(f"{'both' if 'context' in raw else 'none'} of passages and context given")
        return ()
    if "context" in raw:
        return (_text(raw, "context", problems),)
    value = raw["passages"]
    if not isinstance(value, list) or not value or not all(_usable(one) for one in value):
        problems.append("passages is not a list of texts with something in them")
        return ()
    return tuple(value)


def _text(raw: Mapping[str, object], key: str, problems: list[str]) -> str:
    value = raw.get(key)
    if isinstance(value, str) and _usable(value):
        return value
    if key in raw:
        problems.append(f"{key} is not a text with something in it")
    return ""


def _usable(value: object) -> bool:
    """A text with something in it, and without half a surrogate pair, which no model takes."""
    return (
        isinstance(value, str) and bool(value.strip()) and not any("\ud800" <= c <= "\udfff" for c in value)
    )


def _contents(case: Case) -> list[object]:
    return [case.question, case.answer, list(case.passages), case.reference]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"not UTF-8 at byte {error.start}", where=str(path), next_step="Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            next_step="Check that it is there and its rights.",
        ) from error
    return text.split("\n")  # not splitlines(): a JSON text may hold U+2028 as it is
