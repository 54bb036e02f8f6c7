"""How lockgate ask answers."""

from __future__ import annotations

from pydantic import Field

from rag.settings.base import Real, ResolvedPath, Section, Whole
from rag.settings.model import LanguageModel


class Answering(Section):
    """The prompt and the model behind answers. Readers get those of the promoted release."""

    model: LanguageModel | None = Field(
        None, description="Without one, answers are the best-supported sentences of the passages, quoted."
    )
    prompt: ResolvedPath | None = Field(None, description="A prompt file; the packaged one if left out.")
    passages: Whole = Field(5, ge=1, le=50, description="Passages that an answer is made from.")
    min_support: Real | None = Field(
        None,
        ge=0,
        le=1,
        description="Passages that support less are refused; a measured default if left out.",
    )
