import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.reports import escape


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("people-001", "people-001"),
        ("a|b", r"a\|b"),
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("[x](y)", r"\[x\](y)"),
        ("<script>", r"\<script\>"),
        ("&lt;", r"\&lt;"),
        ("a\\|b", r"a\\\|b"),
        ("https://evil.example", r"https\://evil.example"),
        ("nDCG@10, ask @everyone", r"nDCG@10, ask \@everyone"),
        ("www.evil.example", r"www\.evil.example"),
        ("a\nb\u2028c\u202ed", "a\ufffdb c\ufffdd"),
    ],
)
def test_markdown_in_names_shows_and_does_nothing(text: str, safe: str) -> None:
    assert escape(text) == safe


@given(st.text())
def test_no_name_breaks_out_of_its_line_or_table_cell(text: str) -> None:
    found = escape(text)
    assert len(found.splitlines()) <= 1
    bare = found.replace("\\\\", "").replace("\\|", "")
    assert "|" not in bare
    assert not bare.endswith("\\")
