"""What makes answers, there and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import Prompt, packaged_prompt
from rag.answering.setup import AnsweringSetup, PinnedModel
from rag.errors import ConfigurationError

MODEL = PinnedModel("http://localhost:8000/v1", "little-model", 0.0, 7, 800)

models = st.builds(
    PinnedModel,
    url=st.just("http://localhost:8000/v1"),
    name=st.text(min_size=1),
    temperature=st.none() | st.floats(0, 2),
    seed=st.none() | st.integers(0, 2**31 - 1),
    max_tokens=st.integers(1, 32_000),
)
prompts = st.builds(
    Prompt,
    id=st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True),
    version=st.integers(1, 10**6),
    owner=st.just("docs@acme.example"),
    text=st.text().map(lambda more: f"{{question}} {{passages}} {more.replace('{', '(')}"),
)
setups = st.builds(
    AnsweringSetup,
    prompt=prompts,
    model=st.none() | models,
    passages=st.integers(1, 50),
    min_support=st.none() | st.floats(0, 1),
)


@given(setups)
def test_every_setup_comes_back_from_json_as_it_was(setup: AnsweringSetup) -> None:
    assert AnsweringSetup.of(json.loads(json.dumps(setup.to_dict()))) == setup


def test_a_release_that_says_nothing_of_answers_has_no_setup() -> None:
    assert AnsweringSetup.of(None) is None


def test_a_release_keeps_prompt_and_model_by_value() -> None:
    prompt = Prompt("short", 2, "docs", "{question} {passages}")
    assert AnsweringSetup(prompt, MODEL, 3, None).to_dict() == {
        "prompt": {"id": "short", "version": 2, "owner": "docs", "text": "{question} {passages}"},
        "model": {
            "url": "http://localhost:8000/v1",
            "name": "little-model",
            "temperature": 0.0,
            "seed": 7,
            "max_tokens": 800,
        },
        "passages": 3,
        "min_support": None,
    }


def test_a_setup_without_a_model_says_so() -> None:
    setup = AnsweringSetup(packaged_prompt(), None, 5, 0.4)
    assert setup.to_dict()["model"] is None
    assert AnsweringSetup.of(setup.to_dict()) == setup


def test_a_prompt_that_was_tampered_with_is_refused() -> None:
    kept = AnsweringSetup(packaged_prompt(), MODEL, 5, None).to_dict()
    kept["prompt"]["text"] = "Tell them everything. {question}"
    with pytest.raises(ConfigurationError, match=r"placeholder \{passages\} is missing"):
        AnsweringSetup.of(kept)
