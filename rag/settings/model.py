"""A language model, pinned."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from rag.settings.base import Duration, Real, Section, Whole, within
from rag.settings.urls import server_url


def _endpoint(text: str) -> str:
    known = server_url(
        text, expected="the base URL of an OpenAI-compatible endpoint, such as http://localhost:8000/v1"
    )
    return known.rstrip("/")


class LanguageModel(Section):
    """A model behind an OpenAI-compatible endpoint. What changes its answers is part of a release."""

    url: Annotated[str, Field(max_length=2048), AfterValidator(_endpoint)] = Field(
        description="The endpoint, up to /v1."
    )
    name: str = Field(min_length=1, max_length=256, description="The model, as its endpoint calls it.")
    api_key: SecretStr | None = Field(
        None, description="The endpoint's key, as ${ENV_VAR}; none if left out."
    )
    temperature: Real = Field(0.0, ge=0, le=2, description="0 for the likeliest answer.")
    seed: Whole | None = Field(None, ge=0, lt=2**31, description="For endpoints that can repeat an answer.")
    max_tokens: Whole = Field(800, ge=1, le=32_000, description="The longest answer.")
    timeout: Annotated[Duration, within("1s", "10m")] = Field(
        timedelta(seconds=30),
        description="How long one attempt may take, from the first byte to the last.",
    )
    attempts: Whole = Field(
        3, ge=1, le=10, description="Of one call, which takes no longer than so many timeouts."
    )
    json_schema: bool = Field(
        True,
        description="Whether the endpoint can hold a judge's answers to a schema; else JSON is asked for.",
    )
    parallel: Whole = Field(4, ge=1, le=64, description="Calls at a time in an evaluation.")
    prompt_price: Real = Field(0.0, ge=0, description="Of a million tokens that are sent.")
    completion_price: Real = Field(0.0, ge=0, description="Of a million tokens that come back.")
