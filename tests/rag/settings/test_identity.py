"""Whose tokens are taken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rag.settings import Claims, Oidc, canonical
from tests.rag.settings.conftest import MINIMAL, Load, Refuse

SECTION = """\
identity:
  issuer: https://login.acme.example
  audience: lockgate
  jwks: https://login.acme.example/keys
  claims: {user: email}
"""


def loaded(load: Load, text: str = SECTION) -> Oidc:
    identity = load(MINIMAL + text).identity
    assert identity is not None
    return identity


def test_no_issuer_is_trusted_unless_it_is_named(load: Load) -> None:
    assert load(MINIMAL).identity is None


def test_what_is_left_out_has_its_documented_default(load: Load) -> None:
    identity = loaded(load)
    assert identity.algorithms == ("RS256", "ES256", "EdDSA")
    assert identity.claims == Claims(user="email", groups=None, tenant=None)
    assert (identity.leeway, identity.min_refresh) == (timedelta(seconds=30), timedelta(seconds=30))
    assert (identity.max_age, identity.grace) == (timedelta(hours=1), timedelta(0))


def test_everything_can_be_set(load: Load) -> None:
    more = "  algorithms: [PS256]\n  leeway: 0s\n  max_age: 10m\n  grace: 1h\n  min_refresh: 1m\n"
    identity = loaded(load, SECTION.replace("{user: email}", "{user: sub, groups: a.b, tenant: org}") + more)
    assert identity.claims == Claims(user="sub", groups="a.b", tenant="org")
    assert (identity.algorithms, identity.leeway) == (("PS256",), timedelta(0))
    assert identity.max_age == timedelta(minutes=10)
    assert identity.grace == timedelta(hours=1)
    assert identity.min_refresh == timedelta(minutes=1)


def test_the_section_has_a_canonical_form(load: Load) -> None:
    assert '"issuer":"https://login.acme.example"' in canonical(loaded(load))


def test_a_file_of_keys_starts_at_the_folder_of_the_configuration(load: Load, tmp_path: Path) -> None:
    text = SECTION.replace("https://login.acme.example/keys", "keys/issuer.json")
    assert loaded(load, text).jwks == str(tmp_path / "keys/issuer.json")


@pytest.mark.parametrize(
    "url",
    [
        "https://login.acme.example/keys?p=policy",
        "https://login.acme.example:8443/keys",
        "http://localhost:8080/keys",
        "http://127.0.0.1/keys",
        "http://127.1.2.3/keys",
        "http://[::1]:8080/keys",
    ],
)
def test_keys_come_over_https_or_from_this_machine(load: Load, url: str) -> None:
    assert loaded(load, SECTION.replace("https://login.acme.example/keys", f"'{url}'")).jwks == url


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://login.acme.example/keys", "expected https: over http anyone"),
        ("http://10.0.0.1/keys", "expected https: over http anyone"),
        ("http://0.0.0.0/keys", "expected https: over http anyone"),
        ("http://127.0.0.1.evil.example/keys", "expected https: over http anyone"),
        ("http://localhost.evil.example/keys", "expected https: over http anyone"),
        ("http://127.0.0.1@evil.example/keys", "a URL holds no user name or password"),
        ("https://u:hush@login.acme.example/keys", "a URL holds no user name or password"),
        ("file:///etc/keys", "expected a file, or a URL"),
        ("ftp://login.acme.example/keys", "expected a file, or a URL"),
        ("https:///keys", "expected a file, or a URL"),
        ("https://login.acme.example:port/keys", "expected a file, or a URL"),
        ("https://login.acme.example/keys#a", "expected a file, or a URL"),
        ("https://login.acme.example/a b", "expected a file, or a URL"),
        ("https://lógin.example/keys", "expected a file, or a URL"),
        ("https://[::1/keys", "expected a file, or a URL"),
        ("", "expected at least 1 character"),
    ],
)
def test_keys_come_from_nowhere_else(refuse: Refuse, url: str, what: str) -> None:
    error = refuse(MINIMAL + SECTION.replace("https://login.acme.example/keys", f"'{url}'"))
    assert error.where == "lockgate.yaml:7"
    assert error.what.startswith(f"identity.jwks: {what}")


@pytest.mark.parametrize("name", ["none", "HS256", "HS384", "HS512", "rs256", "ES256K", ""])
def test_only_signatures_by_a_private_key_can_be_set(refuse: Refuse, name: str) -> None:
    error = refuse(f"{MINIMAL}{SECTION}  algorithms: [RS256, '{name}']\n")
    assert error.what.startswith("identity.algorithms[1]: expected 'RS256'")
    assert "HS" not in error.what


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("algorithms: []", "identity.algorithms: expected at least 1 of them"),
        ("leeway: 6m", "identity.leeway: expected a duration from 0s to 5m"),
        ("leeway: 30", "identity.leeway: expected a duration"),
        ("max_age: 8d", "identity.max_age: expected a duration from 1s to 7d"),
        ("min_refresh: 0s", "identity.min_refresh: expected a duration from 1s to 1h"),
        (
            "max_age: 29s",
            "identity.min_refresh: expected at most max_age: keys that are too old could not be fetched",
        ),
        ("audiences: x", "identity: unknown key 'audiences'; did you mean 'audience'?"),
    ],
)
def test_a_wrong_value_says_what_was_expected(refuse: Refuse, line: str, what: str) -> None:
    assert refuse(f"{MINIMAL}{SECTION}  {line}\n").what.startswith(what)


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        ("{}", "identity.claims.user: is missing"),
        ("{user: ''}", "identity.claims.user: does not match"),
        ("{user: 'a b'}", "identity.claims.user: does not match"),
        ("{user: [email]}", "identity.claims.user: expected text"),
        ("{user: email, group: g}", "identity.claims: unknown key 'group'; did you mean 'groups'?"),
        ("email", "identity.claims: expected keys and values"),
    ],
)
def test_a_wrong_claim_is_named(refuse: Refuse, claims: str, what: str) -> None:
    assert refuse(MINIMAL + SECTION.replace("{user: email}", claims)).what.startswith(what)


@pytest.mark.parametrize("key", ["issuer", "audience", "jwks", "claims"])
def test_what_says_whom_to_trust_is_never_guessed(refuse: Refuse, key: str) -> None:
    kept = [line for line in SECTION.splitlines() if not line.startswith(f"  {key}:")]
    assert refuse(MINIMAL + "\n".join(kept)).what == f"identity.{key}: is missing"
