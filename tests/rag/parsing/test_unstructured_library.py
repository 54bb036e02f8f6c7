"""In a process of their own: unstructured is too large to load beside the other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

_SPACY = """
import unstructured.nlp.tokenize as tokenize
assert hasattr(tokenize, "_SPACY_MODEL_NAME"), "unstructured has moved the name of its spaCy model"
from rag.parsing.unstructured_library import SPACY_MODEL, set_up
set_up()
assert tokenize._SPACY_MODEL_NAME == SPACY_MODEL
assert tokenize.pos_tag("Doors open at nine.")[1] == ("open", "VBP"), tokenize.pos_tag("Doors open at nine.")
"""

_OFFLINE = """
import socket, urllib.request
def refuse(*args, **kwargs):
    raise SystemExit("the network was used")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
urllib.request.urlopen = refuse
from rag.parsing import routing
from tests.rag.parsing.making import made_docx, made_pptx
routing.prepare("a.md")
import unstructured.partition.common.lang as lang
import unstructured.nlp.tokenize as tokenize
def never(*args, **kwargs):
    raise SystemExit("language detection or tagging was used")
lang.detect_langs = never
tokenize._get_nlp = never
for name, data in (
    ("a.md", b"# A\\n\\nSome words that could be a narrative."),
    ("a.html", b"<h1>A</h1><p>Some words that could be a narrative.</p>"),
    ("a.docx", made_docx()),
    ("a.pptx", made_pptx()),
):
    assert routing.parse_bytes(name, data).elements
"""


@pytest.mark.parametrize("script", [_SPACY, _OFFLINE], ids=["spacy-model", "offline"])
def test_unstructured_needs_no_network_and_no_tagging(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
