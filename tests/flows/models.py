"""Projects that are answered and judged by a language model on this machine."""

from __future__ import annotations

import re
from pathlib import Path

from tests.flows.projects import ADA, QUESTIONS, TinyProject, write_lines
from tests.support.openai_rules import judge_by_words
from tests.support.openai_server import NAME, Exchange, OpenAIServer

KEY, KEY_VARIABLE = "sk-a-key-that-nobody-may-see", "LOCKGATE_TEST_MODEL_KEY"
PROMPT = """---
id: tiny
version: {version}
owner: docs@tiny.example
---
{word}. Question: {{question}}

{{passages}}
"""
_FIRST_PASSAGE = re.compile(r"\| (.*)\n</passage>")
"""The last line of the first passage."""


def quotes_and_judges(messages: list[dict[str, str]]) -> str:
    """What a model would say that answers with the first passage, and judges by words alone."""
    if messages[0]["role"] != "system":
        return judge_by_words(messages)
    found = _FIRST_PASSAGE.search(messages[-1]["content"])
    return f"{found[1]} [1]" if found and "salaries" not in messages[-1]["content"] else "NO_ANSWER"


def says_its_name(exchange: Exchange) -> None:
    """Answers under whatever name it was asked for."""
    exchange.send(exchange.completion(model=exchange.asked["model"]))


def write_prompt(project: TinyProject, version: int, word: str) -> None:
    """A prompt whose first word is ``word``."""
    (project.root / "prompt.md").write_text(PROMPT.format(version=version, word=word), encoding="utf-8")


def answer_with(project: TinyProject, server: OpenAIServer, *more: str, name: str = NAME) -> None:
    """Has answers made by ``server``, with the prompt of ``write_prompt``."""
    _append(
        project,
        "answering:",
        "  prompt: prompt.md",
        f"  model: {{{_model(server, name)}{''.join(f', {each}' for each in more)}}}",
    )


def judge_with(project: TinyProject, server: OpenAIServer, *more: str, labels: Path | None = None) -> None:
    """Has answers judged by ``server``."""
    _append(
        project,
        "evaluation:",
        "  judge:",
        "    kind: llm",
        f"    model: {{{_model(server, NAME)}{''.join(f', {each}' for each in more)}}}",
        *([f"    labels: {labels}"] if labels else []),
    )


def write_answered_questions(project: TinyProject, tags: tuple[str, ...] = ()) -> None:
    """The questions, two of them with a reference answer."""
    references = {"bicycles": "In the rack behind the warehouse.", "visitors": "At reception."}
    write_lines(
        project.root / "golden.jsonl",
        [
            {
                "id": id,
                "question": text,
                "principal": ADA,
                "kind": "answerable",
                "expected": {document: 1},
                "tags": list(tags),
                **({"answer": references[id]} if id in references else {}),
            }
            for id, (text, document) in QUESTIONS.items()
        ]
        + [
            {
                "id": "salaries",
                "question": "Who sets the salaries of directors?",
                "principal": ADA,
                "kind": "forbidden",
                "expected": {"pages/board/salaries.txt": 1},
            }
        ],
    )


def _model(server: OpenAIServer, name: str) -> str:
    key = f'"${{{KEY_VARIABLE}}}"'
    return f"url: {server.url}, name: {name}, api_key: {key}, prompt_price: 1, completion_price: 4"


def _append(project: TinyProject, *lines: str) -> None:
    project.write_config(project.config.read_text(encoding="utf-8") + "\n".join(lines) + "\n")
