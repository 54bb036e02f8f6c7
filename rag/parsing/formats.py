"""Which files are read, by the ending of their name, and what to do about the others."""

from __future__ import annotations

from pathlib import PurePosixPath

from rag.errors import ParseError

# suffix: "module:function" within this package. The modules are imported in the worker process only.
READERS = {
    ".txt": "plain:parse_plain",
    ".md": "markdown_text:parse_markdown",
    ".markdown": "markdown_text:parse_markdown",
    ".html": "hypertext:parse_html",
    ".htm": "hypertext:parse_html",
    ".csv": "delimited:parse_csv",
    ".tsv": "delimited:parse_tsv",
    ".xlsx": "spreadsheet:parse_xlsx",
    ".xls": "spreadsheet:parse_xls",
    ".docx": "office:parse_docx",
    ".pptx": "office:parse_pptx",
    ".odt": "office:parse_odt",
    ".rtf": "office:parse_rtf",
    ".epub": "office:parse_epub",
    ".eml": "mail:parse_eml",
    ".msg": "mail:parse_msg",
    ".pdf": "pdf:parse_pdf",
}
# Endings whose readers load unstructured (seconds, once per worker process).
NEED_UNSTRUCTURED = frozenset(
    {".md", ".markdown", ".html", ".htm", ".docx", ".pptx", ".odt", ".rtf", ".epub", ".eml", ".msg"}
)

_CONVERT = {
    ".doc": ".docx", ".docm": ".docx", ".dot": ".docx", ".pages": ".docx", ".wpd": ".docx",
    ".ppt": ".pptx", ".pptm": ".pptx", ".odp": ".pptx", ".key": ".pptx",
    ".xlsm": ".xlsx", ".xlsb": ".xlsx", ".ods": ".xlsx", ".numbers": ".xlsx",
    ".org": ".md", ".rst": ".md", ".adoc": ".md", ".tex": ".pdf", ".ps": ".pdf", ".mobi": ".epub",
}  # fmt: skip
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_DATA = frozenset({".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".xml", ".toml", ".parquet", ".sql"})
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".svg"})
_MEDIA = frozenset({".mp3", ".wav", ".m4a", ".ogg", ".flac", ".mp4", ".mov", ".avi", ".mkv", ".webm"})


def suffix_of(name: str) -> str:
    """The ending of a file's name, lower case, with its dot; empty if there is none."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def check_readable(name: str) -> str:
    """The suffix of ``name``. Raises ParseError, saying what to do, if such files are not read."""
    suffix = suffix_of(name)
    if suffix in READERS:
        return suffix
    raise ParseError(_refusal(suffix))


def _refusal(suffix: str) -> str:
    if not suffix:
        return "its name has no ending, so its format is unknown: give it one, such as .txt or .md"
    if suffix in _CONVERT:
        return f"{suffix} files are not read: convert it to {_CONVERT[suffix]}"
    if suffix in _ARCHIVES:
        return f"{suffix} archives are not unpacked: add the files inside it to the source instead"
    if suffix in _DATA:
        return f"{suffix} files are data, not documents: convert it to .md, .txt or .csv"
    if suffix in _IMAGES:
        return f"{suffix} files are images, whose text is not read: convert it to a .pdf with a text layer"
    if suffix in _MEDIA:
        return f"{suffix} files are recordings: add a transcript as .txt or .md instead"
    return f"{suffix} files are not read: convert it to .md, .docx or .pdf"
