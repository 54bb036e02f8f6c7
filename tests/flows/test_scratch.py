from __future__ import annotations
import time
from tests.flows.commands import lockgate
from tests.flows.projects import TinyProject, ADA, CLEO
def timed(*a, project):
    t=time.time(); e=lockgate(*a, project=project); print(a, e.code, round(time.time()-t,2)); print(e.out[:1500]); print("ERR", e.err[:3000]); return e
def test_x(promoted: TinyProject) -> None:
    for k in range(2):
        timed("run","--json",project=promoted)
    promoted.write_page("leave.md", "# Parental leave\n\nParental leave lasts ten weeks.\n")
    timed("ingest",project=promoted)
    timed("evaluate",project=promoted)
    timed("promote",project=promoted)
    timed("status",project=promoted)
    timed("status","--json",project=promoted)
    timed("search","parental leave","--as",ADA,project=promoted)
    timed("search","parental leave","--as",ADA,"--json",project=promoted)
    timed("rollback",project=promoted)
    timed("freshness",project=promoted)
    timed("access","explain",ADA,"pages/board/salaries.md",project=promoted)
    print(promoted.content())
