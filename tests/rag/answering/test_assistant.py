"""What the application asks: it follows what is promoted, prompt and model as well as index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answering import Answerer, Prompt, packaged_prompt
from rag.answering.answerer import Search
from rag.answering.assistant import Assistant
from rag.answering.setup import AnsweringSetup
from rag.errors import PrincipalError, ReleaseError, UnknownVersionError
from rag.releases import GateDecision, record_decision, roll_back
from rag.retrieval import Retriever, SearchResult
from tests.rag.answering.making import ScriptedModel
from tests.support.harness import ADA, BOB, Harness
from tests.support.source import MemorySource

QUESTION = "When is the merger plan due?"
CONFIGURED = AnsweringSetup(Prompt("configured", 1, "docs", "CONFIGURED {question} {passages}"), None, 5, 0.0)
OLD = replace(CONFIGURED, prompt=Prompt("old", 1, "docs", "OLD {question} {passages}"))
NEW = replace(CONFIGURED, prompt=Prompt("new", 1, "docs", "NEW {question} {passages}"))


class Asking:
    """An assistant over a harness, the model that it asks, and how often an answerer was made."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.model = ScriptedModel("It is due in March [1].")
        self.made: list[AnsweringSetup | None] = []
        self.closed = 0
        self.before_search: Callable[[], None] = lambda: None
        self.retriever: Retriever = harness.retriever()
        self.assistant = Assistant(harness.catalog, self._answerer, closing=self)

    def close(self) -> None:
        self.closed += 1

    def promote(self, version: int, setup: AnsweringSetup | None) -> None:
        """Moves the pointer to a release of ``version`` that says ``setup``."""
        settings = {"answering": setup.to_dict()} if setup else {}
        prints = {"answering": setup.prompt.id if setup else ""}
        with self.harness.catalog.write() as session:
            record_decision(
                session, GateDecision("promote", version, None, ["so"], [], prints, settings=settings)
            )

    def ask(self, principal: str = ADA, version: int | None = None) -> tuple[str, int | None]:
        """The first word of the prompt that was used, and the version that was searched."""
        answer = self.assistant.ask(QUESTION, principal=principal, version=version)
        return self.model.asked[-1][1].content.split()[0], answer.version

    def _answerer(self, setup: AnsweringSetup | None) -> Answerer:
        self.made.append(setup)
        chosen = setup or CONFIGURED
        search: Search = self._search
        return Answerer(
            search, self.model, chosen.prompt, self.harness.embedder, min_support=chosen.min_support
        )

    def _search(
        self, query: str, /, *, principal: str | None, token: str | None, limit: int, version: int | None
    ) -> SearchResult:
        self.before_search()
        return self.retriever.search_version(
            query, principal=principal, token=token, limit=limit, version=version
        )


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    """Ada reads ``plan``, Bob nothing; versions 1 and 2 are sealed and none is promoted."""
    source = MemorySource()
    source.put("plan", "the merger plan is due", "user:ada")
    with Harness(tmp_path, default=None) as harness:
        harness.ingest(source)
        source.put("menu", "a lunch menu", "user:ada")
        harness.ingest(source)
        assert harness.latest == 2
        yield Asking(harness)


def test_before_the_first_promotion_nothing_is_answered(asking: Asking) -> None:
    with pytest.raises(ReleaseError, match="nothing is promoted yet"):
        asking.ask()
    assert (asking.made, asking.model.asked) == ([], [])


def test_it_follows_a_promotion_and_a_rollback_with_prompt_and_version(asking: Asking) -> None:
    asking.promote(1, OLD)
    assert asking.ask() == ("OLD", 1)
    asking.promote(2, NEW)
    assert asking.ask() == ("NEW", 2)
    with asking.harness.catalog.write() as session:
        assert roll_back(session) == (2, 1)
    assert asking.ask() == ("OLD", 1)


def test_it_follows_another_release_of_the_same_version(asking: Asking) -> None:
    asking.promote(1, OLD)
    assert asking.ask() == ("OLD", 1)
    asking.promote(1, NEW)
    assert asking.ask() == ("NEW", 1)


def test_an_answerer_is_made_once_for_a_release(asking: Asking) -> None:
    asking.promote(1, OLD)
    asking.ask()
    asking.ask()
    asking.promote(2, NEW)
    asking.ask()
    assert asking.made == [OLD, NEW]


def test_a_release_that_says_nothing_of_answers_is_answered_as_configured(asking: Asking) -> None:
    asking.promote(1, None)
    assert asking.ask() == ("CONFIGURED", 1)


def test_another_version_is_answered_as_configured(asking: Asking) -> None:
    asking.promote(1, OLD)
    assert asking.ask(version=2) == ("CONFIGURED", 2)
    assert asking.ask() == ("OLD", 1)


def test_another_version_is_answered_before_anything_is_promoted(asking: Asking) -> None:
    assert asking.ask(version=1) == ("CONFIGURED", 1)


def test_a_promotion_between_look_and_search_is_followed(asking: Asking) -> None:
    asking.promote(1, OLD)
    moved = iter([lambda: asking.promote(2, NEW)])
    asking.before_search = lambda: next(moved, lambda: None)()
    assert asking.ask() == ("NEW", 2)


def test_promotions_without_end_end_in_an_error(asking: Asking) -> None:
    asking.promote(1, OLD)
    now = [1]

    def move() -> None:
        now[0] = 3 - now[0]
        asking.promote(now[0], NEW)

    asking.before_search = move
    with pytest.raises(ReleaseError, match="changed all the time"):
        asking.ask()


def test_who_may_read_nothing_is_refused_and_the_model_is_not_asked(asking: Asking) -> None:
    asking.promote(1, OLD)
    answer = asking.assistant.ask(QUESTION, principal=BOB)
    assert (answer.refused, answer.passages, answer.version) == (True, (), 1)
    assert asking.model.asked == []


def test_nobody_gets_no_answer(asking: Asking) -> None:
    asking.promote(1, OLD)
    with pytest.raises(PrincipalError):
        asking.assistant.ask(QUESTION)
    with pytest.raises(PrincipalError):
        asking.assistant.ask(QUESTION, version=2)
    assert asking.model.asked == []


def test_an_unknown_version_is_an_error(asking: Asking) -> None:
    with pytest.raises(UnknownVersionError, match="no version 9"):
        asking.ask(version=9)


def test_it_closes_what_was_opened_with_it(asking: Asking) -> None:
    with asking.assistant as assistant:
        assert assistant is asking.assistant
    assert asking.closed == 1


def test_the_packaged_prompt_is_a_release_like_any_other(asking: Asking) -> None:
    asking.promote(1, replace(CONFIGURED, prompt=packaged_prompt()))
    asking.ask()
    sent = asking.model.asked[-1]
    assert sent == packaged_prompt().render(
        QUESTION, asking.retriever.search(QUESTION, principal=ADA, limit=5)
    )


def test_asking_works_from_asyncio(asking: Asking) -> None:
    asking.promote(1, OLD)
    waited_for = asyncio.run(asking.assistant.aask("when is the merger plan due", principal="user:ada"))
    assert waited_for == asking.assistant.ask("when is the merger plan due", principal="user:ada")
    assert not waited_for.refused
