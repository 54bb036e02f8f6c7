"""One call of a pinned model: attempts, waits between them, and an end to both."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any

from rag.answering.model_pin import ModelPin
from rag.answering.model_reply import spent, text_of
from rag.answering.port import Message, Usage
from rag.errors import ConfigurationError, ModelError, ModelRefusedError, ModelUnavailableError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 8.0
_WORTH_A_RETRY = (408, 409, 429)


def require_openai() -> None:
    """Raises ``ConfigurationError`` if the ``openai`` library is not installed."""
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"the client of language models is not installed ({error.name})",
            next_step="Install openai, which Lockgate depends on.",
        ) from error


def open_client(pin: ModelPin) -> AsyncOpenAI:
    """A client of the pin's endpoint, to be closed by the caller, in the event loop that uses it."""
    import httpx
    import openai

    log = logging.getLogger("openai")
    if log.getEffectiveLevel() < logging.INFO:
        log.setLevel(logging.INFO)  # below that it logs whole prompts
    return openai.AsyncOpenAI(
        base_url=pin.url,
        api_key=pin.api_key or "none",
        max_retries=0,
        # A redirect would carry the prompt to wherever it points.
        http_client=httpx.AsyncClient(follow_redirects=False, timeout=pin.timeout_seconds),
    )


async def ask(
    client: AsyncOpenAI,
    pin: ModelPin,
    messages: Sequence[Message],
    spend: Callable[[Usage], None],
    response_format: dict[str, Any] | None = None,
) -> str:
    """What the model says to ``messages``, within ``pin.longest_seconds``.

    ``spend`` hears what each attempt took as soon as that is known, of failed ones as well. Time-outs, lost
    connections, too many requests and the server's own errors are tried again. Raises ``ModelError``, without a
    cause: the library's errors hold the conversation.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + pin.longest_seconds
    attempt = 1
    while True:
        left = deadline - loop.time()
        said, wait = await _attempt(
            client, pin, messages, spend, response_format, min(left, pin.timeout_seconds)
        )
        if isinstance(said, str):
            return said
        wait = max(
            wait, random.uniform(0.5, 1) * min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
        )
        if (
            not isinstance(said, ModelUnavailableError)
            or attempt == pin.attempts
            or loop.time() + wait >= deadline
        ):
            raise said
        await asyncio.sleep(wait)
        attempt += 1


async def _attempt(
    client: AsyncOpenAI,
    pin: ModelPin,
    messages: Sequence[Message],
    spend: Callable[[Usage], None],
    response_format: dict[str, Any] | None,
    seconds: float,
) -> tuple[str | ModelError, float]:
    """The answer or the error, and for how many seconds the endpoint wants to be left alone."""
    import openai

    settings: dict[str, Any] = {
        "temperature": pin.temperature,
        "seed": pin.seed,
        "response_format": response_format,
    }
    spend(Usage(calls=1))
    try:
        async with asyncio.timeout(seconds):
            raw = await client.chat.completions.with_raw_response.create(
                model=pin.name,
                messages=[{"role": one.role, "content": one.content} for one in messages],  # type: ignore[misc]  # openai has a type for each role
                max_tokens=pin.max_tokens,
                extra_headers=_headers(pin),
                **{name: value for name, value in settings.items() if value is not None},
            )
    except (TimeoutError, openai.APITimeoutError):
        return ModelUnavailableError(f"no whole answer within {seconds:.3g} s", where=pin.where), 0.0
    except openai.APIConnectionError:
        return ModelUnavailableError("the connection failed or was lost", where=pin.where), 0.0
    except openai.APIStatusError as error:
        spend(spent(error.response.content, pin))
        wait = _asked_to_wait(error.response.headers.get("retry-after", ""))
        return _of_status(error, wait, pin), wait
    except UnicodeEncodeError:
        return ModelError("the prompt holds half a character, which cannot be sent", where=pin.where), 0.0
    body = raw.http_response.content
    spend(spent(body, pin))
    return text_of(body, pin), 0.0


def _headers(pin: ModelPin) -> dict[str, Any]:
    """Takes out what the library adds from the environment, which belongs to other endpoints."""
    from openai import Omit

    taken_out = ["OpenAI-Organization", "OpenAI-Project"] + ([] if pin.api_key else ["Authorization"])
    return {name: Omit() for name in taken_out}


def _of_status(error: APIStatusError, wait: float, pin: ModelPin) -> ModelError:
    status = error.status_code
    if status in _WORTH_A_RETRY or status >= 500:
        what = "has too many requests" if status == 429 else "failed"
        state = f"It asks to be left alone for {wait:.3g} s" if wait else ""
        return ModelUnavailableError(f"the endpoint {what} (HTTP {status})", where=pin.where, state=state)
    if error.code == "content_filter":
        return ModelRefusedError(
            f"the endpoint's filter did not let the question through (HTTP {status})", where=pin.where
        )
    what, next_step = {
        401: ("the endpoint does not accept the key", "Set the API key of the pin"),
        403: ("the key may not use this model", "Ask for access, or pin another model"),
        404: (
            "there is no such model or path",
            "Check the name of the pin, and whether its URL should end in /v1",
        ),
    }.get(
        status,
        (
            "the endpoint refused the request",
            "See whether it knows these settings and takes so long a prompt",
        ),
    )
    return ModelError(f"{what} (HTTP {status})", where=pin.where, next_step=next_step)


def _asked_to_wait(header: str) -> float:
    """Seconds of a ``Retry-After`` header: a number or a date (RFC 9110, 10.2.3); 0 if it is neither."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time()
        except (ValueError, OverflowError):
            return 0.0
    return 0.0 if math.isnan(seconds) else max(seconds, 0.0)
