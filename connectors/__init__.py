"""Sources: what they hold, and who may read it."""

from connectors.port import Connector, Content, DocumentRef, KnowsGroups
from connectors.registry import KNOWN, build

__all__ = ["KNOWN", "Connector", "Content", "DocumentRef", "KnowsGroups", "build"]
