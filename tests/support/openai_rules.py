"""What a model would say to ragas's prompts if it judged by words alone: a text says what is made of its words."""

from __future__ import annotations

import json
import re
from typing import Any

from rag.answering.sentences import sentences


def judge_by_words(messages: list[dict[str, str]]) -> str:
    """The output that the first message asks for, which gives its schema, examples, and the input at its end."""
    prompt = messages[0]["content"]
    schema = json.JSONDecoder().raw_decode(prompt[prompt.index("{") :])[0]
    given = json.JSONDecoder().raw_decode(prompt.rsplit("\ninput: ", 1)[1])[0]
    return json.dumps(_OUTPUTS[schema["title"]](given))


def _statements(given: dict[str, Any]) -> dict[str, Any]:
    return {"statements": _sentences(given["answer"])}


def _verdicts(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "statements": [
            {"statement": one, "reason": "words", "verdict": int(_says(given["context"], one))}
            for one in given["statements"]
        ]
    }


def _classes(given: dict[str, Any]) -> dict[str, Any]:
    truth, answer = " ".join(given["ground_truth"]), " ".join(given["answer"])
    classes = {
        "TP": [one for one in given["answer"] if _says(truth, one)],
        "FP": [one for one in given["answer"] if not _says(truth, one)],
        "FN": [one for one in given["ground_truth"] if not _says(answer, one)],
    }
    return {name: [{"statement": one, "reason": "words"} for one in some] for name, some in classes.items()}


def _useful(given: dict[str, Any]) -> dict[str, Any]:
    useful = any(_says(given["context"], one) for one in _sentences(given["answer"]))
    return {"reason": "words", "verdict": int(useful)}


def _attributed(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "classifications": [
            {"statement": one, "reason": "words", "attributed": int(_says(given["context"], one))}
            for one in _sentences(given["answer"])
        ]
    }


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _says(text: str, statement: str) -> bool:
    return _words(statement) <= _words(text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


_OUTPUTS = {
    "StatementGeneratorOutput": _statements,
    "NLIStatementOutput": _verdicts,
    "ClassificationWithReason": _classes,
    "ContextPrecisionOutput": _useful,
    "ContextRecallOutput": _attributed,
}
