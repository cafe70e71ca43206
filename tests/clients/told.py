"""What a client's program says of its checks: one JSON object, the name of each check to what came of it."""

import inspect
import json
import os
import sys

URL, KEY = os.environ["GUARDHOUSE_URL"], os.environ["GUARDHOUSE_KEY"]
MODEL = "gpt-4o-mini"
HELLO = "I am ada@example.com"


def run(checks, close=None):
    """Call each check (an error is its result), and print what came of all."""
    import asyncio

    async def all_of_them():
        told = {}
        for check in checks:
            name = check.__name__.rstrip("_")
            try:
                result = check()
                told[name] = await result if inspect.isawaitable(result) else result
            except Exception as error:
                told[name] = failed(error)
        if close is not None:
            await close()
        return told

    json.dump(asyncio.run(all_of_them()), sys.stdout)


def failed(error):
    """Class of an error as the official client names it, its code, and how long it asks to wait."""
    official = (kind for kind in type(error).__mro__ if kind.__module__.startswith(("openai", "anthropic")))
    words = [next(official, type(error)).__name__]
    code = getattr(error, "code", None)
    words += [str(code)] if code else []
    response = getattr(error, "response", None)
    wait = response.headers.get("retry-after") if response is not None else None
    return " ".join([*words, *([wait] if wait else [])])
