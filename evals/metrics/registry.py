"""The metrics that Lockgate measures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evals.metrics.definition import Metric
from evals.nearest import nearest
from rag.errors import ConfigurationError

_JARVELIN = "Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002"
_RIJSBERGEN = "van Rijsbergen, Information Retrieval, 1979"
_VOORHEES = "Voorhees, The TREC-8 Question Answering Track Report, 1999"
_TREC_EVAL = "success_1 of trec_eval, https://github.com/usnistgov/trec_eval"

_SMITH = "Smith and Troynikov, Evaluating Chunking Strategies for Retrieval, Chroma technical report, 2024"
_RAGAS = "Es et al., RAGAs: Automated Evaluation of Retrieval Augmented Generation, EACL 2024"
_GAO = "Gao et al., Enabling Large Language Models to Generate Text with Citations, EMNLP 2023"
_RAJPURKAR = "Rajpurkar et al., Know What You Don't Know: Unanswerable Questions for SQuAD, ACL 2018"

_ALL = (
    # the gain of a document is its grade, discounted by log2(rank + 1)
    Metric("nDCG@10", "nDCG@10", 0.0, 1.0, True, 0.0, _JARVELIN),
    # always divided by 5: a question with two relevant documents reaches at most 0.4
    Metric("P@5", "P@5", 0.0, 1.0, True, 0.0, _RIJSBERGEN),
    Metric("Recall@10", "R@10", 0.0, 1.0, True, 0.0, _RIJSBERGEN),
    # one over the rank of the first relevant document, among as many as were asked for
    Metric("MRR", "RR", 0.0, 1.0, True, 0.0, _VOORHEES),
    Metric("Success@1", "Success@1", 0.0, 1.0, True, 0.0, _TREC_EVAL),
    # of the characters of the evidence, the share that the passages hold; and of theirs, the share that is evidence
    Metric("SpanRecall", "", 0.0, 1.0, True, 0.0, _SMITH, "passages", "evidence"),
    Metric("SpanPrecision", "", 0.0, 1.0, True, 0.0, _SMITH, "passages", "evidence"),
    # by document: of those that the passages are from, the share that is expected; and the other way round
    Metric("ContextPrecision", "", 0.0, 1.0, True, 0.0, f"{_RAGAS}: IDBasedContextPrecision", "passages"),
    Metric("ContextRecall", "", 0.0, 1.0, True, 0.0, f"{_RAGAS}: IDBasedContextRecall", "passages"),
    # a refusal says nothing that could be unfounded: whether it was right to refuse is what Refusal says
    Metric("Faithfulness", "", 0.0, 1.0, True, 0.0, _RAGAS, "answer", "all", judged=True),
    # of an answer's sentences, the share that the passages which they cite support
    Metric("Citations", "", 0.0, 1.0, True, 0.0, _GAO, "answer", "all", judged=True),
    # 1 where an answerable question was answered and another was refused
    Metric("Refusal", "", 0.0, 1.0, True, 0.0, _RAJPURKAR, "answer", "all"),
    # how far the answer bears out the reference
    Metric("AnswerCorrectness", "", 0.0, 1.0, True, 0.0, _RAGAS, "answer", "reference", judged=True),
    Metric("LLMContextPrecision", "", 0.0, 1.0, True, 0.0, _RAGAS, "answer", "reference", judged=True),
    Metric("LLMContextRecall", "", 0.0, 1.0, True, 0.0, _RAGAS, "answer", "reference", judged=True),
)

METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for one in _ALL})
RANKED = tuple(one for one in _ALL if one.of == "ranking")
"""Those of rankings, which every system has; the others are of what the application gets alone."""
DEEPEST_CUTOFF = 10
"""A ranking with fewer documents than this cannot be scored as its metrics promise."""


def metric(name: str) -> Metric:
    """The metric of that name; raises ``ConfigurationError`` with the nearest one when there is none.

    >>> metric("nDCG@10")
    nDCG@10
    >>> metric("MRR").high
    1.0
    """
    if name not in METRICS:
        raise ConfigurationError(
            f"unknown metric {name!r}; the nearest known is {nearest(name, METRICS)!r}",
            next_step=f"Known are {', '.join(METRICS)}.",
        )
    return METRICS[name]
