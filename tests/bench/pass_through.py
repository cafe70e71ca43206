"""What everything is compared with: Starlette and aiohttp, bytes in and bytes out: `python -m tests.bench.pass_through PORT PROVIDER`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route


def app(provider: int) -> Starlette:
    """The application in front of a provider on a port."""
    url = f"http://127.0.0.1:{provider}/v1/chat/completions"

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, auto_decompress=False
        ) as session:
            app.state.session = session
            yield

    async def chat(request: Request) -> Response:
        sent = await request.body()
        answer = await request.app.state.session.post(
            url, data=sent, headers={"content-type": "application/json"}
        )
        kind = answer.headers["content-type"]
        if kind == "application/json":
            return Response(await answer.read(), media_type=kind)
        return StreamingResponse(answer.content.iter_any(), media_type=kind)

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    port, provider = map(int, sys.argv[1:])
    uvicorn.run(app(provider), port=port, loop="uvloop", http="httptools", log_config=None, access_log=False)
