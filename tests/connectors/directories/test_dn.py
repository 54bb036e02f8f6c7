"""Which distinguished names are the same."""

from __future__ import annotations

import pytest

from connectors.directories.dn import normal_dn


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ada,dc=acme", "UID=ADA,DC=ACME"),
        ("uid=ada,dc=acme", " uid = ada , dc = acme "),
        ("cn=Ada  Lovelace,dc=acme", "cn=ada lovelace,dc=acme"),
        (r"cn=Lovelace\, Ada,dc=acme", r"cn=Lovelace\2C Ada,dc=acme"),
        (r"cn=caf\C3\A9", "cn=CAFÉ"),
        (r"cn=\ ada\ ", "cn=ada"),
        (r"cn=\61da", "cn=ada"),
        (r"cn=\#ada\=x", r"cn=\23ada=x"),
        ("cn=ada+uid=1,dc=acme", "uid=1 + cn=Ada,dc=acme"),
        ("", "  "),
    ],
)
def test_case_white_space_and_escapes_do_not_matter(one: str, other: str) -> None:
    assert normal_dn(one) == normal_dn(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"cn=a\,dc=b", "cn=a,dc=b"),
        (r"cn=a\\,dc=b", r"cn=a\\\,dc=b"),
        (r"cn=a\+uid=b", "cn=a+uid=b"),
        (r"cn=a\5c2cb", r"cn=a\,b"),
        ("cn=a,dc=b", "dc=b,cn=a"),
        ("cn=a,dc=b", "cn=a+dc=b"),
        ("cn=a", "uid=a"),
        ("cn=eng", "cn=\u0435ng"),
        ("cn=\u00e9va", "cn=e\u0301va"),
    ],
)
def test_another_name_stays_another(one: str, other: str) -> None:
    assert normal_dn(one) != normal_dn(other)


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "cn=a,",
        ",cn=a",
        "cn=a+",
        "=a",
        "c n=a",
        "é=a",
        "cn=a\\",
        r"cn=a\x",
        r"cn=\ff",
        'cn="a"',
        r'cn=\,"',
        "cn=a;b",
        "cn=a<b",
        "cn=a\0",
        "cn=#0403616461",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name"):
        normal_dn(text)
