"""``make demo``: the main job on the sample company, told in one screen by the commands themselves."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from rich.markup import escape
from rich.table import Table

from flows.cli.output import err, out
from flows.environment import DEFAULT_PORT, prepare
from flows.serving import server
from rag.errors import LockgateError
from rag.settings import load_settings

CONFIG = Path("lockgate.yaml")
QUESTION = "How much does a senior engineer earn?"
ANSWERED = "How long is parental leave?"
READERS = {"user:ada@acme.example": "an engineer", "user:priya@acme.example": "of People"}


class DemoError(Exception):
    """A command did not end as the story says."""


def main() -> int:
    """Tells the story; 0 if each command ended as it should."""
    settings = load_settings(CONFIG)
    prepare(settings.state)
    out.print(f"[bold]Lockgate[/bold] on the sample company: {len(settings.sources)} sources in data/\n")
    with _working("starting Prefect's server"), server(settings, _free_port()) as url:
        os.environ["PREFECT_API_URL"] = f"{url}/api"
        _main_job()
        _two_readers()
        _bad_candidate(settings.state)
    out.print(
        f"\n[bold]4  see it[/bold]  lockgate up, then http://127.0.0.1:{DEFAULT_PORT}: "
        "these runs, their reports, and the gate's decisions"
    )
    out.print("          (the command is .venv/bin/lockgate)")
    return 0


def _main_job() -> None:
    with _working("ingest, evaluate, promote"):
        done = _lockgate("run", expect=0)
    ingest, evaluation, gate = done["ingest"], done["evaluate"], done["promote"]
    documents, chunks = ingest["documents"], ingest["chunks"]
    out.print(
        f"[bold]1  run[/bold]     {documents['seen']} documents in {chunks['total']} passages, "
        f"{chunks['embedded']} embedded, {documents['quarantined']} kept out, {ingest['seconds']:.0f} s"
    )
    _scores(evaluation)
    _gate(gate)


def _two_readers() -> None:
    out.print(f"\n[bold]2  ask[/bold]     {QUESTION}")
    for principal, who in READERS.items():
        found = _lockgate("search", QUESTION, "--as", principal, "-k", "3", expect=0)
        documents = list(dict.fromkeys(hit["document"] for hit in found["hits"]))
        out.print(f"          {principal}, {who}: {escape(', '.join(documents) or 'nothing')}")
    said = _lockgate("ask", ANSWERED, "--as", next(iter(READERS)), expect=0)
    out.print(f"          {ANSWERED}")
    out.print(f"          {escape(said['answer'])}")
    for each in said["citations"]:
        out.print(escape(f"          [{each['number']}] {each['document']}"), style="dim")


def _bad_candidate(state: Path) -> None:
    out.print("\n[bold]3  half of the documents are lost on the way in[/bold]")
    half = _half(state / "demo")
    with _working("ingest, evaluate, promote"):
        held = _lockgate("run", "--config", str(half), expect=4)
    for incident in held["ingest"]["incidents"]:
        out.print(
            f"          [yellow]held[/yellow] {escape(incident['message'].split(': ', 1)[0])}: "
            f"{escape(incident['message'].split(': ', 1)[1].split('. ')[0])}"
        )
    out.print("          with that check switched off, the gate looks:")
    _switch_off_breaker(half)
    with _working("ingest, evaluate, promote"):
        lost = _lockgate("run", "--config", str(half), expect=3)
    _scores(lost["evaluate"])
    _gate(lost["promote"])
    shutil.rmtree(half.parent)
    answer = _lockgate("search", QUESTION, "--as", next(iter(READERS)), expect=0)
    with _working("ingest, evaluate, promote"):
        back = _lockgate("run", expect=0)
    out.print(
        f"          readers still see version {answer['version']}; the documents are back: "
        f"version {back['promote']['version']} promoted, {back['ingest']['chunks']['embedded']} texts embedded"
    )


def _scores(evaluation: dict[str, Any]) -> None:
    table = Table("", "nDCG@10", "Recall@10", "Success@1", box=None, padding=(0, 2), show_header=True)
    for name, key in (("          Lockgate", "metrics"), ("          plain BM25", "baseline")):
        scores = evaluation[key]
        table.add_row(name, *(_score(scores[metric]) for metric in ("nDCG@10", "Recall@10", "Success@1")))
    out.print(table)
    of_answers = [
        f"{name} {evaluation['metrics'][name]['mean']:.3f}" for name in ("Faithfulness", "Citations")
    ]
    out.print(f"          answers: {', '.join(of_answers)}, by the judge {evaluation['judge']['name']}")
    out.print(
        f"          {evaluation['questions']} golden questions, {len(evaluation['leaks'])} leaks, "
        f"{len(evaluation['failures'])} failures"
    )


def _score(found: dict[str, float]) -> str:
    return f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _gate(gate: dict[str, Any]) -> None:
    color = {"promote": "green", "hold": "yellow", "block": "red"}[gate["decision"]]
    out.print(f"          gate: [{color}]{gate['decision']}[/{color}] version {gate['version']}")
    for reason in gate["reasons"]:
        out.print(f"            {escape(reason)}")


def _lockgate(*arguments: str, expect: int) -> dict[str, Any]:
    """Runs the command with ``--json`` and returns what it printed."""
    command = [str(Path(sys.executable).with_name("lockgate")), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        raise DemoError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _half(directory: Path) -> Path:
    """A copy of the project below ``directory`` in which every other document is gone; returns its settings."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree("data", directory / "data")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for source in settings["sources"]:
        path = directory / source["path"]
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(lines[::2]), encoding="utf-8")
        else:
            files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != ".access.yaml")
            for file in files[1::2]:
                file.unlink()
    settings["state"] = str(Path(settings["state"]).resolve())
    config = directory / "lockgate.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config


def _switch_off_breaker(config: Path) -> None:
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    for source in settings["sources"]:
        source["deletions"] = {"max_share": 1.0}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")


@contextmanager
def _working(what: str) -> Iterator[None]:
    if not out.is_terminal:
        yield
        return
    with out.status(f"[dim]{what}[/dim]"):
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DemoError, LockgateError) as error:
        err.print(escape(str(error)))
        sys.exit(1)
