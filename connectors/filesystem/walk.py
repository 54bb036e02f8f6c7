"""Walks a tree in the order of ids."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.filesystem.access_file import FolderAccess
from connectors.filesystem.access_files import AccessFiles
from connectors.filesystem.names import is_left_out
from connectors.filesystem.settings import FilesystemSettings
from connectors.filesystem.tree import Parts, Tree
from connectors.globs import Globs
from rag.errors import SourceUnavailableError


@dataclass(frozen=True, slots=True)
class Found:
    """A file at ``parts``, with the ``status`` of the file ``real`` that it is or links to, and the
    ``access`` that holds for it. ``real`` is ``None`` for a link out of the root, and ``status`` its."""

    parts: Parts
    real: Parts | None
    status: os.stat_result
    access: FolderAccess


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into. ``entered`` says that ``access`` holds in it, and not only around it; ``above``
    has device and inode of it and of every folder on the way."""

    parts: Parts
    real: Parts
    access: FolderAccess
    above: frozenset[tuple[int, int]]
    entered: bool = False


class Walk:
    """Lists what ``settings`` take from ``tree``."""

    def __init__(self, tree: Tree, settings: FilesystemSettings) -> None:
        self._tree = tree
        self._follow = settings.follow_symlinks
        self._hidden = settings.hidden
        self._include = Globs(settings.include)
        self._exclude = Globs(settings.exclude)
        self._access = AccessFiles(tree, follow_symlinks=settings.follow_symlinks)

    def takes(self, parts: Parts) -> bool:
        """Whether a file at ``parts`` is listed, going by its name."""
        path = "/".join(parts)
        if any(is_left_out(part, hidden=self._hidden) for part in parts):
            return False
        return self._include.match(path) and not self._exclude.match(path)

    def files(self) -> Iterator[Found]:
        """Every file, ordered by its path. Raises ``SourceVanishedError`` where the root is or goes missing,
        and ``SourceUnavailableError`` where a folder cannot be listed or the root becomes another one."""
        identity = self._tree.identity()
        stack: list[_Folder | Found] = [_Folder((), (), FolderAccess(), frozenset({identity}))]
        while stack:
            item = stack.pop()
            if isinstance(item, Found):
                yield item
            else:
                stack += self._inside(item)
        if self._tree.identity() != identity:
            raise SourceUnavailableError(
                "the folder was replaced while it was listed", where=str(self._tree.root)
            )

    def _inside(self, folder: _Folder) -> list[_Folder | Found]:
        """What is in ``folder``, last first; a folder sorts with a final ``/``, as whole paths do."""
        entries = self._tree.entries(folder.real)
        names = [entry.name for entry in entries]
        access = folder.access if folder.entered else self._access.enter(folder.real, names, folder.access)
        keyed: list[tuple[str, _Folder | Found]] = []
        for name in names:
            if is_left_out(name, hidden=self._hidden):
                continue
            item = self._item(folder, name, access)
            if item is not None:
                keyed.append((name + "/" if isinstance(item, _Folder) else name, item))
        return [item for _, item in sorted(keyed, key=lambda pair: pair[0], reverse=True)]

    def _item(self, folder: _Folder, name: str, access: FolderAccess) -> _Folder | Found | None:
        parts, real = (*folder.parts, name), (*folder.real, name)
        status = self._tree.status(real)
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            return self._link(folder, Found(parts, None, status, access), real) if self._follow else None
        if stat.S_ISDIR(status.st_mode):
            above = folder.above | {(status.st_dev, status.st_ino)}
            return None if self._exclude.covers("/".join(parts)) else _Folder(parts, real, access, above)
        if stat.S_ISREG(status.st_mode) and self.takes(parts):
            return Found(parts, real, status, access)
        return None

    def _link(self, folder: _Folder, link: Found, real: Parts) -> _Folder | Found | None:
        """What ``link`` leads to: itself if it leaves the root, ``None`` if to nothing or back up."""
        try:
            target = self._tree.resolve(real)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None
            raise self._tree.unavailable(real, error) from error
        if target is None:
            return link if self.takes(link.parts) else None
        status = self._tree.status(target)
        path = "/".join(target)
        if status is None or self._exclude.match(path):
            return None
        if stat.S_ISDIR(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if (
                key in folder.above
                or self._exclude.covers(path)
                or self._exclude.covers("/".join(link.parts))
            ):
                return None
            access = self._access.through_link(link.access, target)
            return _Folder(link.parts, target, access, folder.above | {key}, entered=True)
        if stat.S_ISREG(status.st_mode) and self.takes(link.parts):
            return Found(link.parts, target, status, self._access.through_link(link.access, target[:-1]))
        return None
