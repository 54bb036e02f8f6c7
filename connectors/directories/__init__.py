"""Where memberships come from: exports of directories, read whole or not at all."""

from connectors.directories.port import Directory, Snapshot
from connectors.directories.registry import KNOWN_FORMATS, build_directory

__all__ = ["KNOWN_FORMATS", "Directory", "Snapshot", "build_directory"]
