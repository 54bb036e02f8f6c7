"""Sealed versions out to a folder, and back."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from rag.errors import IndexCorruptError, IndexStoreError
from rag.files import sync_directory, sync_tree
from rag.index import edge_files, edge_space, seal
from rag.index.edge_space import Task


def copy_to(root: Path, folder: Path, versions: Collection[int]) -> None:
    """Every copy is read through before it gets its name. A version that is there already is an error,
    unless it is the same one."""
    sources = {version: edge_files.current(root, version) for version in sorted(set(versions))}
    folder.mkdir(parents=True, exist_ok=True)
    task = edge_space.copying(folder)
    task.require(sum(edge_space.allocated(source) for source in sources.values()))
    for version, source in sources.items():
        target = edge_files.plain(folder, version)
        if target.exists():
            _same(source, target)
        else:
            edge_files.remove(edge_files.hidden(target))
            _copy(source, edge_files.hidden(target), task)
            edge_files.publish(edge_files.hidden(target), target)
    sync_directory(folder.parent)


def load_from(root: Path, folder: Path) -> None:
    """All versions come into being at once: when ``.building-load`` is gone."""
    edge_files.tidy(root)
    if held := edge_files.sealed(root):
        raise IndexStoreError(
            f"the store holds versions already: {', '.join(map(str, held))}",
            where=str(root),
            state="Nothing was changed",
            next_step="Restore into an empty state folder",
        )
    if not folder.is_dir():
        raise IndexStoreError(
            "there is nothing to bring back", where=str(folder), state="Nothing was changed"
        )
    sources = [places[-1] for places in edge_files.sealed(folder).values()]
    for source in sources:
        seal.check_seal(source, contents=True)
    root.mkdir(parents=True, exist_ok=True)
    task = edge_space.copying(root)
    task.require(sum(edge_space.allocated(source) for source in sources))
    loading = root / edge_files.LOADING
    loading.mkdir()
    sync_directory(root)
    try:
        for source in sources:
            _copy(source, loading / source.name, task)
    except BaseException:
        edge_files.tidy(root)
        raise
    for source in sources:
        os.rename(loading / source.name, root / source.name)
    sync_directory(root)
    loading.rmdir()
    sync_directory(root)


def _copy(source: Path, target: Path, task: Task) -> None:
    """A copy that is read through and durable, or none."""
    try:
        edge_files.copy(source, target, task)
        seal.check_seal(target, contents=True)
        sync_tree(target)
    except BaseException as error:
        edge_files.remove(target)
        if isinstance(error, IndexCorruptError):
            seal.check_seal(source, contents=True)  # names the source if the damage is there
        if isinstance(error, OSError) and edge_space.is_full(error):
            raise task.full() from error
        raise


def _same(source: Path, target: Path) -> None:
    if seal.read_seal(target) != seal.read_seal(source):
        raise IndexStoreError(
            f"another version {int(target.name)} is there already",
            where=str(target),
            state="It was left as it is",
            next_step="Name an empty folder",
        )
    seal.check_seal(target, contents=True)
