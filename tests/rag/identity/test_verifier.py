"""A token proves who asks, or is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rag.errors import ConfigurationError, TokenError, UsageError
from rag.identity import Identity, TokenVerifier
from rag.identity.keys import FITTING
from rag.settings import Oidc
from rag.settings.identity import Algorithm
from tests.rag.identity.issuer import (
    AUDIENCE,
    ED25519,
    ISSUER,
    NOON,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    SHORT_RSA,
    USUAL_KEYS,
    Application,
    KeyServer,
    PrivateKey,
    claims,
    jwk,
    part,
    signed,
)

ADA = Identity(
    "user:ada@acme.example",
    frozenset({"group:eng", "group:staff", "tenant:acme"}),
    datetime(2026, 11, 21, 12, 5, tzinfo=UTC),
)


def refusal(application: Application, token: str) -> TokenError:
    """The error, in which nothing of the token is."""
    with pytest.raises(TokenError) as caught:
        application.verify(token)
    told = "".join(traceback.format_exception(caught.value))
    assert "ada" not in str(caught.value)
    assert [piece for piece in token.split(".") if len(piece) > 8 and piece in told] == []
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"), [("RS256", RSA, "rsa"), ("ES256", P256, "p256"), ("EdDSA", ED25519, "ed")]
)
def test_a_good_token_says_who_asks(
    application: Application, algorithm: str, key: PrivateKey, kid: str
) -> None:
    assert application.verify(signed(claims(), key, algorithm=algorithm, kid=kid)) == ADA


def test_keys_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(USUAL_KEYS)
    assert Application(str(tmp_path / "keys.json")).verify(signed(claims())) == ADA


def test_an_audience_among_several_will_do(application: Application) -> None:
    assert application.verify(signed(claims(aud=["other", AUDIENCE]))) == ADA


def test_a_refused_token_is_wrong_usage_by_the_caller() -> None:
    assert issubclass(TokenError, UsageError)
    assert TokenError("x").exit_code == 2


def test_a_token_lives_until_exp_and_the_leeway_and_no_longer(application: Application) -> None:
    token = signed(claims())
    application.clock.forward(minutes=5, seconds=29)
    assert application.verify(token) == ADA
    application.clock.forward(seconds=1)
    assert refusal(application, token).what == "the token has expired"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_begins_at_its_time_less_the_leeway(application: Application, claim: str) -> None:
    ahead = NOON.timestamp() + 31
    token = signed(claims(**{claim: ahead}))
    assert refusal(application, token).what == "the token is not valid yet"
    application.clock.forward(seconds=1)
    assert application.verify(token) == ADA


def test_a_token_without_an_end_is_refused(application: Application) -> None:
    assert refusal(application, signed(claims(exp=None))).what == "the token does not say when it expires"


@pytest.mark.parametrize("time", ["1e12", [9e9], True, float("inf"), float("nan"), 10**400, 1e300, -1e300])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_none_is_refused(application: Application, claim: str, time: object) -> None:
    token = by_hand({"alg": "RS256", "kid": "rsa"}, claims(**{claim: time}))
    assert refusal(application, token).what == f"the token's time {claim} is no time"


@pytest.mark.parametrize(
    "issuer", [ISSUER + "/", ISSUER.upper(), "https://login.acme.example.evil.example", [ISSUER], ""]
)
def test_another_issuer_is_refused(application: Application, issuer: object) -> None:
    token = by_hand({"alg": "RS256", "kid": "rsa"}, claims(iss=issuer))
    assert refusal(application, token).what == "the token is of another issuer"


@pytest.mark.parametrize("audience", ["lockgate2", "lock", ["other"], {AUDIENCE: 1}, [[AUDIENCE]]])
def test_another_audience_is_refused(application: Application, audience: object) -> None:
    token = by_hand({"alg": "RS256", "kid": "rsa"}, claims(aud=audience))
    assert refusal(application, token).what == "the token is for another audience, not for this application"


@pytest.mark.parametrize("claim", ["iss", "aud"])
def test_a_token_for_anybody_is_refused(application: Application, claim: str) -> None:
    said = refusal(application, signed(claims(**{claim: None}))).what
    assert said == "the token does not say who issued it, or for which audience"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE"])
def test_an_unsigned_token_is_refused(application: Application, name: str) -> None:
    start = f"{part({'alg': name, 'kid': 'rsa'})}.{part(claims())}"
    assert "cannot be read" in refusal(application, f"{start}.").what
    assert "identity.algorithms does not allow" in refusal(application, f"{start}.{part(b'x')}").what


def test_the_public_key_is_no_shared_secret(application: Application) -> None:
    for content in (
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        start = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(claims())}"
        token = f"{start}.{part(hmac.digest(content, start.encode(), hashlib.sha256))}"
        assert "identity.algorithms does not allow" in refusal(application, token).what


def test_no_settings_let_a_shared_secret_in(server: KeyServer) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    server.lists({"kty": "oct", "k": part(secret), "kid": "shared", "alg": "HS256"})
    application = Application(server.url)
    # Past every check of lockgate.yaml.
    loose = application.settings.model_copy(update={"algorithms": ("HS256", "none", "RS256")})
    application.verify = TokenVerifier(loose, application.keys, now=application.clock).verify
    start = f"{part({'alg': 'HS256', 'kid': 'shared'})}.{part(claims())}"
    token = f"{start}.{part(hmac.digest(secret, start.encode(), hashlib.sha256))}"
    assert "identity.algorithms does not allow" in refusal(application, token).what
    # And a header that lies about its algorithm does not find a key.
    start = f"{part({'alg': 'RS256', 'kid': 'shared'})}.{part(claims())}"
    token = f"{start}.{part(hmac.digest(secret, start.encode(), hashlib.sha256))}"
    assert "its private part is published" in refusal(application, token).what


def test_every_algorithm_that_can_be_set_has_a_kind_of_public_key() -> None:
    assert set(get_args(Algorithm)) == set(FITTING)


def test_an_algorithm_that_is_not_in_the_list_is_refused(server: KeyServer) -> None:
    application = Application(server.url, algorithms=["ES256"])
    assert "identity.algorithms does not allow" in refusal(application, signed(claims())).what


def test_a_signature_by_another_key_is_refused(application: Application) -> None:
    error = refusal(application, signed(claims(), OTHER_RSA))
    assert error.what == "the token's signature is not the issuer's"


def test_a_changed_payload_is_refused(application: Application) -> None:
    header, _, signature = signed(claims()).split(".")
    token = f"{header}.{part(claims(email='eve@acme.example'))}.{signature}"
    assert refusal(application, token).what == "the token's signature is not the issuer's"


def test_a_changed_header_is_refused(application: Application) -> None:
    _, payload, signature = signed(claims()).split(".")
    token = f"{part({'alg': 'RS256', 'kid': 'rsa', 'typ': 'x'})}.{payload}.{signature}"
    assert refusal(application, token).what == "the token's signature is not the issuer's"


def test_a_key_that_the_token_brings_along_is_not_used(application: Application) -> None:
    own = jwk(OTHER_RSA, "rsa")
    token = signed(claims(), OTHER_RSA, jwk=own, jku="http://127.0.0.1:1/keys")
    assert refusal(application, token).what == "the token's signature is not the issuer's"


@pytest.mark.parametrize("kid", [None, ""])
def test_a_token_that_names_no_key_is_refused(application: Application, kid: str | None) -> None:
    assert "which key it is signed with" in refusal(application, signed(claims(), kid=kid)).what


@pytest.mark.parametrize(
    "extension", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}]
)
def test_an_extension_is_not_passed_over(application: Application, extension: dict[str, object]) -> None:
    token = by_hand({"alg": "RS256", "kid": "rsa", **extension}, claims())
    assert refusal(application, token).what == "the token cannot be read as a signed JSON web token"


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        (jwk(RSA, "k", use="enc"), "is not meant for signatures"),
        (jwk(RSA, "k", use=None), "is not meant for signatures"),
        (jwk(RSA, "k", key_ops=["encrypt"]), "is not meant for signatures"),
        (jwk(RSA, "k", key_ops="verify"), "is not meant for signatures"),
        (jwk(RSA, "k", alg="RS512"), "is not meant for its algorithm"),
        (jwk(RSA, "k", alg="HS256"), "is of a kind that is not taken"),
        (jwk(RSA, "k", alg=["RS256"]), "is of a kind that is not taken"),
        (jwk(RSA, "k", d="AQAB"), "is no secret: its private part is published"),
        (jwk(RSA, "k", n="AQAB!"), "is damaged in the issuer's list"),
        (jwk(RSA, "k", n=5), "is damaged in the issuer's list"),
        ({"kty": "RSA", "kid": "k"}, "is damaged in the issuer's list"),
        (jwk(SHORT_RSA, "k"), "is too short: RSA needs 2048 bits"),
        (jwk(P256, "k"), "is not meant for its algorithm"),
        (jwk(P384, "k", crv="P-256"), "is damaged in the issuer's list"),
        ({"kty": ["RSA"], "kid": "k"}, "is of a kind that is not taken"),
    ],
)
def test_a_key_that_does_not_fit_is_not_used(
    server: KeyServer, application: Application, listed: dict[str, object], problem: str
) -> None:
    server.lists(listed, jwk(RSA, "rsa"))
    assert refusal(application, signed(claims(), kid="k")).what == f"the key that the token names {problem}"
    assert application.verify(signed(claims())) == ADA


def test_a_curve_belongs_to_its_algorithm(server: KeyServer) -> None:
    server.lists(jwk(P384, "p384"))
    application = Application(server.url, algorithms=["ES256", "ES384"])
    assert application.verify(signed(claims(), P384, algorithm="ES384", kid="p384")) == ADA
    token = by_hand({"alg": "ES256", "kid": "p384"}, claims())
    assert "not meant for its algorithm" in refusal(application, token).what


def test_keys_that_share_a_name_are_each_tried(server: KeyServer, application: Application) -> None:
    server.lists(jwk(OTHER_RSA, "rsa"), jwk(P256, "rsa"), jwk(RSA, "rsa"))
    assert application.verify(signed(claims())) == ADA
    assert application.verify(signed(claims(), P256, algorithm="ES256")) == ADA


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        f"{part([])}.{part({})}.{part(b'x')}",
        f"{part(b'{')}.{part({})}.{part(b'x')}",
        f"{part(b'[' * 5000)}.{part({})}.{part(b'x')}",
        f"{part(b'9' * 5000)}.{part({})}.{part(b'x')}",
        f"{part({'alg': 'RS256', 'kid': 5})}.{part({})}.{part(b'x')}",
        " a.b.c",
        "Bearer a.b.c",
        "a.b.c\n",
        "a.b.ç",
        "a.b.\0",
    ],
)
def test_what_is_no_token_is_refused(application: Application, server: KeyServer, token: str) -> None:
    assert "cannot be read" in refusal(application, token).what
    assert server.requests == 0


@pytest.mark.parametrize("nothing", ["", None, 5, b"a.b.c"])
def test_no_token_is_refused(application: Application, nothing: str) -> None:
    with pytest.raises(TokenError, match="a token is needed"):
        application.verify(nothing)


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"exp": ' + b"9" * 5000 + b"}"]
)
def test_a_signed_payload_that_is_no_object_is_refused(application: Application, payload: bytes) -> None:
    assert "cannot be read" in refusal(application, by_hand({"alg": "RS256", "kid": "rsa"}, payload)).what


def test_a_token_of_a_megabyte_is_not_even_looked_at(application: Application, server: KeyServer) -> None:
    error = refusal(application, signed(claims(groups=["eng" * 250_000])))
    assert error.what == "the token is longer than 16,384 characters"
    assert server.requests == 0


def test_threads_may_share_a_verifier(application: Application, server: KeyServer) -> None:
    token, forged = signed(claims()), signed(claims(), OTHER_RSA)

    def ask(number: int) -> Identity | str:
        try:
            return application.verify(forged if number % 4 == 0 else token)
        except TokenError as error:
            return error.what

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(200)))
    assert [answer == ADA for answer in answers] == [number % 4 != 0 for number in range(200)]
    assert server.requests == 1


def test_without_the_library_the_extra_is_named(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        TokenVerifier.of(application.settings)
    assert "lockgate[oidc]" in caught.value.next_step


def test_by_itself_a_verifier_goes_by_the_time_of_day(application: Application) -> None:
    settings: Oidc = application.settings
    soon = datetime.now(UTC) + timedelta(hours=1)
    token = signed(claims(iat=None, exp=soon.timestamp()))
    assert TokenVerifier.of(settings).verify(token).principal == "user:ada@acme.example"
    with pytest.raises(TokenError, match="expired"):
        TokenVerifier.of(settings).verify(signed(claims(iat=None, exp=1)))


def by_hand(header: dict[str, object], content: object) -> str:
    """A token with a good signature of the RSA key over whatever is in it."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    start = f"{part(header)}.{part(data)}"
    return f"{start}.{part(RSA.sign(start.encode(), PKCS1v15(), hashes.SHA256()))}"
