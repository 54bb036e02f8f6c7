"""Golden files: one JSON object a line."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from evals.golden.line import question_of, read_object
from evals.golden.problems import as_error
from evals.golden.question import GoldenSet, Question
from rag.errors import ConfigurationError


def load_golden(globs: Sequence[str], directory: Path) -> GoldenSet:
    """The questions of every file that matches, in the order of ``globs``, of file names, and of lines.

    ``globs`` are taken below ``directory`` unless absolute; ``**`` goes through folders; a file that matches
    twice is read once. Blank lines are skipped. Raises ``ConfigurationError`` naming a glob without a file,
    a file that cannot be read, or every line that is wrong, as ``file:line``.
    """
    problems: list[tuple[str, str]] = []
    first_at: dict[str, str] = {}
    questions: list[Question] = []
    for name in _files(globs, directory):
        for number, line in enumerate(_lines(name, directory), start=1):
            if not line.strip():
                continue
            where = f"{name}:{number}"
            raw = read_object(line)
            if isinstance(raw, str):
                problems.append((where, raw))
                continue
            identity = raw.get("id")
            if isinstance(identity, str) and (taken := first_at.setdefault(identity, where)) != where:
                problems.append((where, f"the id {identity!r} is taken by {taken}"))
            question = question_of(raw, where)
            if isinstance(question, Question):
                questions.append(question)
            else:
                problems += [(where, problem) for problem in question]
    if problems:
        raise as_error(problems, next_step="Correct the golden questions and run the command again.")
    return GoldenSet(tuple(questions))


def _files(globs: Sequence[str], directory: Path) -> list[str]:
    names: dict[str, None] = {}
    for pattern in globs:
        found = [
            name
            for name in sorted(glob.glob(pattern, root_dir=directory, recursive=True))
            if (directory / name).is_file()
        ]
        if not found:
            raise ConfigurationError(
                f"the golden glob {pattern!r} matches no file below {directory}",
                where="golden",
                next_step="Correct it, or take it out.",
            )
        names.update(dict.fromkeys(Path(name).as_posix() for name in found))
    return list(names)


def _lines(name: str, directory: Path) -> list[str]:
    try:
        text = (directory / name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"not UTF-8 at byte {error.start}", where=name, next_step="Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}",
            where=name,
            next_step="Check that it is there and its rights.",
        ) from error
    return text.split("\n")  # not splitlines(): a JSON text may hold U+2028 as it is
