"""A model behind any endpoint that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama, and the like)."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answering.model_call import ask, open_client, require_openai
from rag.answering.model_pin import ModelPin
from rag.answering.model_thread import run_apart
from rag.answering.port import Completion, Message, Usage
from rag.errors import ModelError

__all__ = ["ModelPin", "OpenAIModel"]


class OpenAIModel:
    """``rag.answering.port.Model`` over the ``openai`` library. Holds nothing open between calls.

    Raises ``ConfigurationError`` if the library is not installed.
    """

    def __init__(self, pin: ModelPin) -> None:
        require_openai()
        self._pin = pin

    @property
    def fingerprint(self) -> str:
        return self._pin.fingerprint

    def complete(self, messages: Sequence[Message]) -> Completion:
        """The answer, within ``pin.longest_seconds``, and what all its attempts took.

        Raises ``ModelRefusedError`` if the model or its filter refused, ``ModelUnavailableError`` if no attempt was
        answered, and ``ModelError`` for an answer that is cut off, empty, malformed or another model's.
        """
        taken: list[Usage] = []
        pin = self._pin

        async def work() -> str:
            async with open_client(pin) as client:
                return await ask(client, pin, messages, taken.append)

        try:
            return Completion(run_apart(work), sum(taken, Usage()))
        except ModelError as error:
            error.usage = sum(taken, Usage())
            raise
