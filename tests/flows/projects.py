"""A project of a few short documents, on disk, with questions that it answers."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADA, CLEO, STRANGER = "user:ada@tiny.example", "user:cleo@tiny.example", "user:eve@else.example"

CONFIG = """\
project: tiny
state: .lockgate
groups: groups.yaml
sources:
  - name: pages
    connector: filesystem
    path: pages
    access: {default: deny}
    deletions: {max_share: 0.9}
    freshness: {max_lag: 24h}
    owner: docs@tiny.example
    schedule: "0 * * * *"
  - name: notes
    connector: jsonl
    path: notes.jsonl
    access: {default: public}
    deletions: {max_share: 0.9}
golden: [golden.jsonl]
gate:
  metrics: {"nDCG@10": {floor: 0.30, margin: 0.02}}
"""

PAGES: Mapping[str, str] = {
    "leave.md": "# Parental leave\n\nParental leave lasts sixteen weeks and is paid in full.\n",
    "bicycles.txt": "Bicycles are parked in the rack behind the warehouse.\n",
    "board/salaries.txt": "The board sets the salaries of directors in March.\n",
}
"""Cleo, who is on the board, reads all of them; Ada, who is staff, the first two."""

NOTES: Mapping[str, str] = {
    "printer": "The printer on the third floor takes toner cartridges of type Kestrel.",
    "coffee": "Coffee beans are ordered every second Tuesday from the roastery.",
    "visitors": "Visitors sign in at reception and wear a yellow badge.",
}
"""Everybody reads these."""

QUESTIONS: Mapping[str, tuple[str, str]] = {
    "leave": ("How many weeks is parental leave?", "pages/leave.md"),
    "bicycles": ("Where are bicycles parked?", "pages/bicycles.txt"),
    "printer": ("Which toner does the printer take?", "notes/printer"),
    "coffee": ("When are coffee beans ordered?", "notes/coffee"),
    "visitors": ("Where do visitors sign in?", "notes/visitors"),
    "badge": ("What badge do visitors wear?", "notes/visitors"),
}
"""Ada asks them all."""

CONTENT_TABLES = ("version", "revision", "chunk", "evaluation", "score", "ledger", "release")


@dataclass(frozen=True)
class TinyProject:
    """The folder of a project, with what tests do to it and look at in it."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "lockgate.yaml"

    @property
    def state(self) -> Path:
        return self.root / ".lockgate"

    @property
    def pages(self) -> Path:
        return self.root / "pages"

    def write_config(self, text: str) -> None:
        self.config.write_text(text, encoding="utf-8")

    def replace_in_config(self, old: str, new: str) -> None:
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.write_config(text.replace(old, new))

    def write_page(self, name: str, text: str) -> None:
        path = self.pages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_notes(self, notes: Mapping[str, str]) -> None:
        write_lines(self.root / "notes.jsonl", [{"_id": id, "text": text} for id, text in notes.items()])

    def write_questions(self, questions: Mapping[str, tuple[str, str]]) -> None:
        asked: list[Mapping[str, object]] = [
            {"id": id, "question": text, "principal": ADA, "kind": "answerable", "expected": {document: 1}}
            for id, (text, document) in questions.items()
        ]
        asked.append(
            {
                "id": "salaries",
                "question": "Who sets the salaries of directors?",
                "principal": ADA,
                "kind": "forbidden",
                "expected": {"pages/board/salaries.txt": 1},
            }
        )
        write_lines(self.root / "golden.jsonl", asked)

    def rows(self, query: str, database: str = "catalog.sqlite") -> list[tuple[Any, ...]]:
        """What ``query`` finds in the catalog, or in another of the state's databases."""
        connection = sqlite3.connect(f"file:{self.state / database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def count(self, table: str, database: str = "catalog.sqlite") -> int:
        return int(self.rows(f'SELECT count(*) FROM "{table}"', database)[0][0])

    def content(self) -> dict[str, int]:
        """The number of rows of every table that an unchanged run must leave alone."""
        return {table: self.count(table) for table in CONTENT_TABLES}

    def vectors(self) -> int:
        """How many texts were ever embedded."""
        return self.count("vector", "vectors.sqlite")

    def copied_to(self, root: Path) -> TinyProject:
        """A copy with its state. The engine's files are mostly holes, which stay holes."""
        subprocess.run(["cp", "-a", "--sparse=always", str(self.root), str(root)], check=True)
        return TinyProject(root)


def tiny_project(root: Path) -> TinyProject:
    """The project above, with nothing ingested."""
    root.mkdir(parents=True, exist_ok=True)
    project = TinyProject(root)
    project.write_config(CONFIG)
    for name, text in PAGES.items():
        project.write_page(name, text)
    project.write_page(".access.yaml", 'allow: ["group:staff"]\n')
    project.write_page("board/.access.yaml", 'allow: ["group:board"]\n')
    (root / "groups.yaml").write_text(
        f'"group:staff": ["{ADA}", "group:board"]\n"group:board": ["{CLEO}"]\n', encoding="utf-8"
    )
    project.write_notes(NOTES)
    project.write_questions(QUESTIONS)
    return project


def write_lines(path: Path, objects: Sequence[Mapping[str, object]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(each) + "\n" for each in objects), encoding="utf-8")
