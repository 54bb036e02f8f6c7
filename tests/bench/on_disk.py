"""The made-up corpus as files in folders with access files, listed and read by the filesystem connector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import connectors
from tests.bench.corpus import Fetched, Listed, MadeUpSource


class OnDisk(MadeUpSource):
    """``documents`` files below ``root``, one chunk each; file n is in folder n modulo ``folders``."""

    def __init__(self, root: Path, documents: int, folders: int) -> None:
        super().__init__(documents, 1, folders)
        self._root, self._folders = root, folders
        for folder in range(folders):
            (root / f"g{folder:03d}").mkdir(parents=True)
            self.allow(folder, f"group:g{folder}")
        for number in range(documents):
            (root / self.id(number)).write_bytes(super().fetch(f"{number:06d}.txt").data)
        self._connector = connectors.build(
            "filesystem", {"path": str(root)}, directory=root, where="the benchmark"
        )

    def id(self, number: int) -> str:
        """The path of file ``number`` below the root."""
        return f"g{number % self._folders:03d}/{number:06d}.txt"

    def allow(self, folder: int, principal: str) -> None:
        """Writes the access file of one folder anew."""
        (self._root / f"g{folder:03d}" / ".access.yaml").write_text(f'allow: ["{principal}"]\n')

    def list(self) -> Iterator[Listed]:
        return cast("Iterator[Listed]", self._connector.list())  # a reference has all that an entry has

    def fetch(self, id: str) -> Fetched:
        content = self._connector.fetch(id)
        return Fetched(content.name, content.data)
