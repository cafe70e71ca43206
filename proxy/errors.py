"""What can go wrong in the proxy, and how it is told.

ProxyError             an answer to the caller: status, type, code, message, param, headers
├── BadRequest         400  the request itself is wrong
├── RequestTimeout     408  the request did not come in time
├── PayloadTooLarge    413  the body is over the limit
├── Unauthorized       401  no key, or one we do not know
├── Forbidden          403  the key may not do this
├── NotFound           404  no such model or route
│   └── MethodNotAllowed 405  the route is there, the method is not
├── Gone               410  it was there, and is kept no longer
├── RateLimited        429  too many requests, tokens or too much money
├── Blocked            400  a rule of the policy refused it (never a 5xx: clients would retry)
├── UpstreamError      502  the provider could not be reached, or did not answer as one
│   ├── Redirected     502  the provider redirects, which is not followed
│   └── UpstreamTimeout 504 the provider did not answer in time
└── Unavailable        503  the proxy itself cannot do its work now
ConfigError            never sent to a caller: a configuration file or variable that cannot be used

Nothing raw is ever put in a message: no prompt, no matched text, no key, no text of the provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import orjson


class Code(StrEnum):
    """Every `error.code` the proxy itself produces; OpenAI's own word wherever OpenAI has one."""

    INVALID_JSON = "invalid_json"
    INVALID_TYPE = "invalid_type"
    INVALID_VALUE = "invalid_value"
    MISSING_REQUIRED_PARAMETER = "missing_required_parameter"
    EMPTY_ARRAY = "empty_array"
    UNKNOWN_PARAMETER = "unknown_parameter"
    UNSUPPORTED_ENDPOINT = "unsupported_endpoint"
    INVALID_HTTP = "invalid_http"
    PROMPT_NOT_FOUND = "prompt_not_found"
    PREVIOUS_RESPONSE_NOT_FOUND = "previous_response_not_found"
    REQUEST_TIMEOUT = "request_timeout"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_CONFIG = "invalid_config"
    INVALID_POLICY = "invalid_policy"
    INVALID_API_KEY = "invalid_api_key"
    INSUFFICIENT_PERMISSIONS = "insufficient_permissions"
    MODEL_PRICE_UNKNOWN = "model_price_unknown"
    MODEL_NOT_FOUND = "model_not_found"
    UNKNOWN_URL = "unknown_url"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    CONTENT_FILTER = "content_filter"
    GUARDRAIL_UNAVAILABLE = "guardrail_unavailable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


FAILED = "The proxy failed. Its operator finds the reason in the log."
"""What a caller is told of a fault of ours."""


class ProxyError(Exception):
    """An error the caller is told about, in OpenAI's shape.

    Args:
        message: what is wrong and what to do, in plain words; no raw text of the exchange.
        code: stable word a program can act on; None takes the class's own.
        param: JSON pointer or name of the field that is wrong.
        headers: response headers to send along, e.g. `retry-after`.
        status: HTTP status; None takes the class's own.
        type: OpenAI's family of the error; None takes the class's own.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = Code.INTERNAL_ERROR
    request_id: str = ""
    """Id of the exchange that ends with it, for dialects whose errors name it."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        type: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})
        self.status = self.status if status is None else status
        self.type = self.type if type is None else type
        self.code = self.code if code is None else code


_WORD = re.compile(r"[a-z][a-z_.-]{0,31}")


def plain_name(name: object) -> str:
    """A name that a caller made up, as an error may repeat it: a plain word alone. Anything else could be a secret."""
    return repr(name) if isinstance(name, str) and _WORD.fullmatch(name) else "'...'"


def plain_param(name: object) -> str | None:
    """The same for `param`: None for what is not repeated."""
    return name if isinstance(name, str) and _WORD.fullmatch(name) else None


def plain_path(path: str) -> str:
    """A path as an error may repeat it: up to the first step that is no plain word."""
    steps = path.split("/")
    told = next(
        (n for n, step in enumerate(steps) if step not in ("", "v1") and not _WORD.fullmatch(step)),
        len(steps),
    )
    return "/".join(steps[:told] + ["..."] * (told < len(steps)))


class BadRequest(ProxyError):
    """The request itself is wrong; sending it again will not help."""

    status, type, code = 400, "invalid_request_error", Code.INVALID_VALUE


class RequestTimeout(ProxyError):
    """The caller took too long to send its request."""

    status, type, code = 408, "invalid_request_error", Code.REQUEST_TIMEOUT


class PayloadTooLarge(ProxyError):
    """The request body is over the configured limit."""

    status, type, code = 413, "invalid_request_error", Code.REQUEST_TOO_LARGE


class Unauthorized(ProxyError):
    """No key was given, or one that is unknown, expired or revoked."""

    status, type, code = 401, "invalid_request_error", Code.INVALID_API_KEY


class Forbidden(ProxyError):
    """The key is known but may not do this."""

    status, type, code = 403, "invalid_request_error", Code.INSUFFICIENT_PERMISSIONS


class NotFound(ProxyError):
    """There is no such model, route or object."""

    status, type, code = 404, "invalid_request_error", Code.NOT_FOUND


class Conflict(ProxyError):
    """It cannot be done to the thing as it is now: somebody else changed it, or it is over."""

    status, type, code = 409, "invalid_request_error", Code.CONFLICT


class Gone(ProxyError):
    """It was there, and is kept no longer."""

    status, type, code = 410, "invalid_request_error", Code.GONE


class MethodNotAllowed(NotFound):
    """The route exists, but not for this method; `allow` in the headers lists the ones it has."""

    status, type, code = 405, "invalid_request_error", Code.METHOD_NOT_ALLOWED


class RateLimited(ProxyError):
    """A limit of the key is used up; `retry-after` in the headers says when to try again."""

    status, type, code = 429, "requests", Code.RATE_LIMIT_EXCEEDED


class Blocked(ProxyError):
    """A rule of the policy refused the exchange; the message names the rule, never the text."""

    status, type, code = 400, "invalid_request_error", Code.CONTENT_FILTER


class UpstreamError(ProxyError):
    """The provider could not be reached, broke off, or sent something that is no answer."""

    status, type, code = 502, "server_error", Code.UPSTREAM_ERROR


class Redirected(UpstreamError):
    """The provider answered with a redirect, which is not followed: asking it again gives the same."""

    deployment = ""
    """Id of the one that was asked; set by whoever asked it."""


class UpstreamTimeout(UpstreamError):
    """The provider did not connect, begin, go on or finish within its deadline."""

    status, type, code = 504, "server_error", Code.UPSTREAM_TIMEOUT


class Unavailable(ProxyError):
    """The proxy cannot do its work now (starting, stopping, or unable to keep its promise to record)."""

    status, type, code = 503, "server_error", Code.UNAVAILABLE


class ConfigError(Exception):
    """A configuration that cannot be used.

    Args:
        what: what is wrong, in one sentence.
        fix: what to do about it, in one sentence.
        file: the file's path, or the name of the environment variable.
        line: 1-based line in the file, or None when no line applies.
    """

    def __init__(self, what: str, *, fix: str = "", file: str = "", line: int | None = None) -> None:
        self.what, self.fix, self.file, self.line = what, fix, file, line
        place = file if line is None else f"{file}:{line}"
        super().__init__((f"{place}: " if place else "") + what + (f" {fix}" if fix else ""))


def openai_body(error: ProxyError) -> bytes:
    """The error as the JSON body OpenAI would send: `{"error": {"message", "type", "param", "code"}}`."""
    return orjson.dumps(
        {
            "error": {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": None if error.code is None else str(error.code),
            }
        }
    )
