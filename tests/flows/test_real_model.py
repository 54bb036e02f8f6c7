"""A whole evaluation, answered and judged by a real model behind a real server. It is far too small to be good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import TinyProject
from tests.support.gemma_server import NAME, gemma_server

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gemma_server(tmp_path_factory.mktemp("gemma")) as url:
        yield url


def test_every_question_is_answered_and_judged_or_its_failure_is_recorded(
    ingested_original: TinyProject, tmp_path: Path, url: str
) -> None:
    project = ingested_original.copied_to(tmp_path / "tiny")
    model = f"{{url: '{url}', name: {NAME}, timeout: 60s, attempts: 2, parallel: 2, max_tokens: 200}}"
    project.replace_in_config(
        "golden: [golden.jsonl]",
        "golden: [golden.jsonl]\n"
        f"answering: {{model: {model}}}\n"
        f"evaluation: {{judge: {{kind: llm, model: {model}}}}}",
    )
    ended = lockgate("evaluate", "--json", project=project)
    assert ended.code == 0, ended.err
    found = ended.json
    assert found["metrics"]["Faithfulness"]["n"] == found["questions"] == 7
    assert found["spent"]["calls"] >= 1
    assert found["judge"] | {"fingerprint": ""} == {
        "name": "llm",
        "fingerprint": "",
        "auroc": None,
        "votes": False,
        "why": "the judge is not calibrated",
    }
    assert {each["system"] for each in found["failures"]} <= {"answer", "judge"}
    again = lockgate("promote", "--json", project=project)
    assert again.json["decision"] in ("promote", "block")
    failed = {each["question"] for each in found["failures"]}
    (check,) = [each for each in again.json["checks"] if each["name"] == "failures"]
    assert check["figure"].startswith(f"{len(failed)} of 7 questions failed")
