"""Model files that ship: read, checked against the card that names their hashes, and opened.

The only module that imports onnxruntime and tokenizers, and only when a model is opened.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from guardrails.errors import ModelError

CARD_FORMAT = "guardhouse.model/1"


def read_card(directory: Path) -> dict[str, Any]:
    """The card of the model in a folder. Raises ModelError when there is none of the known format."""
    path = directory / "card.json"
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: no readable model card. Reinstall the package, or rebuild the model."
        ) from error
    if not isinstance(card, dict) or card.get("format") != CARD_FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise ModelError(f"{path}: format {found!r} is not {CARD_FORMAT!r}. Rebuild the model.")
    return card


def read_verified(path: Path, card: dict[str, Any]) -> bytes:
    """A model file's bytes. Raises ModelError when it cannot be read or is not the one the card names."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: the model file cannot be read. Reinstall the package, or rebuild the model."
        ) from error
    found, named = hashlib.sha256(content).hexdigest(), card["files"].get(path.name)
    if found != named:
        raise ModelError(
            f"{path}: SHA-256 is {found}, its card names {named}. The file was changed or cut short: "
            "reinstall the package, or rebuild the model."
        )
    return content


def open_session(model: bytes, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU; one call uses that many threads."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def open_tokenizer(content: bytes) -> Any:
    """A tokenizer from the bytes of its `tokenizer.json`."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(content.decode("utf-8"))


def encodable(text: str) -> str:
    """The text with lone surrogates replaced, code point for code point: the tokenizers refuse them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def with_output(model: bytes, name: str) -> bytes:
    """The model with one more output: a float tensor that its graph computes anyway.

    A serialized message followed by another of its kind is the two merged, so the graph's list of outputs is
    continued and nothing of the file is rewritten.
    """
    floats = _field(2, _field(1, b"\x08\x01"))
    return model + _field(7, _field(12, _field(1, name.encode("utf-8")) + floats))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content
