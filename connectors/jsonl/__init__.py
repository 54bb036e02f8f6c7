"""Documents in JSON lines, one a line, as BEIR has them."""

from connectors.jsonl.connector import JsonlConnector
from connectors.jsonl.settings import JsonlSettings

__all__ = ["JsonlConnector", "JsonlSettings"]
