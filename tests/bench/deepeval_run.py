"""DeepEval's part of `bench_runner.py`, run by the Python of its own environment: `deepeval_run.py URL CASES.json REPEATS AT_ONCE`.

DeepEval scores answers that its user has asked for. So each is asked with the official client, as its guide has it, at most so many
at a time, and then all are given to `evaluate` with a metric that compares texts.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from deepeval import evaluate  # type: ignore[import-not-found]
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig  # type: ignore[import-not-found]
from deepeval.metrics import ExactMatchMetric  # type: ignore[import-not-found]
from deepeval.test_case import LLMTestCase  # type: ignore[import-not-found]
from openai import AsyncOpenAI


async def asked(url: str, questions: list[str], at_once: int) -> list[str]:
    """The answers, in order."""
    client, slots = AsyncOpenAI(base_url=url, api_key="key"), asyncio.Semaphore(at_once)

    async def ask(question: str) -> str:
        async with slots:
            message = {"role": "user", "content": question}
            reply = await client.chat.completions.create(model="mock", messages=[message])
            return reply.choices[0].message.content

    return await asyncio.gather(*(ask(question) for question in questions))


def main() -> None:
    """Asks, then evaluates."""
    url, path, repeats, at_once = sys.argv[1:]
    pairs = json.loads(Path(path).read_text("utf-8")) * int(repeats)
    answers = asyncio.run(asked(url, [question for question, _ in pairs], int(at_once)))
    cases = [
        LLMTestCase(input=question, actual_output=answer, expected_output=expected)
        for (question, expected), answer in zip(pairs, answers, strict=True)
    ]
    evaluate(
        cases,
        [ExactMatchMetric()],
        async_config=AsyncConfig(max_concurrent=int(at_once)),
        display_config=DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
        cache_config=CacheConfig(write_cache=False),
    )


if __name__ == "__main__":
    main()
