"""How long a revocation takes to reach other processes: from the catalog, and from the source."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlmodel import col

from rag.access import AccessRule
from rag.catalog import Catalog, put_under, replace_memberships, rule_id
from rag.catalog.tables import Document
from rag.index import Bm25Encoder, EdgeStore, IndexQuery
from rag.retrieval import Retriever
from tests.bench.corpus import MadeUpProject, build, vector_of
from tests.bench.on_disk import OnDisk
from tests.bench.search import NoEmbedder

READERS = 4
DOCUMENTS = 2_000
FOLDERS = 100
REVOCATIONS = 250
EDITS = 50
READER = "user:reader"
_REPOSITORY = Path(__file__).parents[2]
_OVER = -1


class Board:
    """Numbers that all processes see: what is asked for, and what each reader has found of it.

    The writer asks for a document by a ticket, 1, 2, ...; readers answer with the ticket. Times are nanoseconds
    of the clock that all processes of a machine share.
    """

    def __init__(self, file: Path) -> None:
        self._cells = np.memmap(file, np.int64, "r+" if file.exists() else "w+", shape=(2 + 5 * READERS,))
        self.held = self._cells[2 : 2 + READERS]
        """The last ticket whose document a reader has had."""
        self.lost = self._cells[2 + READERS : 2 + 2 * READERS]
        """The last ticket whose document a reader had, and then had no more."""
        self.lost_at = self._cells[2 + 2 * READERS : 2 + 3 * READERS]
        """When the first answer without it was there."""
        self.begun_at = self._cells[2 + 3 * READERS : 2 + 4 * READERS]
        """When the last answer began that still had it."""
        self.answers = self._cells[2 + 4 * READERS :]

    def ask(self, ticket: int, document: int = 0) -> None:
        self._cells[1] = document
        self._cells[0] = ticket  # last: whoever sees the ticket sees its document

    def asked(self) -> tuple[int, int]:
        return int(self._cells[0]), int(self._cells[1])


def read(root: Path, reader: int) -> None:
    """What a reader process does until it is told to stop: asks for the document that is asked for."""
    board = Board(root / "board")
    catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=False)
    bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=60)

    @cache
    def query(document: int) -> tuple[str, Callable[..., IndexQuery]]:
        id = f"g{document % FOLDERS:03d}/{document:06d}.txt"
        text = (root / "files" / id).read_text()
        words = bm25.query(" ".join(text.split()[:8]))
        return f"made-up/{id}", partial(IndexQuery, dense=vector_of(text), sparse=words)

    with Retriever(
        catalog, EdgeStore(root / "index"), NoEmbedder(), bm25, on_close=catalog.close
    ) as retriever:
        while True:
            ticket, document = board.asked()
            if ticket == _OVER:
                return
            key, prepared = query(document)
            begun = time.monotonic_ns()
            hits = retriever.search_prepared(prepared, principal=READER, limit=10).hits
            ended = time.monotonic_ns()
            board.answers[reader] += 1
            if any(hit.document == key for hit in hits):
                board.begun_at[reader] = begun
                board.held[reader] = ticket
            elif board.held[reader] == ticket and board.lost[reader] != ticket:
                board.lost_at[reader] = ended
                board.lost[reader] = ticket


@contextmanager
def _readers(root: Path, board: Board) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import pathlib; from tests.bench.revocation import read; read(pathlib.Path({str(root)!r}), {n})",
            ],
            cwd=_REPOSITORY,
        )
        for n in range(READERS)
    ]
    try:
        yield
    finally:
        board.ask(_OVER)
        for process in processes:
            process.wait(timeout=60)


def _wait(found: npt.NDArray[np.int64], ticket: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not (found == ticket).all():
        if time.monotonic() > until:
            raise TimeoutError(f"ticket {ticket}: the readers have come to {found.tolist()}")
        time.sleep(0.0005)


class Latencies:
    """Seconds from a moment until the last reader had its first answer without the document, one a revocation."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._seconds: list[float] = []
        self.late = 0
        """Answers that began after the moment and still had the document, counted once a reader and revocation."""

    def note(self, ticket: int, since: int, effective: int) -> None:
        """``since``: the moment. ``effective``: from when on no answer that begins may have the document."""
        _wait(self._board.lost, ticket)
        self._seconds.append((int(self._board.lost_at.max()) - since) / 1e9)
        self.late += int((self._board.begun_at > effective).sum())

    def show(self, name: str) -> None:
        p50, p99 = np.percentile(self._seconds, [50, 99]) * 1000
        print(
            f"  {name}: p50 {p50:.1f} ms   p99 {p99:.1f} ms   max {1000 * max(self._seconds):.1f} ms"
            f"   ({len(self._seconds)} revocations, {self.late} answers that began later had it)"
        )


def _measured(board: Board, first: int, times: int, revoke: Callable[[int], int]) -> Latencies:
    """Revokes so many times, each once all readers have the document; ``revoke`` says from when on it counts."""
    found = Latencies(board)
    for number in range(times):
        ticket = first + number
        board.ask(ticket, number)
        _wait(board.held, ticket)
        since = revoke(number)
        found.note(ticket, since, time.monotonic_ns())
    return found


def _from_the_catalog(project: MadeUpProject, source: OnDisk, board: Board, first: int) -> Latencies:
    """One document at a time, by another rule in the catalog."""
    with project.catalog.read() as session:
        ids: dict[str, int] = {
            row.external_id: row.id
            for row in session.execute(select(col(Document.external_id), col(Document.id)))
        }

    def revoke(number: int) -> int:
        with project.catalog.write() as session:
            rule = rule_id(session, AccessRule.of(["user:somebody-else"]))
            put_under(session, {ids[source.id(number)]: rule})
            return time.monotonic_ns()  # the commit itself is still to come, and counts

    return _measured(board, first, REVOCATIONS, revoke)


def _from_the_source(project: MadeUpProject, source: OnDisk, board: Board, first: int) -> Latencies:
    """All documents of a folder at a time, by its access file and a sync of the whole source."""

    def revoke(number: int) -> int:
        since = time.monotonic_ns()
        source.allow(number, "user:somebody-else")
        project.sync()
        return since

    return _measured(board, first, EDITS, revoke)


def main() -> None:
    """Prints p50, p99 and the slowest of both."""
    cores = os.cpu_count()
    print(
        f"revocation: {READERS} other processes search {DOCUMENTS} documents at full speed on {cores} cores"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        board = Board(root / "board")
        source = OnDisk(root / "files", DOCUMENTS, FOLDERS)
        project = build(root, documents=DOCUMENTS, chunks=1, rules=FOLDERS, source=source)
        with project.catalog.write() as session:
            replace_memberships(session, "bench", {f"group:g{n}": {READER} for n in range(FOLDERS)})
        with _readers(root, board):
            begun = time.monotonic()
            by_catalog = _from_the_catalog(project, source, board, 1)
            speed = board.answers.sum() / (time.monotonic() - begun)
            project.sync()  # the source takes back what the catalog was told
            by_source = _from_the_source(project, source, board, REVOCATIONS + 1)
        by_catalog.show("from the commit of its rule to the last reader's first answer without it")
        by_source.show(f"from an edited access file, through a sync of {DOCUMENTS} files, to the same")
        print(f"  load: {speed:.0f} answers/s over the first of these")
        project.close()


if __name__ == "__main__":
    main()
