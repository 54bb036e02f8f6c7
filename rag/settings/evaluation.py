"""What an evaluation measures besides rankings, and who judges."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rag.settings.base import LocatedError, Real, ResolvedPath, Section, Whole
from rag.settings.cron import cron
from rag.settings.model import LanguageModel

Schedule = Annotated[str, AfterValidator(cron)]


class Drift(Section):
    """Whether the judge still judges as it did when it was calibrated."""

    schedule: Schedule | None = Field(
        "0 4 * * *", description="When its labels are judged again: five cron fields; by hand only if null."
    )
    tolerance: Real = Field(
        0.02, ge=0, le=1, description="How far the mean of its scores may move before it is an alert."
    )


class Judge(Section):
    """Who judges answers. A metric that is judged decides in the gate only by a calibrated judge."""

    kind: Literal["support", "llm"] = Field(
        "support",
        description="support: offline, by words, meaning, numbers and names; llm: a language model.",
    )
    model: LanguageModel | None = Field(None, description="The model of kind llm.")
    labels: ResolvedPath | None = Field(
        None, description="Answers that people have labelled, which the judge is calibrated and watched with."
    )
    labels_sampled: bool = Field(
        False,
        description="Whether the labelled answers were drawn at random from those that are measured: the interval"
        " of groundedness is the prediction-powered one then, which is narrower.",
    )
    floor: Real = Field(0.7, ge=0.5, le=1, description="The AUROC that a judge must have to decide.")
    drift: Drift = Field(Drift(), description="Whether it still judges as it did.")

    @model_validator(mode="after")
    def _has_its_model(self) -> Self:
        if (self.model is not None) != (self.kind == "llm"):
            raise LocatedError("a judge of kind llm has a model, and no other has", ("model",))
        return self


class Evaluation(Section):
    """What is measured besides the rankings, and when what is promoted is measured again."""

    answers: bool = Field(
        True, description="Whether every question is answered too, and the answers are judged."
    )
    judge: Judge = Field(Judge(), description="Who judges them.")
    schedule: Schedule | None = Field(
        "0 3 * * *",
        description="When the promoted release is measured again: five cron fields; by hand if null.",
    )
    pages_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$", max_length=2048)] | None = Field(
        None,
        description="Where the folder reports of the state is served, to whoever may read all documents: the link"
        " in Prefect's UI. It names the file on the machine of the run if left out.",
    )
    latency_questions: Whole = Field(
        50, ge=10, le=1000, description="Questions that the time of a search is compared with."
    )
