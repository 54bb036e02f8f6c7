"""Who is in which group, from the groups file, the directories and the sources that know groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors import KnowsGroups
from connectors.directories import Snapshot, build_directory
from flows.project import Project
from rag.catalog import utcnow
from rag.catalog.tables import Directory as DirectoryRow
from rag.errors import DirectoryError
from rag.releases import forget_directories, sync_memberships

GROUPS_FILE = "groups"
"""The name of the groups file among directories. Others are ``directory/NAME`` and ``source/NAME``."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a directory said. With an ``error`` it said nothing: its memberships hold until they are too old."""

    name: str
    changed: bool = False
    observed_at: datetime | None = None
    good_until: datetime | None = None
    """None: for ever."""
    error: DirectoryError | None = None


@dataclass(frozen=True, slots=True)
class _Directory:
    name: str
    read: Callable[[], Snapshot | None]
    """None where there is nothing to be asked."""
    max_age: timedelta | None


def sync_groups(project: Project) -> list[Heard]:
    """Asks every directory who is in which group, and has that in effect at once; each on its own.

    What a directory said that is not configured any more is forgotten. Raises ``ConfigurationError`` for a groups
    file that is wrong, and ``DirectoryError`` for a directory that has never been heard and cannot be read.
    """
    directories = list(_directories(project))
    heard = [found for each in directories if (found := _sync(project, each)) is not None]
    with project.catalog.write() as session:
        forget_directories(session, keep={each.name for each in directories})
    return heard


def _sync(project: Project, directory: _Directory) -> Heard | None:
    try:
        found = directory.read()
    except DirectoryError as error:
        with project.catalog.read() as session:
            if session.get(DirectoryRow, directory.name) is None:
                raise  # whom its groups deny is not known at all
        return Heard(directory.name, error=error)
    if found is None:
        return None
    with project.catalog.write() as session:
        changed = sync_memberships(
            session,
            directory.name,
            found.members_of,
            observed_at=found.observed_at,
            max_age=directory.max_age,
        )
    good_until = None if directory.max_age is None else found.observed_at + directory.max_age
    return Heard(directory.name, changed, found.observed_at, good_until)


def _directories(project: Project) -> Iterator[_Directory]:
    settings = project.settings
    yield _Directory(GROUPS_FILE, lambda: Snapshot(project.members_of(), utcnow()), settings.groups_max_age)
    for index, each in enumerate(settings.directories):
        where = settings.where("directories", index)
        directory = build_directory(each.name, each.format, each.path, each.options, where=where)
        yield _Directory(f"directory/{each.name}", directory.read, each.max_age)
    for source in settings.sources:
        connector = project.connector(source)
        if isinstance(connector, KnowsGroups):
            yield _Directory(f"source/{source.name}", connector.groups, source.access.groups_max_age)
