import sys
def test_x(original) -> None:
    from prefect.settings import PREFECT_API_URL
    import os
    print(PREFECT_API_URL.value(), os.environ["PREFECT_API_URL"])
    from tests.flows.prefect_runs import client
    with client() as c:
        print(c.api_url, c.server_type)
        for r in c.read_flow_runs(limit=20): print(repr(r.name), r.state_name)
