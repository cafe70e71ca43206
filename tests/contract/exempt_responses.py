"""The places of the Responses wire where a plain word is not inspected, and why; as `exempt.py` has them for chat.

A `responses` path is one of a request, a `response` path one of a whole reply; events have the same places at the
members that hold a response, an item or a part, and `item_id` besides.
"""

from __future__ import annotations

_PAIR = "pairs a call with its result"
_ID = "is made up by the provider, and looked up again unchanged"

EXEMPT = {
    "responses /conversation": _ID,
    "responses /conversation/id": _ID,
    "responses /previous_response_id": _ID,
    "responses /prompt/id": _ID,
    "responses /tools/*/vector_store_ids/*": _ID,
    "responses /tools/*/environment:container_reference/container_id": _ID,
    "responses /tools/*/input_image_mask/file_id": _ID,
    "responses /input/*/id": _ID,
    "responses /input/*/call_id": _PAIR,
    "responses /input/*/caller_id": _PAIR,
    "responses /input/*/approval_request_id": _PAIR,
    "responses /input/*/container_id": _ID,
    "responses /input/*/file_id": _ID,
    "response /id": _ID,
    "response /model": "is the name of a model",
    "response /conversation": _ID,
    "response /conversation/id": _ID,
    "response /previous_response_id": _ID,
    "response /prompt/id": _ID,
    "response /error/code": "is a word that names an error",
    "response /tools/*/vector_store_ids/*": _ID,
    "response /tools/*/environment:container_reference/container_id": _ID,
    "response /tools/*/input_image_mask/file_id": _ID,
    "response /instructions/*/id": _ID,
    "response /instructions/*/call_id": _PAIR,
    "response /instructions/*/caller_id": _PAIR,
    "response /instructions/*/approval_request_id": _PAIR,
    "response /instructions/*/container_id": _ID,
    "response /instructions/*/file_id": _ID,
    "response /output/*/id": _ID,
    "response /output/*/call_id": _PAIR,
    "response /output/*/caller_id": _PAIR,
    "response /output/*/approval_request_id": _PAIR,
    "response /output/*/container_id": _ID,
    "response /output/*/file_id": _ID,
}
