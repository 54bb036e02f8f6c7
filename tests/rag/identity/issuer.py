"""An issuer of tokens: real keys, and a real server that lists them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from rag.identity import KeyRing, TokenVerifier
from rag.settings import Oidc

ISSUER = "https://login.acme.example"
AUDIENCE = "lockgate"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def jwk(key: PrivateKey, kid: str, **more: object) -> dict[str, object]:
    """The public part as a key set lists it."""
    public: dict[str, object]
    if isinstance(key, rsa.RSAPrivateKey):
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, **more}


def key_set_of(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


USUAL_KEYS = key_set_of(jwk(RSA, "rsa"), jwk(P256, "p256"), jwk(ED25519, "ed"))


def claims(**changed: object) -> dict[str, object]:
    """What a good token asserts at noon, and for five minutes; a claim that is set to ``None`` is left out."""
    usual: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": NOON.timestamp(),
        "exp": (NOON + timedelta(minutes=5)).timestamp(),
        "email": "ada@acme.example",
        "groups": ["eng", "staff"],
        "org": "acme",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def signed(
    content: Mapping[str, object],
    key: PrivateKey = RSA,
    *,
    algorithm: str = "RS256",
    kid: str | None = "rsa",
    **header: object,
) -> str:
    headers = {**header} if kid is None else {"kid": kid, **header}
    return jwt.encode(dict(content), key, algorithm=algorithm, headers=headers)


def part(content: object) -> str:
    """One part of a token that is made by hand."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Clock:
    """A clock that stands at noon until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class KeyServer:
    """Answers every request with ``answer``, and counts them."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = said(USUAL_KEYS)
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/keys"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self._up = True

    def lists(self, *keys: object) -> None:
        """From now on the set has these keys."""
        self.answer = said(key_set_of(*keys))

    def stop(self) -> None:
        """From now on connections are refused."""
        if self._up:
            self._up = False
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()


def said(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Application:
    """What an application has: settings, a verifier with its key ring, and a clock to turn."""

    def __init__(self, jwks: str, **changed: object) -> None:
        usual: dict[str, object] = {
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "jwks": jwks,
            "claims": {"user": "email", "groups": "groups", "tenant": "org"},
        }
        self.clock = Clock()
        self.settings = Oidc.model_validate({**usual, **changed})
        self.keys = KeyRing(self.settings, now=self.clock)
        self.verifier = TokenVerifier(self.settings, self.keys, now=self.clock)
        self.verify = self.verifier.verify
