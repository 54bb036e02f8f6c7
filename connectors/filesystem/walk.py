"""Walks a tree in the order of ids."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.filesystem.access_file import FolderAccess
from connectors.filesystem.access_files import AccessFiles
from connectors.filesystem.names import is_hidden
from connectors.filesystem.settings import FilesystemSettings
from connectors.filesystem.tree import Parts, Tree
from connectors.globs import Globs
from rag.errors import SourceUnavailableError


@dataclass(frozen=True, slots=True)
class Found:
    """A file at ``parts``, with the ``status`` of the file ``real`` that it is or links to, and the ``access``
    that holds for it. ``real`` is ``None`` for a link that leaves the root; ``status`` is then the link's."""

    parts: Parts
    real: Parts | None
    status: os.stat_result
    access: FolderAccess


@dataclass(frozen=True, slots=True)
class _Folder:
    parts: Parts
    real: Parts
    access: FolderAccess
    above: frozenset[tuple[int, int]]


class Walk:
    """Lists what ``settings`` take from ``tree``."""

    def __init__(self, tree: Tree, settings: FilesystemSettings) -> None:
        self._tree = tree
        self._follow = settings.follow_symlinks
        self._include = Globs(settings.include)
        self._exclude = Globs(settings.exclude)
        self._access = AccessFiles(tree, follow_symlinks=settings.follow_symlinks)

    def takes(self, parts: Parts) -> bool:
        """Whether a file at ``parts`` is listed, going by its name."""
        path = "/".join(parts)
        if any(is_hidden(part) for part in parts):
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
            raise SourceUnavailableError("the folder was replaced while it was listed", where=str(self._tree.root))

    def _inside(self, folder: _Folder) -> list[_Folder | Found]:
        """What is in ``folder``, last first. A folder sorts with a final ``/``: the order is that of whole paths."""
        entries = self._tree.entries(folder.real)
        names = [entry.name for entry in entries]
        # A linked folder's own file is already counted, from the place where the folder really is.
        linked = folder.parts != folder.real and folder.parts[-1:] != folder.real[-1:]
        access = folder.access if linked else self._access.enter(folder.real, names, folder.access)
        keyed: list[tuple[str, _Folder | Found]] = []
        for name in names:
            if is_hidden(name):
                continue
            item = self._item(folder, name, access)
            if item is not None:
                keyed.append((name + "/" if isinstance(item, _Folder) else name, item))
        return [item for _, item in sorted(keyed, key=lambda pair: pair[0], reverse=True)]
