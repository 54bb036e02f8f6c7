from __future__ import annotations

from email.message import EmailMessage

import pytest

from rag.errors import ParseError
from rag.parsing import Parser
from tests.rag.parsing.test_text_formats import outline


def made_mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Größere Büros"
    message["From"] = "Ada <ada@acme.example>"
    message["To"] = "Bob <bob@acme.example>"
    message["Date"] = "Mon, 05 Jan 2026 10:00:00 +0000"
    message.set_content("Dear Bob,\n\nwe move in May.\n")
    return message


def test_a_message_is_subject_headers_body_and_names_of_attachments(parser: Parser) -> None:
    message = made_mail()
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="plan.zip")
    message.add_attachment("SECRET PLAN", filename="note.txt")
    document = parser.parse("a.eml", message.as_bytes())
    assert outline(document) == [
        ("heading", 1, "Größere Büros"),
        (
            "paragraph",
            None,
            "From: Ada <ada@acme.example>\nTo: Bob <bob@acme.example>\nDate: Mon, 05 Jan 2026 10:00:00 +0000",
        ),
        ("paragraph", None, "Dear Bob,"),
        ("paragraph", None, "we move in May."),
        ("paragraph", None, "Attachments: plan.zip, note.txt"),
    ]
    assert document.title == "Größere Büros"


def test_html_stands_in_where_the_plain_text_is_a_stub(parser: Parser) -> None:
    message = made_mail()
    message.set_content("See HTML.")
    message.add_alternative("<h1>News</h1><p>The canteen opens on Monday at noon.</p>", subtype="html")
    document = parser.parse("a.eml", message.as_bytes())
    assert outline(document)[2:] == [
        ("heading", 2, "News"),
        ("paragraph", None, "The canteen opens on Monday at noon."),
    ]


def test_the_plain_text_counts_where_both_say_the_same(parser: Parser) -> None:
    message = made_mail()
    message.add_alternative("<p>Dear Bob,</p><p>we move in <b>May</b>.</p>", subtype="html")
    assert [e.text for e in parser.parse("a.eml", message.as_bytes()).elements][2:] == [
        "Dear Bob,",
        "we move in May.",
    ]


def test_an_unknown_charset_and_a_broken_date_do_no_harm(parser: Parser) -> None:
    raw = b"From: a@b\nDate: yesterday\nContent-Type: text/plain; charset=nonsense\n\nHello there."
    assert parser.parse("a.eml", raw).text == "From: a@b\nDate: yesterday\n\nHello there."


@pytest.mark.parametrize("raw", [b"no headers at all", b"\n\nbody only"])
def test_what_has_no_headers_is_no_message(parser: Parser, raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"no header lines|neither a subject nor a body"):
        parser.parse("a.eml", raw)
