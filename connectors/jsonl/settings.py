"""What can be set for a ``jsonl`` source."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.jsonl.files import split_glob


def _path(text: str) -> str:
    split_glob(text)
    return text


def _encoding(name: str) -> str:
    try:
        plain = '{"a": 1}\n'.encode(name) == b'{"a": 1}\n'
    except LookupError:
        plain = False
    if not plain:
        raise ValueError("expected an encoding that has ASCII in it, such as utf-8 or cp1252")
    return name


class JsonlSettings(BaseModel):
    """Files of JSON lines, and how they are encoded."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: Annotated[str, AfterValidator(_path)] = Field(
        pattern=r"^[^\x00]+$",
        description="A file, a folder of *.jsonl, or a glob; a relative one starts at lockgate.yaml.",
    )
    groups: str | None = Field(
        None,
        pattern=r"^[^\x00]+$",
        description='A file of {"_id": "group:eng", "members": ["user:ada"]}, one a line, which holds no'
        " documents; a relative one starts at lockgate.yaml.",
    )
    encoding: Annotated[str, AfterValidator(_encoding)] = Field("utf-8", description="Of the files.")
