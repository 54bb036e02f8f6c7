import ir_measures
import pytest

from evals.metrics import DEEPEST_CUTOFF, METRICS, RANKED, Metric, metric
from rag.errors import ConfigurationError
from rag.settings import METRICS as KNOWN_TO_SETTINGS


def test_the_metrics_are_those_that_the_field_knows() -> None:
    assert [one.name for one in RANKED] == ["nDCG@10", "P@5", "Recall@10", "MRR", "Success@1"]
    assert [one.name for one in METRICS.values() if one.of == "passages"] == [
        "SpanRecall",
        "SpanPrecision",
        "ContextPrecision",
        "ContextRecall",
    ]
    assert [one.name for one in METRICS.values() if one.of == "answer"] == [
        "Faithfulness",
        "Citations",
        "Refusal",
        "AnswerCorrectness",
        "LLMContextPrecision",
        "LLMContextRecall",
    ]


def test_the_settings_know_the_same_metrics() -> None:
    assert list(METRICS) == list(KNOWN_TO_SETTINGS)


@pytest.mark.parametrize("one", METRICS.values(), ids=repr)
def test_a_metrics_repr_finds_it_again(one: Metric) -> None:
    assert metric(repr(one)) is one


@pytest.mark.parametrize("one", RANKED, ids=repr)
def test_a_metric_of_rankings_is_one_that_ir_measures_knows_and_looks_no_deeper_than_the_deepest(
    one: Metric,
) -> None:
    measure = ir_measures.parse_measure(one.measure)
    assert repr(measure) == one.measure
    assert measure.params.get("cutoff", 0) <= DEEPEST_CUTOFF


@pytest.mark.parametrize("one", METRICS.values(), ids=repr)
def test_a_metrics_default_is_its_worst_value(one: Metric) -> None:
    assert one.default == (one.low if one.higher_is_better else one.high)
    assert one.low < one.high
    assert one.citation


def test_an_unknown_metric_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown metric 'ndcg@10'; the nearest known is 'nDCG@10'"):
        metric("ndcg@10")
