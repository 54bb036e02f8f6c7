"""Where the index lives."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from rag.settings.base import Section


def _server_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        login = parts.username is not None or parts.password is not None
    except ValueError:
        usable, login = False, False
    if not usable:
        raise ValueError("expected the URL of a Qdrant server, such as http://localhost:6333")
    if login:
        raise ValueError("a URL holds no user name or password; use api_key")
    return text


class EdgeIndex(Section):
    """Qdrant Edge, in the process; the index is kept in the state folder."""

    store: Literal["edge"] = Field("edge", description="edge: Qdrant Edge, in the process.")


class QdrantIndex(Section):
    """A Qdrant server or cluster."""

    store: Literal["qdrant"] = Field(description="qdrant: a Qdrant server or cluster.")
    url: Annotated[str, AfterValidator(_server_url)] = Field(description="The server's http or https URL.")
    api_key: SecretStr | None = Field(None, description="The server's key, as ${ENV_VAR}; none if left out.")


Index: TypeAlias = Annotated[EdgeIndex | QdrantIndex, Field(discriminator="store")]
