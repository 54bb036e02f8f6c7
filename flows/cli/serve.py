"""up: Prefect's server and UI with every deployment served."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from flows.environment import DEFAULT_PORT, prepare
from rag.settings import load_settings


def up(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Where the UI listens.")
    ] = DEFAULT_PORT,
) -> None:
    """Serve the Prefect UI and every deployment, until interrupted."""
    settings = load_settings(config)
    prepare(settings.state, console_level="INFO")
    # Ended from outside is ended in order: the server is a child that would live on.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    # A shell's background job is started with interrupts ignored, and so would be the one that ends it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from flows.project import Project
    from flows.serving import server

    Project(settings).check()
    with server(settings, port) as url:
        os.environ["PREFECT_API_URL"] = f"{url}/api"
        from flows.deployments import serve_deployments  # Prefect reads its address once, when it is imported

        summary = {"ui": url, "api": f"{url}/api", "sources": [source.name for source in settings.sources]}
        show(summary, as_json=as_json, page=_page)
        serve_deployments(settings, config)


def _page(summary: Mapping[str, Any]) -> None:
    out.print(f"Prefect UI: {summary['ui']}  (Ctrl-C ends it)")
