"""What is mutated, and the tests that must notice, the quickest first."""

from __future__ import annotations

from dataclasses import dataclass

_ACCESS = (
    "tests/rag/access/test_rules.py",
    "tests/rag/access/test_principals.py",
    "tests/rag/access/test_closure.py",
    "tests/rag/access/test_view.py",
    "tests/rag/access/test_properties.py",
)


@dataclass(frozen=True)
class Target:
    """A module, as a path; with ``functions``, only these of it."""

    path: str
    tests: tuple[str, ...]
    functions: frozenset[str] = frozenset()
    fixtures: bool = False
    """Whether the tests need those of ``tests/conftest.py``, which take long to read."""
    chosen: str = ""
    """Which of the tests, as pytest's ``-k`` has it."""

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")


TARGETS = (
    *(
        Target(f"rag/access/{name}.py", _ACCESS)
        for name in ("principals", "rules", "memberships", "view", "explanation")
    ),
    Target("rag/index/fusion.py", ("tests/rag/index/test_exact.py",)),
    Target("rag/index/exact.py", ("tests/rag/index/test_exact.py",)),
    Target(
        "rag/index/edge_query.py",
        ("tests/rag/index/test_edge_query.py", "tests/rag/index/test_qdrant_edge.py"),
    ),
    Target(
        "rag/index/server_query.py",
        (
            "tests/rag/index/test_server_query.py",
            "tests/rag/index/test_qdrant_server.py::TestInMemory",
            "tests/rag/index/test_qdrant_server_versions.py",
        ),
    ),
    Target(
        "rag/retrieval/scopes.py",
        ("tests/rag/retrieval/test_scopes.py", "tests/rag/retrieval/test_statistics.py"),
        fixtures=True,
    ),
    Target(
        "rag/retrieval/retriever.py",
        ("tests/rag/retrieval/test_retriever.py", "tests/rag/retrieval/test_query_cache.py"),
        frozenset({"_search", "_judge"}),
        fixtures=True,
        chosen="not postgresql",
    ),
)
