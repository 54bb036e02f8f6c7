"""The ``filesystem`` connector."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

from connectors.filesystem.names import problem_with, shown
from connectors.filesystem.settings import FilesystemSettings
from connectors.filesystem.tree import Parts, Tree
from connectors.filesystem.walk import Found, Walk
from connectors.instants import instant
from connectors.port import Content, DocumentRef
from rag.errors import SourceError


class FilesystemConnector:
    """Every regular file below a folder is a document; its id is its path below the folder, with ``/``.

    Files and folders whose name starts with a full stop are left out. Nothing is kept between listings.
    """

    def __init__(self, settings: FilesystemSettings, directory: Path) -> None:
        root = (directory / settings.path).absolute()
        self._tree = Tree(root.resolve() if ".." in root.parts else root)
        self._follow_symlinks = settings.follow_symlinks
        self._walk = Walk(self._tree, settings)

    def list(self) -> Iterator[DocumentRef]:
        """Every file, ordered by id. Raises ``SourceVanishedError`` where the folder is no more, and
        ``SourceUnavailableError``, which names it, where a folder below cannot be read."""
        for found in self._walk.files():
            yield self._ref(found)

    def fetch(self, id: str) -> Content:
        """The bytes of the file. Raises ``SourceError`` for an id that ``list`` does not or no longer give,
        and ``SourceUnavailableError`` where the file cannot be read or changes meanwhile."""
        parts = tuple(id.split("/"))
        if any(part in ("", ".", "..") or "\0" in part or problem_with(part) for part in parts):
            raise SourceError(f"{id!r} is no id of a document", where=str(self._tree.root))
        if not self._walk.takes(parts):
            raise SourceError(
                f"{id!r} is not one of the documents that are taken", where=str(self._tree.root)
            )
        self._tree.identity()
        try:
            return Content(parts[-1], self._tree.read(self._real(parts)))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceError(f"{id!r} is no longer there", where=str(self._tree.root)) from error
        except OSError as error:
            if error.errno in (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG):
                raise SourceError(f"{id!r} is not a regular file", where=str(self._tree.root)) from error
            raise self._tree.unavailable(parts, error) from error

    def _real(self, parts: Parts) -> Parts:
        if not self._follow_symlinks:
            return parts
        real = self._tree.resolve(parts)
        if real is None:
            raise SourceError(
                f"{'/'.join(parts)!r} is a link that leaves the source", where=str(self._tree.root)
            )
        return real

    def _ref(self, found: Found) -> DocumentRef:
        problem = next((text for text in map(problem_with, found.parts) if text), None)
        if problem is None and found.real is None:
            problem = "a link that leaves the source is not followed"
        if problem is None:
            problem = found.access.problem
        path = Path(self._tree.path(found.parts))
        return DocumentRef(
            id=shown(found.parts),
            fingerprint=_fingerprint(path.as_uri(), found, problem),
            modified_at=instant(found.status.st_mtime_ns),
            access=None if problem else found.access.rule,
            uri=None if problem else path.as_uri(),
            problem=problem,
        )


def _fingerprint(uri: str, found: Found, problem: str | None) -> str:
    # The change time catches what size and modification time do not: a file replaced by one that was given
    # the old times, as cp -p, rsync and tar do. It cannot be set. The price is a fetch after chmod or a move,
    # which the content's hash then finds unchanged. Inode numbers are left out: network file systems make
    # them up.
    status = found.status
    facts = (uri, found.real, status.st_size, status.st_mtime_ns, status.st_ctime_ns, problem)
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()
