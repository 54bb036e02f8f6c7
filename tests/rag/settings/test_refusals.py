"""What is wrong in ``lockgate.yaml`` is named by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import ConfigurationError
from rag.settings import load_settings
from tests.rag.settings.conftest import MINIMAL, Refuse


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        load_settings(tmp_path / "lockgate.yaml")
    assert "lockgate init" in caught.value.next_step
    assert caught.value.where == str(tmp_path / "lockgate.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_error(refuse: Refuse, text: str) -> None:
    error = refuse(text)
    assert error.where == "lockgate.yaml:1"
    assert error.what == "the file is empty"
    assert "lockgate init" in error.next_step


@pytest.mark.parametrize("text", ["- a\n- b\n", "acme\n", "5\n"])
def test_a_file_without_keys_is_an_error(refuse: Refuse, text: str) -> None:
    assert refuse(text).what == "expected keys such as project and sources"


def test_bad_yaml_names_its_line(refuse: Refuse) -> None:
    error = refuse("project: acme\nstate: [a\nindex: b\n")
    assert error.where == "lockgate.yaml:3"
    assert error.what.startswith("not YAML: ")


def test_a_control_character_names_its_line(refuse: Refuse) -> None:
    error = refuse("project: acme\nstate: a\x07b\n")
    assert (error.where, error.what) == ("lockgate.yaml:2", "not YAML: special characters are not allowed")


def test_a_file_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "lockgate.yaml").write_bytes(b"project: acme\nowner: caf\xe9\n")
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        load_settings(tmp_path / "lockgate.yaml")
    assert caught.value.where.endswith("lockgate.yaml:2")


def test_an_unknown_key_offers_the_nearest(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "chuncking: {max_tokens: 5}\n")
    assert error.where == "lockgate.yaml:4"
    assert error.what == "unknown key 'chuncking'; did you mean 'chunking'?"


def test_an_unknown_key_further_down_has_its_path(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "retrieval:\n  bm25:\n    k2: 1\n")
    assert error.where == "lockgate.yaml:6"
    assert error.what == "retrieval.bm25: unknown key 'k2'; did you mean 'k1'?"


def test_an_unknown_key_that_is_near_to_none_lists_what_is_known(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "embedding: {zzz: 1}\n")
    assert error.what == "embedding: unknown key 'zzz'; known are batch_size, model"


def test_only_the_keys_of_the_chosen_store_are_offered(refuse: Refuse) -> None:
    assert refuse(MINIMAL + "index: {store: edge, url: 'http://x'}\n").what == (
        "index: unknown key 'url'; known are store"
    )
    assert refuse(MINIMAL + "index: {store: qdrant, url: 'http://x', apikey: a}\n").what == (
        "index: unknown key 'apikey'; did you mean 'api_key'?"
    )


def test_the_directory_of_the_file_is_no_key(refuse: Refuse) -> None:
    assert refuse(MINIMAL + "directory: /\n").what.startswith("unknown key 'directory'")


def test_a_duplicate_key_is_an_error(refuse: Refuse) -> None:
    error = refuse("project: a\n" + MINIMAL)
    assert (error.where, error.what) == ("lockgate.yaml:2", "duplicate key 'project'; the first is on line 1")


def test_sources_with_the_same_name_are_an_error(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "  - {name: other, connector: c}\n  - connector: c\n    name: handbook\n")
    assert (error.where, error.what) == (
        "lockgate.yaml:6",
        "sources[2].name: sources[0] has the same name",
    )


def test_a_wrong_metric_offers_the_nearest(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "gate:\n  metrics:\n    ndcg@10: {floor: 0.5}\n")
    assert error.where == "lockgate.yaml:6"
    assert error.what == "gate.metrics.ndcg@10: unknown metric 'ndcg@10'; did you mean 'nDCG@10'?"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("sources: []", "sources: expected at least 1 of them"),
        ("chunking:", "chunking: expected keys and values"),
        ("chunking: {max_tokens: many}", "chunking.max_tokens: expected a whole number"),
        ("chunking: {max_tokens: 1.5}", "chunking.max_tokens: expected a whole number"),
        ("chunking: {max_tokens: yes}", "chunking.max_tokens: expected a number, not true or false"),
        ("chunking: {max_tokens: 7}", "chunking.max_tokens: expected at least 8"),
        (
            "chunking: {max_tokens: 64, overlap_tokens: 64}",
            "chunking.overlap_tokens: expected fewer than max_tokens, which is 64",
        ),
        ("embedding: {batch_size: 0}", "embedding.batch_size: expected at least 1"),
        ("retrieval: {bm25: {b: 1.1}}", "retrieval.bm25.b: expected at most 1.0"),
        ("retrieval: {bm25: {k1: .inf}}", "retrieval.bm25.k1: expected a finite number"),
        ("retrieval: {fusion: max}", "retrieval.fusion: expected 'rrf'"),
        ("gate: {metrics: {}}", "gate.metrics: expected at least 1 of them"),
        ("gate: {metrics: {MRR: {}}}", "gate.metrics.MRR.floor: is missing"),
        ("gate: {metrics: {MRR: {floor: -0.1}}}", "gate.metrics.MRR.floor: expected at least 0.0"),
        ("gate: {metrics: {MRR: {floor: 1.1}}}", "gate.metrics.MRR.floor: expected at most 1.0"),
        ("gate: {metrics: {MRR: {floor: .nan}}}", "gate.metrics.MRR.floor: expected a finite number"),
        (
            "gate: {metrics: {MRR: {floor: 0, margin: -0.1}}}",
            "gate.metrics.MRR.margin: expected at least 0.0",
        ),
        ("gate: {confidence: 1}", "gate.confidence: expected less than 1.0"),
        ("index: {store: faiss}", "index.store: expected 'edge', 'qdrant'"),
        ("index: {url: 'http://x'}", "index.store: is missing"),
        ("index: edge", "index: expected keys and values"),
        ("index: {store: qdrant}", "index.url: is missing"),
        (
            "index: {store: qdrant, url: 'http://q/?api-key=k3y'}",
            "index.url: a URL ends with its path; a key belongs into api_key",
        ),
        (
            "index: {store: qdrant, url: http://q, replicas: 2, write_consistency: 3}",
            "index.write_consistency: expected at most the number of replicas, which is 2",
        ),
        (
            "index: {store: qdrant, url: http://q, timeout: 0s}",
            "index.timeout: expected a duration from 1s to 10m",
        ),
        ("index: {store: qdrant, url: http://q, batch_size: 0}", "index.batch_size: expected at least 1"),
        ("index: {store: qdrant, url: http://q, attempts: 21}", "index.attempts: expected at most 20"),
        ("index: {store: qdrant, url: http://q, quantization: int4}", "index.quantization: expected 'none'"),
        ("golden: data/*.jsonl", "golden: expected a list"),
        ("state: 5", "state: expected a path"),
        ('state: "a\\0b"', "state: expected a path"),
        ("project: 2024", "project: expected text"),
        ("project: 2024-99-99", "project: not a valid timestamp"),
        ("project: !!python/object:os.system a", "project: a tag has no meaning here"),
        ("parsing: {timeout: 60}", "parsing.timeout: expected a duration"),
        ("parsing: {timeout: 0s}", "parsing.timeout: expected a duration from 1s to 6h"),
        ("5: a", "a key is not plain text; put it in quotes"),
        ("<<: {project: a}", "a key is not plain text; put it in quotes"),
    ],
)
def test_a_wrong_value_says_what_was_expected(refuse: Refuse, line: str, what: str) -> None:
    key = line.split(":")[0]
    rest = "".join(
        part for part in ("project: acme\n", "sources: [{name: a, connector: c}]\n") if key not in part
    )
    error = refuse(rest + line + "\n")
    assert error.what.startswith(what)
    assert error.where == f"lockgate.yaml:{rest.count(chr(10)) + 1}"


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("name: Hand book, connector: c", "sources[0].name: does not match ^[a-z0-9][a-z0-9_-]*$"),
        ("name: '', connector: c", "sources[0].name: does not match"),
        ("name: _a, connector: c", "sources[0].name: does not match"),
        ("name: a", "sources[0].connector: is missing"),
        ("connector: c", "sources[0].name: is missing"),
        ("name: a, connector: c, access: public", "sources[0].access: expected keys and values"),
        (
            "name: a, connector: c, access: {default: open}",
            "sources[0].access.default: expected deny, public or",
        ),
        (
            "name: a, connector: c, access: {default: [user:a, all]}",
            "sources[0].access.default[1]: not a principal",
        ),
        (
            "name: a, connector: c, freshness: {max_lag: 24}",
            "sources[0].freshness.max_lag: expected a duration",
        ),
        (
            "name: a, connector: c, freshness: {max_lag: 1w}",
            "sources[0].freshness.max_lag: expected a duration",
        ),
        (
            "name: a, connector: c, freshness: {max_lag: 0h}",
            "sources[0].freshness.max_lag: expected a duration from 1s to 3650d",
        ),
        ("name: a, connector: c, schedule: hourly", "sources[0].schedule: expected five cron fields"),
    ],
)
def test_a_wrong_source_is_named_by_its_number(refuse: Refuse, entry: str, what: str) -> None:
    error = refuse(f"project: acme\nsources:\n  - {{{entry}}}\n")
    assert error.what.startswith(what)
    assert error.where == "lockgate.yaml:3"


def test_all_problems_are_listed_in_the_order_of_lines(refuse: Refuse) -> None:
    error = refuse(
        "project: acme\nstat: x\nindex: {store: qdrant, url: '${NOPE}'}\nsources:\n"
        "  - name: a\n    name: b\n    schedule: never\nchunking: {max_tokens: 1}\n"
    )
    assert error.where == "lockgate.yaml:2"
    assert error.what == (
        "6 problems:\n"
        "  line 2: unknown key 'stat'; did you mean 'state'?\n"
        "  line 3: index.url: the environment variable NOPE is not set\n"
        "  line 5: sources[0].connector: is missing\n"
        "  line 6: sources[0]: duplicate key 'name'; the first is on line 5\n"
        "  line 7: sources[0].schedule: expected five cron fields: minute, hour, day of the month, month, "
        "day of the week\n"
        "  line 8: chunking.max_tokens: expected at least 8"
    )


def test_an_alias_that_holds_itself_is_an_error(refuse: Refuse) -> None:
    assert refuse("project: &a [*a]\n").what == "not YAML: an alias makes the file endless"


def test_aliases_that_multiply_are_an_error_soon(refuse: Refuse) -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert refuse("\n".join(lines)).what == "not YAML: an alias makes the file endless"


def test_a_file_that_is_nested_without_end_is_an_error(refuse: Refuse) -> None:
    assert refuse("project: " + "[" * 100_000).what == "nested too deeply"
