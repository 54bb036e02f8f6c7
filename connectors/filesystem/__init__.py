"""Files below a folder, with access rules in ``.access.yaml`` files."""

from connectors.filesystem.connector import FilesystemConnector
from connectors.filesystem.settings import FilesystemSettings

__all__ = ["FilesystemConnector", "FilesystemSettings"]
