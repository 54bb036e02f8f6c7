"""Erasing documents from sealed versions: vectors can be turned back into text, so no byte of them may stay.

A sealed directory never changes; a version is rewritten beside it, and takes its place by a rename. A reader
that is open keeps the old files until it closes. Blocks that the file system has freed are its own affair: a
disk that must not give them up is encrypted or trimmed.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from rag.errors import IndexCorruptError, IndexStoreError
from rag.index import edge_files, edge_shard, edge_space, seal


def erase(root: Path, documents: Collection[int]) -> None:
    """Every version is tried; the first that failed is told when the others are done."""
    edge_files.tidy(root)
    if not documents:
        return
    failed = []
    for version, places in edge_files.sealed(root).items():
        try:
            _erase(version, places[-1], documents)
        except IndexStoreError as error:
            edge_files.tidy(root)
            failed.append(error)
    if failed:
        raise failed[0]


def ghosts(facts: dict[str, Any]) -> frozenset[int] | None:
    """The documents whose deleted points may still have bytes in a version; ``None`` if its seal does not tell."""
    found = facts.get("ghosts")
    if not isinstance(found, list) or not all(isinstance(document, int) for document in found):
        return None
    return frozenset(found)


def _erase(version: int, directory: Path, documents: Collection[int]) -> None:
    shard, facts = edge_shard.open_sealed(directory)
    try:
        with edge_shard.told(directory):
            held = shard.count(edge.CountRequest(filter=edge_shard.of_documents(documents)))
        left = ghosts(facts)
        if not held and left is not None and left.isdisjoint(documents):
            return
        # Read through before it is sealed anew: a new seal must not make damage look sound.
        seal.check_seal(directory, contents=True)
        _replace(version, directory, shard, documents, expected=facts["points"] - held)
    finally:
        edge_shard.close(shard)
    edge_files.discard(directory)


def _replace(
    version: int, directory: Path, shard: edge.EdgeShard, documents: Collection[int], *, expected: int
) -> None:
    task = edge_space.erasing(directory.parent, version)
    final = edge_files.following(directory)
    building = edge_files.hidden(final)
    fresh = edge_shard.rewrite(shard, directory, building, documents, task)
    try:
        points = edge_shard.finish(fresh, building, task)
    except BaseException:
        edge_shard.close(fresh)
        raise
    if points != expected:
        raise IndexCorruptError(
            f"version {version} has {points} points left where {expected} were expected",
            where=str(directory),
            state="It is as it was and still holds what was to be erased",
            next_step="Run lockgate ingest --rebuild to build a sound one beside it, or lockgate rollback",
        )
    with edge_shard.told(building, task):
        seal.write_seal(building, points=points, ghosts=[])
        edge_files.publish(building, final)
