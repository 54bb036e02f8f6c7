"""The embedder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from rag.settings.base import Section, Whole, resolved


def _model(text: str, info: ValidationInfo) -> str:
    # "org/name" is a model's name, so only what is plainly a path is taken for one.
    return str(resolved(Path(text), info)) if text.startswith(("./", "../")) else text


class Embedding(Section):
    """The embedding model, and how many texts it takes at once."""

    model: Annotated[str, AfterValidator(_model)] = Field(
        "default",
        min_length=1,
        description="default: the packaged all-MiniLM-L6-v2; else a sentence-transformers name, or a path"
        " that starts with /, ./ or ../.",
    )
    batch_size: Whole = Field(32, ge=1, le=4096, description="Texts embedded at once.")
