"""The compose files say what the code needs, and open nothing to the network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from rag.index.qdrant_server import OLDEST_SERVER

COMPOSE = Path(__file__).parents[1] / "deployments" / "compose"


@pytest.mark.parametrize("path", sorted(COMPOSE.glob("*.yaml")), ids=lambda path: path.name)
def test_every_port_is_bound_to_loopback_and_every_image_pinned(path: Path) -> None:
    services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    assert services
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?[a-z0-9.-]*", service["image"])


def test_the_qdrant_server_is_one_that_the_store_takes_and_keeps_its_data_and_its_key() -> None:
    composed = yaml.safe_load((COMPOSE / "qdrant.yaml").read_text(encoding="utf-8"))
    server = composed["services"]["qdrant"]
    release = re.search(r":v(\d+)\.(\d+)\.", server["image"])
    assert release is not None
    assert (int(release[1]), int(release[2])) >= OLDEST_SERVER
    assert server["volumes"] == ["qdrant:/qdrant/storage"]
    assert "qdrant" in composed["volumes"]
    assert server["environment"]["QDRANT__SERVICE__API_KEY"].startswith("${QDRANT_API_KEY:?")
