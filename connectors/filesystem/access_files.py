"""Finds the access files of folders, afresh for every listing."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.filesystem.access_file import MAX_BYTES, NAME, FolderAccess, parse_access_file
from connectors.filesystem.names import shown
from connectors.filesystem.tree import Parts, Tree
from rag.access import AccessRule
from rag.errors import SourceError

_LOOK_ALIKES = frozenset({NAME, NAME.replace(".yaml", ".yml")})


class AccessFiles:
    """The access files below the root of ``tree``; those above it do not count."""

    def __init__(self, tree: Tree, *, follow_symlinks: bool) -> None:
        self._tree = tree
        self._follow_symlinks = follow_symlinks

    def enter(self, folder: Parts, names: Iterable[str], outer: FolderAccess) -> FolderAccess:
        """What holds in ``folder``, which holds ``names`` and lies where ``outer`` holds."""
        found = sorted(name for name in names if name.casefold() in _LOOK_ALIKES)
        if not found:
            return outer
        misnamed = [name for name in found if name != NAME]
        if misnamed:
            # Whoever wrote it believes that it protects something.
            problem = f"{shown((*folder, misnamed[0]))} is not read: the name of an access file is {NAME}"
            return FolderAccess(problem=problem).inside(outer)
        return self._read((*folder, NAME)).inside(outer)

    def at(self, folder: Parts) -> FolderAccess:
        """What holds in ``folder``, from the root down."""
        access = FolderAccess()
        for depth in range(len(folder) + 1):
            names = (entry.name for entry in self._tree.entries(folder[:depth]))
            access = self.enter(folder[:depth], names, access)
        return access

    def through_link(self, here: FolderAccess, target: Parts) -> FolderAccess:
        """What holds for a link in a folder where ``here`` holds, to something in the folder ``target``.

        Who may read the thing itself may read it through the link, unless denied where the link is: a link
        opens nothing.
        """
        there = self.at(target)
        if here.problem is not None:
            return here
        if there.rule is None or here.rule is None:
            return there
        return FolderAccess(AccessRule(there.rule.allow, there.rule.deny | here.rule.deny))

    def _read(self, file: Parts) -> FolderAccess:
        name = shown(file)
        try:
            real = self._tree.resolve(file) if self._follow_symlinks else file
            if real is None:
                return FolderAccess(problem=f"{name} is a link that leaves the source")
            return parse_access_file(self._tree.read(real, MAX_BYTES + 1), name)
        except SourceError as error:
            return FolderAccess(problem=f"{name} cannot be used: {error.what}")
        except OSError as error:
            return FolderAccess(problem=f"{name} cannot be read: {error.strerror}")
