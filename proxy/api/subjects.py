"""`/api/erasures`, `/api/subjects/export`: what is held about somebody, and its erasure. Names come in bodies alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Forbidden, NotFound, Unavailable
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.store import erasing, erasures, subject_data
from proxy.store.bodies import encode
from proxy.store.filters import FilterError
from proxy.store.holds import HoldError

ASKED_BYTES = 1 << 20
_KINDS = ("user", "value", "session", "traces", "filter")


class WhoBody(BaseModel):
    """Whose traces are meant, as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user: str | None = Field(default=None, min_length=1)
    value: list[str] | None = Field(default=None, min_length=1, max_length=100)
    session: str | None = Field(default=None, min_length=1)
    traces: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    filter: str | None = Field(default=None, min_length=1)
    tenant: str = "default"
    scan: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> WhoBody:
        if sum(getattr(self, kind) is not None for kind in _KINDS) != 1:
            raise ValueError(f"give one of {', '.join(_KINDS)}")
        return self

    def who(self) -> erasures.Who:
        """The same, for the store."""
        given = {kind: getattr(self, kind) for kind in _KINDS}
        kind, names = next((kind, names) for kind, names in given.items() if names is not None)
        every = (names,) if isinstance(names, str) else tuple(names)
        return erasures.Who(kind, every, self.tenant, self.scan)  # type: ignore[arg-type]


class ErasureBody(WhoBody):
    """An erasure as it is asked for."""

    reason: str = Field(default="", max_length=1_000)
    dry_run: bool = False
    rewrite: bool = True


Body = TypeVar("Body", bound=WhoBody)
Result = TypeVar("Result")


def router(context: Context) -> APIRouter:
    """The routes about the people whom traces are about."""
    routes = APIRouter(prefix="/api", route_class=Route)
    governs = Depends(allowed(context, Permission.RECORDS_GOVERN))
    exports = Depends(allowed(context, Permission.TRACES_EXPORT))
    given = Depends(json_body(ASKED_BYTES))

    @routes.post("/erasures")
    def erase(who: Principal = governs, body: dict[str, Any] = given) -> Response:
        """Erase traces with everything that belongs to them; answers with the receipt once it is done."""
        asked = _checked(ErasureBody, body)
        meant = _meant(context, who, asked)
        if asked.dry_run:
            return reply(_unless_unreadable(partial(erasures.count, context.store, meant)))
        if not asked.reason.strip():
            raise BadRequest("reason: an erasure needs one.", param="reason")
        by = erasures.Asked(who.key_id, asked.reason.strip())
        id = _unless_unreadable(partial(erasures.request, context.store, meant, by))
        work = partial(erasing.erase, context.store, id, rewritten=asked.rewrite)
        return reply(_unless_unreadable(work), 201)

    @routes.get("/erasures")
    def list_erasures(who: Principal = governs) -> Response:
        """The last erasures, newest first, without the ids of their traces."""
        return reply({"data": erasures.receipts(context.store, tenant_of(who))})

    @routes.get("/erasures/{id}")
    def read_erasure(id: str, who: Principal = governs) -> Response:
        """The receipt of one erasure."""
        return reply(_receipt(context, who, id))

    @routes.post("/erasures/{id}/resume")
    def resume_erasure(id: str, who: Principal = governs) -> Response:
        """Go on with an erasure that was cut off, or that a hold kept from what has been released since."""
        _receipt(context, who, id)
        return reply(_unless_unreadable(partial(erasing.erase, context.store, id)))

    @routes.post("/subjects/export")
    def export(who: Principal = exports, body: dict[str, Any] = given) -> Response:
        """Everything that is held about somebody, one JSON object a line. Names are not for URLs, which are logged."""
        meant = _meant(context, who, _checked(WhoBody, body))
        headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}

        told = subject_data.records(context.store, meant, who.key_id)
        first = _unless_unreadable(partial(next, told))

        def lines() -> Iterator[bytes]:
            for record in chain([first], told):
                yield encode(record) + b"\n"

        return StreamingResponse(lines(), 200, headers, "application/x-ndjson")

    return routes


def _unless_unreadable(work: Callable[[], Result]) -> Result:
    """Raises Unavailable while a hold cannot be read: nobody knows then what it keeps."""
    try:
        return work()
    except HoldError as error:
        raise Unavailable(f"Nothing is erased: {error}.") from None


def _checked(kind: type[Body], body: dict[str, Any]) -> Body:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"])) or None
        message = str(first["msg"]).removeprefix("Value error, ")
        raise BadRequest(
            f"{param}: {message}." if param else f"{message.capitalize()}.", param=param
        ) from None


def _meant(context: Context, who: Principal, asked: WhoBody) -> erasures.Meant:
    if tenant_of(who) not in (None, asked.tenant):
        raise Forbidden(f"This key sees the tenant {who.tenant!r} alone.", param="tenant")
    try:
        return erasures.meant(context.store, asked.who())
    except FilterError as error:
        raise BadRequest(str(error), param="filter") from None


def _receipt(context: Context, who: Principal, id: str) -> dict[str, Any]:
    found = erasures.receipt(context.store, id)
    if found is None or tenant_of(who) not in (None, found["tenant"]):
        raise NotFound("There is no erasure with this id.")
    return found
