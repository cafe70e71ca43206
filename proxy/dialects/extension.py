"""`guardhouse` in a request: what the caller tells the proxy. The same in every dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects.chat_words import WORD
from proxy.dialects.request_body import wrong_type
from proxy.dialects.texts import strings
from proxy.errors import BadRequest, Code
from proxy.exchange import RetrievalHit

EXTENSION = "guardhouse"
"""Member of a request that speaks to the proxy; it never reaches a provider."""
_MAX_HITS = 1000


def retrieval(request: dict[str, Any]) -> list[RetrievalHit]:
    """The hits that `guardhouse.retrieval` reports, in rank order, as they came. Raises BadRequest."""
    if EXTENSION not in request:
        return []
    extension = request[EXTENSION]
    if not isinstance(extension, dict):
        raise wrong_type(EXTENSION, "an object")
    if extension.keys() - {"retrieval", "retrieval_id", "prompt"}:
        # The caller's own name for it is text nobody has inspected, and errors are stored.
        raise BadRequest(f"Unknown member in '{EXTENSION}'.", code=Code.UNKNOWN_PARAMETER, param=EXTENSION)
    if "retrieval" not in extension:
        return []
    given, where = extension["retrieval"], f"{EXTENSION}.retrieval"
    if isinstance(given, dict):
        if not isinstance(given.get("query"), str | None):
            raise wrong_type(f"{where}.query", "a string")
        given, where = given.get("hits"), f"{where}.hits"
    if not isinstance(given, list) or len(given) > _MAX_HITS:
        raise wrong_type(where, f"an array of at most {_MAX_HITS} hits")
    return [_hit(hit, place, f"{where}[{place}]") for place, hit in enumerate(given)]


def _hit(hit: Any, place: int, where: str) -> RetrievalHit:
    if not isinstance(hit, dict):
        raise wrong_type(where, "an object")
    if not isinstance(hit.get("doc_id"), str) or not hit["doc_id"]:
        raise wrong_type(f"{where}.doc_id", "a non-empty string")
    score = hit.get("score")
    if not isinstance(score, int | float | None) or isinstance(score, bool):
        raise wrong_type(f"{where}.score", "a number")
    if not isinstance(hit.get("text"), str):
        raise wrong_type(f"{where}.text", "a string")
    return RetrievalHit(place + 1, hit["doc_id"], None if score is None else float(score), hit["text"])


def retrieved(extension: dict[str, Any]) -> Iterator[Segment]:
    """The texts of what the caller retrieved, of an extension that `retrieval` has read.

    Also those of variables that stand in a prompt's system messages: rules that trust these see them here apart.
    """
    for name, value in extension.get("prompt", {}).get("variables", {}).items():
        for where, text in strings(value, f"/{EXTENSION}/prompt/variables/{name}"):
            yield Segment(text, where, Stage.INPUT, f"variable:{name}")
    given, pointer = extension.get("retrieval"), f"/{EXTENSION}/retrieval"
    if isinstance(name := extension.get("retrieval_id"), str):
        yield Segment(name, f"{pointer}_id", Stage.RETRIEVAL, "user")
    if isinstance(given, dict):
        if given.get("query"):
            yield Segment(given["query"], f"{pointer}/query", Stage.RETRIEVAL, "user")
        given, pointer = given["hits"], f"{pointer}/hits"
    for place, hit in enumerate(given or ()):
        document_id = hit["doc_id"] if WORD.fullmatch(hit["doc_id"]) else place + 1
        for where, text in strings(hit, f"{pointer}/{place}"):
            yield Segment(text, where, Stage.RETRIEVAL, f"retrieved:{document_id}")
