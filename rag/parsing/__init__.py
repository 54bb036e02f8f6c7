"""Bytes to elements: every format to the same kind of document, or a reason why not."""

from rag.parsing.elements import Element, ElementKind, ParsedDocument
from rag.parsing.parser import PARSER_VERSION, Parser

__all__ = ["PARSER_VERSION", "Element", "ElementKind", "ParsedDocument", "Parser"]
