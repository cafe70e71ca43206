"""Large requests: read beside the event loop, and bounded."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import orjson
import pytest

from proxy.errors import PayloadTooLarge
from proxy.large import LARGE_BYTES, MAX_TEXTS, aside, texts_of
from tests.contract.fuzzed import ask, fuzz
from tests.proxy.exchanges import masked


async def test_large_work_is_done_beside_the_loop_and_small_work_on_it() -> None:
    """By the size of the request as it came."""
    made = masked()
    for size, beside in ((0, False), (LARGE_BYTES - 1, False), (LARGE_BYTES, True)):
        made.size = size
        assert (await aside(made, threading.get_ident) != threading.get_ident()) is beside


@pytest.mark.parametrize("count", [MAX_TEXTS, MAX_TEXTS + 1])
async def test_texts_are_counted(count: int) -> None:
    """So many and no more."""
    made = masked()
    made.request = {"model": "m", "messages": [{"role": "user", "content": "x"}] * count}
    if count <= MAX_TEXTS:
        assert len(await aside(made, texts_of, made)) == count
    else:
        with pytest.raises(PayloadTooLarge):
            await aside(made, texts_of, made)


async def test_others_are_served_while_a_large_request_is_read(tmp_path: Any) -> None:
    """The loop's own thread spends a small part of what the request costs."""
    proxy = fuzz(tmp_path, "redact")
    parts = [{"type": "text", "text": f"hi {n}"} for n in range(150_000)]
    body = orjson.dumps({"model": "gpt-test", "messages": [{"role": "user", "content": parts}]})
    own, all_threads = time.thread_time(), time.process_time()
    async with asyncio.timeout(60):
        status, _ = await ask(proxy.app, "/v1/chat/completions", body)
    assert status == 413
    assert time.thread_time() - own < 0.3 * (time.process_time() - all_threads)
