"""Elements to chunks: passages that fit the embedder's window, each with its place and headings."""

from rag.chunking.chunk import Chunk
from rag.chunking.chunker import CHUNKER_VERSION, Chunker
from rag.chunking.tokens import Tokenizer

__all__ = ["CHUNKER_VERSION", "Chunk", "Chunker", "Tokenizer"]
