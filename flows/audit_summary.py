"""What an audit of access found, as plain values: for JSON, for the page of a command, and for an artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from rag.errors import SourceError
from rag.maintenance import Finding, IndexAudit, Proportion, RulesAudit, proportion, together

_FINDINGS_SHOWN = 100
_PRINCIPALS_SHOWN = 10


def audit_summary(
    rules: Sequence[RulesAudit],
    index: IndexAudit,
    findings: Sequence[Finding],
    unheard: Mapping[str, SourceError],
    *,
    sample: int,
    seed: int,
) -> dict[str, Any]:
    """Counts and shares for each source and in all, and the findings, over-grants first. ``unheard`` are the
    sources that could not be listed."""
    over = {finding.document for finding in findings if finding.too_many}
    under = {finding.document for finding in findings if finding.missing}
    overs = [_of(each, over) for each in rules]
    unders = [_of(each, under) for each in rules]
    shown = sorted(findings, key=lambda finding: (not finding.too_many, finding.document, finding.place))
    return {
        "sample": sample,
        "seed": seed,
        "sources": [
            *(_source(each, overs[place], unders[place]) for place, each in enumerate(rules)),
            *(_unheard(name, error) for name, error in unheard.items()),
        ],
        "total": _counts(together(overs), together(unders)),
        "index": {"versions": index.versions, "errors": [str(error) for error in index.failed]},
        "found": len(findings),
        "findings": [_finding(each) for each in shown[:_FINDINGS_SHOWN]],
    }


def _of(audit: RulesAudit, documents: AbstractSet[str]) -> Proportion:
    count = sum(key in documents for key in audit.looked_at.values())
    return proportion(count, audit.sampled, audit.population)


def _source(audit: RulesAudit, over: Proportion, under: Proportion) -> dict[str, Any]:
    return {
        "name": audit.source,
        **_counts(over, under),
        "gone": len(audit.gone),
        "new": audit.new,
        "changed": audit.applied.changed,
        "narrowed": len(audit.applied.narrowed_at),
        "closed": len(audit.closed),
        "error": " ".join(map(str, audit.held)) or None,
    }


def _unheard(name: str, error: SourceError) -> dict[str, Any]:
    nothing = proportion(0, 0, 0)
    counts = dict.fromkeys(("gone", "new", "changed", "narrowed", "closed"), 0)
    return {"name": name, **_counts(nothing, nothing), **counts, "error": str(error)}


def _counts(over: Proportion, under: Proportion) -> dict[str, Any]:
    return {
        "population": over.population,
        "sampled": over.sampled,
        "over_grants": _share(over),
        "under_grants": _share(under),
    }


def _share(found: Proportion) -> dict[str, Any]:
    return {"count": found.count, "share": found.share, "low": found.low, "high": found.high}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "document": finding.document,
        "place": finding.place,
        "versions": list(finding.versions),
        "too_many": _principals(finding.too_many),
        "missing": _principals(finding.missing),
        "changed_at": finding.changed_at.isoformat() if finding.changed_at else None,
        "repaired": finding.repaired,
        "done": finding.done,
    }


def _principals(names: AbstractSet[str]) -> dict[str, Any]:
    return {"count": len(names), "first": sorted(names)[:_PRINCIPALS_SHOWN]}


def share_text(found: Mapping[str, Any]) -> str:
    """A share as a person reads it: ``3 (1.5 %, 0.5 to 4.3 %)``."""
    if found["share"] is None:
        return "nothing to look at"
    share, low, high = (100 * found[name] for name in ("share", "low", "high"))
    return f"{found['count']} ({share:.1f} %, {low:.1f} to {high:.1f} %)"


def principals_text(found: Mapping[str, Any]) -> str:
    """The first of some principals, and how many more there are."""
    more = found["count"] - len(found["first"])
    return ", ".join(found["first"]) + (f" and {more} more" if more else "")
