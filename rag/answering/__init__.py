"""Answers from what a reader may see: prompts, the model behind them, citations, and refusals."""

from rag.answering.answer import Answer, Sentence
from rag.answering.answerer import Answerer, answering_fingerprint
from rag.answering.extractive import extract, extract_all
from rag.answering.port import Completion, Message, Model, Usage
from rag.answering.prompts import Prompt, load_prompt, packaged_prompt

__all__ = [
    "Answer",
    "Answerer",
    "Completion",
    "Message",
    "Model",
    "Prompt",
    "Sentence",
    "Usage",
    "answering_fingerprint",
    "extract",
    "extract_all",
    "load_prompt",
    "packaged_prompt",
]
