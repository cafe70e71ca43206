"""What a caller is told when we fail: the API's own envelope with a trace id, never a bare 500."""

from __future__ import annotations

from proxy.dialects.served import error_body
from proxy.errors import FAILED, BadRequest, ProxyError
from proxy.exchange import new_id
from proxy.wire import Application, Message, Receive, Scope, Send, answer_ids, header_pairs


async def told(answer: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Have a request answered; what is wrong with it or with us is told, unless its reply has begun.

    Raises what went wrong with us, for the server's log.
    """
    started = False

    async def noted(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        _check(scope)
        await answer(scope, receive, noted)
    except ProxyError as error:
        await _tell(scope, send, error)
    except Exception:
        if not started:
            await _tell(scope, send, ProxyError(FAILED))
        raise


def _check(scope: Scope) -> None:
    """Raises BadRequest for a NUL outside `/v1`: it is in no name there, and databases do not take it."""
    path: str = scope["path"]
    if path.startswith("/v1/"):
        return  # every exchange is recorded, whatever it asks for
    if "\0" in path or b"%00" in scope.get("query_string", b""):
        raise BadRequest("The URL holds a NUL character (%00). Leave it out.")


async def _tell(scope: Scope, send: Send, error: ProxyError) -> None:
    error.request_id = new_id()
    headers = {"content-type": "application/json", **answer_ids(error.request_id), **error.headers}
    start: Message = {
        "type": "http.response.start",
        "status": error.status,
        "headers": header_pairs(headers),
    }
    await send(start)
    await send({"type": "http.response.body", "body": error_body(scope["path"], error)})
