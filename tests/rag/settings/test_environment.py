"""``${NAME}`` comes from the environment, and its value never shows."""

from __future__ import annotations

import pickle
import traceback

import pytest

from rag.settings import QdrantIndex, canonical, load_settings
from rag.settings.environment import FromEnvironment
from tests.rag.settings.conftest import MINIMAL, Load, Refuse

SECRET = "s3cr3t"


@pytest.mark.parametrize("written", ["${KEY}", "'${KEY}'", '"${KEY}"'])
def test_a_reference_works_bare_and_in_quotes_within_braces(load: Load, written: str) -> None:
    text = f"{MINIMAL}index: {{store: qdrant, url: http://q, api_key: {written}}}\n"
    settings = load(text, {"KEY": SECRET})
    assert isinstance(settings.index, QdrantIndex)
    assert settings.index.api_key is not None
    assert settings.index.api_key.get_secret_value() == SECRET


def test_a_reference_may_be_part_of_a_string_and_of_a_list(load: Load) -> None:
    settings = load(MINIMAL + "golden: [/${A}/${B}.jsonl]\n", {"A": "x", "B": "y"})
    assert settings.golden == ("/x/y.jsonl",)


def test_a_number_may_come_from_the_environment(load: Load) -> None:
    assert load(MINIMAL + "embedding: {batch_size: ${N}}\n", {"N": "8"}).embedding.batch_size == 8


def test_a_value_is_never_read_as_yaml_nor_replaced_again(load: Load) -> None:
    hostile = "x}, access: {default: public}, y: {${KEY}"
    settings = load("project: p\nsources: [{name: a, connector: c, token: ${KEY}}]", {"KEY": hostile})
    assert settings.sources[0].options == {"token": hostile}
    assert settings.sources[0].access.default == "deny"


def test_a_comment_asks_for_nothing(load: Load) -> None:
    assert load(MINIMAL + "# ${UNSET}\n").project == "acme"


def test_the_process_environment_is_the_default(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("env") / "lockgate.yaml"
    path.write_text(MINIMAL.replace("acme", "${LOCKGATE_TEST_PROJECT}"))
    monkeypatch.setenv("LOCKGATE_TEST_PROJECT", "other")
    assert load_settings(path).project == "other"


def test_an_unset_variable_names_itself_its_line_and_its_key(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "catalog: ${DB_URL}\n")
    assert error.where == "lockgate.yaml:4"
    assert error.what == "catalog: the environment variable DB_URL is not set"


@pytest.mark.parametrize("reference", ["${}", "${A-B}", "${1A}", "${A:-x}"])
def test_a_reference_that_is_none_is_an_error(refuse: Refuse, reference: str) -> None:
    error = refuse(f"{MINIMAL}catalog: '{reference}'\n", {"A": "a", "B": "b"})
    assert error.what.startswith("catalog: a reference to the environment is written ${NAME}")


@pytest.mark.parametrize(
    "line",
    [
        "catalog: ${KEY}",
        "index: {store: ${KEY}}",
        "index: {store: qdrant, url: ${KEY}}",
        "index: {store: qdrant, url: 'http://u:${KEY}@h'}",
        "index: {store: qdrant, url: 'http://[${KEY}'}",
        "index: ${KEY}",
        "chunking: {max_tokens: ${KEY}}",
        "retrieval: {fusion: ${KEY}, bm25: {b: ${KEY}}}",
        "parsing: {timeout: ${KEY}}",
        "gate: {metrics: {MRR: {floor: ${KEY}}}}",
        "gate: {metrics: ${KEY}}",
        "golden: ${KEY}",
        "sources: ['${KEY}']",
        "sources: [{name: 'A ${KEY}', connector: c}]",
        "sources: [{name: '${KEY}', connector: c}, {name: '${KEY}', connector: c}]",
        "sources: [{name: a, connector: c, access: {default: ['${KEY}']}}]",
        "sources: [{name: a, connector: c, access: {default: '${KEY}'}}]",
        "sources: [{name: a, connector: c, freshness: {max_lag: '${KEY}'}}]",
        "sources: [{name: a, connector: c, schedule: '* * * * ${KEY}'}]",
    ],
)
def test_no_error_holds_a_value_of_the_environment(refuse: Refuse, line: str) -> None:
    base = "project: acme\n" if line.startswith("sources") else MINIMAL
    error = refuse(f"{base}{line}\n", {"KEY": SECRET})
    assert SECRET not in "".join(traceback.format_exception(error))


def test_an_option_from_the_environment_shows_as_it_is_written(load: Load) -> None:
    settings = load("project: p\nsources: [{name: a, connector: c, token: 'Bearer ${KEY}'}]", {"KEY": SECRET})
    assert settings.sources[0].options["token"] == "Bearer s3cr3t"
    assert SECRET not in repr(settings)
    assert SECRET not in canonical(settings)
    assert '"token":"Bearer ${KEY}"' in canonical(settings)


def test_a_string_from_the_environment_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(FromEnvironment(SECRET, "${KEY}")))
    assert (copy, copy.written, repr(copy)) == (SECRET, "${KEY}", "'${KEY}'")
