"""What can be set for a ``filesystem`` source."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.globs import checked

Glob: TypeAlias = Annotated[str, AfterValidator(checked)]


class FilesystemSettings(BaseModel):
    """A folder, and which of its files are documents."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: str = Field(
        pattern=r"^[^\x00]+$", description="The folder; a relative one starts at lockgate.yaml."
    )
    include: tuple[Glob, ...] = Field(
        ("**/*",), min_length=1, description="Globs of the files to take, below path; ** is any depth."
    )
    exclude: tuple[Glob, ...] = Field((), description="Globs of the files to leave out, below path.")
    hidden: bool = Field(
        False, description="Whether files and folders are taken whose names begin with a dot."
    )
    follow_symlinks: bool = Field(
        False, description="Whether links are followed, to what is below path; never to anything else."
    )
