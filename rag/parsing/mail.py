"""Mail: who wrote to whom and when, the body, and the names of what was attached."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.decoding import decode, looks_binary
from rag.parsing.elements import ParsedDocument
from rag.parsing.hypertext import add_html
from rag.parsing.plain import add_paragraphs

_HEADERS = ("From", "To", "Cc", "Date")


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message taken apart; headers as (name, value), bodies as text."""

    subject: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    plain: str = ""
    html: str = ""
    attachments: list[str] = field(default_factory=list)


def parse_eml(data: bytes) -> ParsedDocument:
    """An internet message (RFC 5322). Attachments are named, not parsed."""
    if looks_binary(data):
        raise ParseError("it is named like a mail message but holds binary data")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64]:
        data = decode(data).encode("utf-8")
    message = email.message_from_bytes(data.lstrip(b"\xef\xbb\xbf\r\n "), policy=email.policy.default)
    if not message.keys():
        raise ParseError("it is not a mail message: it has no header lines")
    return _build(_take_apart(message))


def parse_msg(data: bytes) -> ParsedDocument:
    """An Outlook message. Attachments are named, not parsed."""
    from oxmsg import Message

    if not data.startswith(b"\xd0\xcf\x11\xe0"):
        raise ParseError("it is not an Outlook message: it does not begin like one")
    message = Message.load(data)
    names = {name.lower(): value for name, value in message.message_headers.items()}
    to = names.get("to") or ", ".join(
        f"{r.name} <{r.email_address}>" if r.name != r.email_address else r.email_address
        for r in message.recipients
    )
    sent = message.sent_date
    values = (
        ("From", message.sender or ""),
        ("To", to),
        ("Cc", names.get("cc", "")),
        ("Date", sent.isoformat(" ") if sent else names.get("date", "")),
    )
    return _build(
        _Letter(
            message.subject or "",
            [(name, value) for name, value in values if value],
            message.body or "",
            message.html_body or "",
            [attachment.file_name or "unnamed" for attachment in message.attachments],
        )
    )


def _build(letter: _Letter) -> ParsedDocument:
    plain = DocumentBuilder()
    add_paragraphs(plain, letter.plain)
    rich = DocumentBuilder()
    if letter.html.strip():
        add_html(rich, letter.html)
    body, alternative = plain.build(), rich.build()
    # The plain text is what was written, unless it is missing or a stub ("open this in a browser").
    if len(alternative.text) > 2 * len(body.text):
        body = alternative
    builder = DocumentBuilder()
    builder.add("heading", letter.subject, level=1)
    builder.add(
        "paragraph", "\n".join(f"{name}: {' '.join(value.split())}" for name, value in letter.headers)
    )
    if not body.elements and not letter.attachments and not letter.subject.strip():
        raise ParseError("the message has neither a subject nor a body")
    for element in body.elements:
        # The subject is the one heading of level 1: those of the body come below it.
        level = element.level + 1 if element.level else None
        builder.add(element.kind, element.text, level=level)
    if letter.attachments:
        builder.add("paragraph", "Attachments: " + ", ".join(letter.attachments))
    return builder.build(title=letter.subject, prefer_heading=False)


def _take_apart(message: EmailMessage) -> _Letter:
    letter = _Letter(_header(message, "Subject"))
    letter.headers.extend((name, value) for name in _HEADERS if (value := _header(message, name)))
    plain, html = [], []
    for part in message.walk():
        if part.is_multipart():
            continue
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            letter.attachments.append(name or f"unnamed ({part.get_content_type()})")
        elif part.get_content_type() == "text/plain":
            plain.append(_content(part))
        elif part.get_content_type() == "text/html":
            html.append(_content(part))
        else:
            letter.attachments.append(f"unnamed ({part.get_content_type()})")
    return _Letter(letter.subject, letter.headers, "\n\n".join(plain), "\n".join(html), letter.attachments)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "") or "").strip()
    except Exception:  # noqa: BLE001 - the stdlib's header parser raises all sorts on malformed headers
        raw = dict(message.raw_items()).get(name, "")
        return " ".join(str(raw).split())


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return str(payload or "")
    charset = part.get_content_charset()
    if charset:
        try:
            return payload.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass  # the charset it names is unknown or wrong: find out from the bytes
    return decode(payload)
