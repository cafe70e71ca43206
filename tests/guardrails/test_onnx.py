"""Model files are checked before they are opened."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.embedding import SHIPPED
from guardrails.errors import ModelError
from guardrails.onnx import CARD_FORMAT, encodable, open_session, read_card, read_verified, with_output


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no readable model card"),
        ("{", "no readable model card"),
        ("[]", "format None"),
        ('{"format": "x/2"}', "x/2"),
    ],
    ids=["missing", "cut", "list", "other"],
)
def test_a_card_that_is_none_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    """ModelError names the card's path, whatever is wrong with it."""
    if content is not None:
        (tmp_path / "card.json").write_text(content)

    with pytest.raises(ModelError, match=complaint) as caught:
        read_card(tmp_path)
    assert str(tmp_path / "card.json") in str(caught.value)


def test_a_file_is_read_only_if_its_hash_is_the_cards(tmp_path: Path) -> None:
    """The bytes come back when they are the ones named; else ModelError names the file."""
    content = b"weights"
    card = {"format": CARD_FORMAT, "files": {"model.onnx": hashlib.sha256(content).hexdigest()}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    (tmp_path / "model.onnx").write_bytes(content)

    assert read_verified(tmp_path / "model.onnx", read_card(tmp_path)) == content
    (tmp_path / "model.onnx").write_bytes(content[:-1])
    with pytest.raises(ModelError, match=r"model\.onnx: SHA-256"):
        read_verified(tmp_path / "model.onnx", card)
    with pytest.raises(ModelError, match=r"other\.onnx: the model file cannot be read"):
        read_verified(tmp_path / "other.onnx", card)


@given(text=st.text(st.characters(codec=None)))
def test_encodable_text_keeps_its_length(text: str) -> None:
    """Lone surrogates are replaced one for one, so that offsets stay; all other text is itself."""
    result = encodable(text)

    assert len(result) == len(text)
    assert result.encode("utf-8") is not None
    assert all(a == b for a, b in zip(text, result, strict=True) if not "\ud800" <= a <= "\udfff")


@pytest.mark.parametrize("name", ["x", "layer" * 40])
def test_one_more_output_is_appended_to_a_model(name: str) -> None:
    """The file stays as it is; what follows is read as more of its graph, whatever the length of the name."""
    model = read_verified(SHIPPED / "model.onnx", read_card(SHIPPED))
    more = with_output(model, name)

    assert more.startswith(model) and name.encode() in more[len(model) :]
    with pytest.raises(Exception, match=name):
        open_session(more)  # the graph computes no such tensor: the output was asked for
