"""The candidates of the self-test, and the checks that each of the bad ones is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evals.metrics import METRICS
from flows.project import Project
from flows.selftest import doctored
from flows.selftest.scratch import Rehearsal

_JUDGED = tuple(name for name, one in METRICS.items() if one.judged)
_RANKED = tuple(name for name, one in METRICS.items() if one.of == "ranking")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that the gate must stop, by one of its ``own`` checks, or that it must let through, with none.

    ``own`` are beginnings of the names of checks. It is built by a project of the class ``built``, from the last
    version or, to ``rebuild``, from the catalog; then ``after`` happens to it; then it is measured and judged by a
    project of the class ``measured``. ``advice`` says what to change where the self-test is not passed.
    """

    name: str
    what: str
    own: tuple[str, ...]
    built: type[Rehearsal]
    advice: Callable[[Project], str]
    measured: type[Rehearsal] = Rehearsal
    rebuild: bool = True
    after: Callable[[Project, int], None] = doctored.as_built

    @property
    def bad(self) -> bool:
        """Whether the gate must stop it."""
        return bool(self.own)


def _report(_project: Project) -> str:
    return "This depends on no setting: please report it."


def _more_questions(project: Project) -> str:
    if not any(name in _RANKED for name in project.settings.gate.metrics):
        return "Add a metric of rankings to gate.metrics, such as nDCG@10 with a floor and a margin."
    return "Write golden questions about more of the documents, or lower the margins in gate.metrics."


def _two_passages(_project: Project) -> str:
    return "Vectors can only be mixed up where there are two passages that differ: ingest more documents."


def _forbidden(project: Project) -> str:
    if not project.golden.of_kind("forbidden"):
        return (
            "No golden question is of kind forbidden, so that nobody would notice: write some, each with the "
            "documents in expected that must not come back."
        )
    return (
        "No forbidden question found its document, although everybody could read it: ask for what the document "
        "says."
    )


def _limit(project: Project) -> str:
    if all(source.freshness.max_lag is None for source in project.settings.sources):
        return "No source says how old it may become: set its freshness.max_lag in sources."
    return _report(project)


def _answers(project: Project) -> str:
    if not project.settings.evaluation.answers:
        return "Answers are not measured: turn evaluation.answers on, and add Faithfulness to gate.metrics."
    if not any(name in _JUDGED for name in project.settings.gate.metrics):
        return "No metric of answers decides: add Faithfulness to gate.metrics, with a floor and a margin."
    return (
        "Write more golden questions that are answered, or lower the margin of Faithfulness in gate.metrics."
    )


def _too_strict(_project: Project) -> str:
    return (
        "The gate stops what is as good as what is promoted. If the project itself does not pass, put that right "
        "first (lockgate run); else raise the margins in gate.metrics."
    )


_OF_SCORES = ("floor ", "regression ")

CANDIDATES = (
    Candidate(
        "empty",
        "no document can be read",
        ("not empty",),
        doctored.Unreadable,
        _report,
        rebuild=False,
    ),
    Candidate(
        "half gone",
        "half of the documents are no longer listed",
        _OF_SCORES,
        doctored.HalfGone,
        _more_questions,
        rebuild=False,
    ),
    Candidate(
        "vectors shuffled",
        "one passage in ten has another's vector",
        ("vectors",),
        doctored.Shuffled,
        _two_passages,
    ),
    Candidate(
        "access stripped",
        "every listing says that everybody may read",
        ("leaks",),
        doctored.EverythingPublic,
        _forbidden,
    ),
    Candidate(
        "deletes not applied",
        "the index keeps what is no longer listed",
        ("deletes applied",),
        doctored.DeletesNotApplied,
        _report,
        rebuild=False,
    ),
    Candidate(
        "stale",
        "the sources went on, and were not listed again",
        ("freshness",),
        Rehearsal,
        _limit,
        after=doctored.grown_old,
    ),
    Candidate(
        "wrong embedder",
        "questions are embedded in another space",
        ("regression ", "leg "),
        Rehearsal,
        _more_questions,
        measured=doctored.OtherQueries,
    ),
    Candidate(
        "invented numbers",
        "answers have other numbers than the passages",
        tuple(f"{kind}{name}" for kind in _OF_SCORES for name in _JUDGED),
        Rehearsal,
        _answers,
        measured=doctored.InventedNumbers,
    ),
    Candidate("identical", "the same, built anew from the catalog", (), Rehearsal, _too_strict),
    Candidate(
        "chunked the same",
        "another chunker, which cuts alike",
        (),
        doctored.SameChunksAgain,
        _too_strict,
        rebuild=False,
    ),
    Candidate(
        "one word edited",
        "a synonym where no question looks",
        (),
        doctored.OneWordEdited,
        _too_strict,
        rebuild=False,
    ),
)
