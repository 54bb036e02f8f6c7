"""Where the index lives."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, model_validator

from rag.settings.base import Duration, LocatedError, Section, Whole, within
from rag.settings.urls import server_url

_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]")


def _server_url(text: str) -> str:
    return server_url(text, expected="the URL of a Qdrant server, such as http://localhost:6333")


class EdgeIndex(Section):
    """Qdrant Edge, in the process; the index is kept in the state folder."""

    store: Literal["edge"] = Field("edge", description="edge: Qdrant Edge, in the process.")


class QdrantIndex(Section):
    """A Qdrant server or cluster."""

    store: Literal["qdrant"] = Field(description="qdrant: a Qdrant server or cluster.")
    url: Annotated[str, AfterValidator(_server_url)] = Field(description="The server's http or https URL.")
    api_key: SecretStr | None = Field(
        None,
        description="The server's key, as ${ENV_VAR}; none if left out. Over http anyone on the way can read it.",
    )
    prefix: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=100,
        description="What the names of the project's collections begin with, and no other project's on that"
        " server: lockgate- and the project's name if left out.",
    )
    timeout: Annotated[Duration, within("1s", "10m")] = Field(
        timedelta(seconds=10), description="How long one request may take."
    )
    batch_size: Whole = Field(
        256, ge=1, le=2048, description="Points written at once; the server takes 32 MB at once unless told."
    )
    attempts: Whole = Field(
        5,
        ge=1,
        le=20,
        description="How often a write is tried, with longer and longer pauses; a search twice.",
    )
    shards: Whole = Field(
        1, ge=1, le=1024, description="Shards of a new collection; words are weighed within each."
    )
    replicas: Whole = Field(1, ge=1, le=64, description="Copies of each shard of a new collection.")
    write_consistency: Whole = Field(
        1, ge=1, le=64, description="Copies that must have a write before it counts; at most replicas."
    )
    quantization: Literal["none", "scalar", "binary"] = Field(
        "none",
        description="Small vectors in memory for the search; what it finds is scored by the whole ones.",
    )
    on_disk: bool = Field(False, description="Whether vectors are read from the disk, not held in memory.")

    @model_validator(mode="after")
    def _enough_replicas(self) -> Self:
        if self.write_consistency > self.replicas:
            raise LocatedError(
                f"expected at most the number of replicas, which is {self.replicas}", ("write_consistency",)
            )
        return self

    def collection_prefix(self, project: str) -> str:
        """``prefix``, or one from the project's name. A name that has to be changed for it keeps a digest, so that
        no two projects share one."""
        if self.prefix is not None:
            return self.prefix
        plain = _FOREIGN.sub("-", project)
        if plain != project:
            plain += "-" + hashlib.sha256(project.encode()).hexdigest()[:8]
        return f"lockgate-{plain}"


Index: TypeAlias = Annotated[EdgeIndex | QdrantIndex, Field(discriminator="store")]
