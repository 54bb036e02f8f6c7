"""What the claims say, and that nothing in them is guessed."""

from __future__ import annotations

import pytest

from rag.errors import TokenError
from rag.identity import Identity
from rag.identity.claims import MOST_GROUPS, identity_of
from rag.settings import Claims
from tests.rag.identity.issuer import NOON, Application, claims, signed

ALL = Claims(user="email", groups="groups", tenant="org")
USER = Claims(user="email")


def refused(content: dict[str, object], names: Claims = ALL) -> str:
    """Why it is refused, in words without what it holds."""
    with pytest.raises(TokenError) as caught:
        identity_of(content, names, NOON)
    assert "acme" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.what


def test_the_claims_that_are_named_become_principals() -> None:
    said = identity_of(claims(groups=["eng", "a:b", "eng"]), ALL, NOON)
    assert said == Identity(
        "user:ada@acme.example", frozenset({"group:eng", "group:a:b", "tenant:acme"}), NOON
    )


def test_a_claim_that_is_not_named_says_nothing() -> None:
    assert identity_of(claims(groups="x", org=5), USER, NOON).also == frozenset()


def test_no_groups_are_no_groups() -> None:
    assert identity_of(claims(groups=[]), ALL, NOON).also == {"tenant:acme"}


def test_a_dotted_path_leads_into_a_claim() -> None:
    names = Claims(user="who.mail", groups="realm_access.roles")
    content: dict[str, object] = {"who": {"mail": "ada"}, "realm_access": {"roles": ["eng"]}}
    assert identity_of(content, names, NOON) == Identity("user:ada", frozenset({"group:eng"}), NOON)


def test_a_name_with_dots_in_it_is_a_name() -> None:
    content: dict[str, object] = {"https://acme.example/user": "ada"}
    said = identity_of(content, Claims(user="https://acme.example/user"), NOON)
    assert said.principal == "user:ada"


def test_a_name_that_is_also_a_path_is_not_guessed() -> None:
    content: dict[str, object] = {"who.mail": "ada", "who": {"mail": "eve"}}
    assert "is there twice" in refused(content, Claims(user="who.mail"))


@pytest.mark.parametrize("holder", [None, "mail", ["mail"], {}, {"mai": "x"}, 5])
def test_a_path_that_leads_nowhere_is_a_missing_claim(holder: object) -> None:
    assert refused({"who": holder}, Claims(user="who.mail")) == "the claim for user is missing"


@pytest.mark.parametrize(("key", "name"), [("user", "email"), ("groups", "groups"), ("tenant", "org")])
def test_a_missing_claim_is_refused(key: str, name: str) -> None:
    assert refused(claims(**{name: None})) == f"the claim for {key} is missing"


@pytest.mark.parametrize("value", [None, 5, True, ["ada"], {"name": "ada"}])
@pytest.mark.parametrize(("key", "name"), [("user", "email"), ("tenant", "org")])
def test_a_name_that_is_no_text_is_refused(key: str, name: str, value: object) -> None:
    assert refused({**claims(), name: value}) == f"the claim for {key} holds something that is no text"


@pytest.mark.parametrize("value", [None, "eng", "eng,staff", '["eng"]', {"eng": True}, 5])
def test_groups_that_are_no_list_are_refused(value: object) -> None:
    assert refused({**claims(), "groups": value}) == "the claim for groups is not a list of names"


@pytest.mark.parametrize("entry", [None, 5, ["eng"], {"name": "eng"}])
def test_a_group_that_is_no_text_is_refused_with_all_others(entry: object) -> None:
    assert refused(claims(groups=["eng", entry])) == "the claim for groups holds something that is no text"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ada",
        "Domain Users",
        "ada\n",
        "ada\0",
        "a\u200bda",  # zero width space
        "\u202eada",  # right-to-left override
        "Jose\u0301",  # denormalised: looks like José
        "\ud800",
    ],
)
@pytest.mark.parametrize(("key", "claim"), [("user", "email"), ("groups", "groups"), ("tenant", "org")])
def test_a_name_that_no_principal_can_have_is_refused(key: str, claim: str, name: str) -> None:
    value = ["eng", name] if claim == "groups" else name
    assert refused(claims(**{claim: value})).startswith(f"the claim for {key} holds an empty name, or one")


def test_a_look_alike_is_another_user() -> None:
    # The second begins with a Cyrillic letter.
    said = identity_of(claims(email="аda@acme.example"), ALL, NOON).principal
    assert said == "user:аda@acme.example"
    assert said != identity_of(claims(), ALL, NOON).principal


def test_letters_are_not_made_small() -> None:
    assert identity_of(claims(email="Ada@acme.example"), ALL, NOON).principal == "user:Ada@acme.example"


def test_a_user_cannot_become_a_group_by_name() -> None:
    assert identity_of(claims(email="group:eng"), ALL, NOON).principal == "user:group:eng"
    assert identity_of(claims(groups=["user:eve"]), ALL, NOON).also == {"group:user:eve", "tenant:acme"}


@pytest.mark.parametrize("verified", [False, None, "false", "True", 0, 1, []])
def test_an_address_that_is_not_verified_is_refused(verified: object) -> None:
    content = {**claims(), "email_verified": verified}
    assert refused(content) == "the issuer has not verified the e-mail address of the user"


@pytest.mark.parametrize("verified", [True, "true"])
def test_a_verified_address_is_taken(verified: object) -> None:
    assert identity_of(claims(email_verified=verified), ALL, NOON).principal == "user:ada@acme.example"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("profile.email", {"profile": {"email": "ada", "email_verified": False}}),
        ("profile.email", {"profile": {"email": "ada"}, "email_verified": False}),
        ("https://x.example/email", {"https://x.example/email": "ada", "email_verified": False}),
    ],
)
def test_an_address_elsewhere_must_be_verified_too(path: str, content: dict[str, object]) -> None:
    assert "has not verified" in refused(content, Claims(user=path))


def test_what_is_no_address_needs_no_verified_address() -> None:
    said = identity_of(claims(sub="u1", email_verified=False), Claims(user="sub"), NOON)
    assert said.principal == "user:u1"


@pytest.mark.parametrize(
    "overage",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}},
        {"_claim_names": {"groups": "src1"}, "groups": ["eng"]},
        {"hasgroups": True},
        {"hasgroups": "true"},
        {"_claim_names": None},
    ],
)
def test_groups_that_the_issuer_left_out_are_not_taken_for_none(overage: dict[str, object]) -> None:
    content = {**claims(groups=None), **overage}
    assert refused(content) == "the issuer left the groups of the user out of the token, as they are too many"
    assert identity_of(content, USER, NOON).also == frozenset()


def test_a_list_of_groups_has_a_limit_and_is_never_cut() -> None:
    most = [f"g{number}" for number in range(MOST_GROUPS)]
    assert len(identity_of(claims(groups=most), ALL, NOON).also) == 10_001
    assert refused(claims(groups=[*most, "one"])) == (
        "the claim for groups lists more than 10,000, and none may be left out"
    )


def test_a_million_groups_are_refused_before_any_is_read() -> None:
    assert "more than 10,000" in refused(claims(groups=[None] * 1_000_000))


def test_a_token_with_a_million_groups_is_refused(application: Application) -> None:
    with pytest.raises(TokenError, match="longer than 16,384 characters"):
        application.verify(signed(claims(groups=["g"] * 1_000_000)))
