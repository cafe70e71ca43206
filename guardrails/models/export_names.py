"""Make `guardrails/models/names/` of trained weights: 8-bit ONNX, thresholds, figures and card.

    python -m guardrails.models.export_names --build names-build --data names.jsonl

Thresholds are chosen on the source that training left out and on templates with names it never saw: for each
entity the one with the best F2 over characters (recall counts twice), never below FLOOR. Figures are measured
with them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.checks.names import ENTITIES, LABELS, NameModel, Pieces, decode, encode
from guardrails.models.build_minilm import WEIGHTS_SHA256, installed_weights, sha256
from guardrails.models.build_names import network
from guardrails.models.names_data import IGNORED, Example, Source, read_tweets
from guardrails.models.names_values import Values
from guardrails.onnx import CARD_FORMAT

HERE = Path(__file__).resolve().parent
GRID = tuple(round(0.1 + 0.05 * step, 2) for step in range(17))
FLOOR = 0.4
"""Below it more than one coding prompt in a hundred would change."""
WINDOW = {"tokens": 128, "overlap": 32}


def main() -> None:
    """Export, quantise, choose thresholds, measure, and write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, help="folder that build_names wrote")
    parser.add_argument("--weights", type=Path, help="folder with MiniLM's config.json")
    parser.add_argument("--checkpoint", default="tagger.pt", help="weights in that folder")
    parser.add_argument("--data", type=Path, required=True, help="the labelled real text of the training")
    parser.add_argument("--out", type=Path, default=HERE / "names", help="folder to write")
    options = parser.parse_args()
    training = json.loads((options.build / "training.json").read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    export(
        options.weights or installed_weights(),
        options.build / options.checkpoint,
        training["layers"],
        options.out,
    )
    shutil.copyfile(HERE / "minilm" / "tokenizer.json", options.out / "tokenizer.json")
    write_card(options.out, dict.fromkeys(ENTITIES, 0.5), training, {})
    model = NameModel(options.out)
    sets = held_out(options.data, training)
    read = {name: [_read(model, example) for example in examples] for name, examples in sets.items()}
    thresholds = choose([item for items in read.values() for item in items])
    figures = {name: measure(items, thresholds) for name, items in read.items()}
    write_card(options.out, thresholds, training, figures)


def export(weights: Path, checkpoint: Path, layers: int, out: Path) -> None:
    """Write `model.onnx`: probabilities of LABELS, weights as 7-bit integers per channel.

    Seven bits, because processors without 8-bit dot products add products in pairs that could overflow.
    """
    torch: Any = importlib.import_module("torch")
    quantization: Any = importlib.import_module("onnxruntime.quantization")
    tagger = network(weights, layers)
    tagger.load_state_dict(torch.load(checkpoint))
    tagger.eval()

    class Probable(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.tagger = tagger

        def forward(self, input_ids: Any, token_type_ids: Any) -> Any:
            return self.tagger(input_ids, token_type_ids, torch.ones_like(input_ids)).softmax(-1)

    example = torch.ones(1, 16, dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    exported = out / "float32.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probable().eval(),
            (example, example * 0),
            str(exported),
            opset_version=17,
            input_names=["input_ids", "token_type_ids"],
            output_names=["probabilities"],
            dynamic_axes={"input_ids": axes, "token_type_ids": axes, "probabilities": axes},
            dynamo=False,
        )
    quantization.quantize_dynamic(
        exported,
        out / "model.onnx",
        per_channel=True,
        reduce_range=True,
        extra_options={"MatMulConstBOnly": True},
    )
    exported.unlink()


def held_out(data: Path, training: dict[str, Any]) -> dict[str, list[Example]]:
    """What the tagger is measured on: the source left out, and templates filled with names never drawn."""
    unseen = Source(Values(training["seed"] + 7, unseen=True), [])
    templates = [unseen.example() for _ in range(1500)]
    return {
        training["held_out"]: read_tweets(data, training["held_out"]),
        "templates, unseen names": templates,
    }


Read = tuple[Example, Pieces, NDArray[np.float32]]


def _read(model: NameModel, example: Example) -> Read:
    pieces = encode(model.tokenizer, example.text)
    return example, pieces, model.probabilities(pieces)


def measure(items: Sequence[Read], thresholds: dict[str, float]) -> dict[str, dict[str, float]]:
    """Of each entity: share of its characters that were found, and share of what was found that is one."""
    limits = np.array([thresholds[entity] for entity in ENTITIES], dtype=np.float32)
    counts = {entity: [0, 0, 0] for entity in ENTITIES}
    for example, pieces, probabilities in items:
        found = decode(example.text, pieces, probabilities, limits) if pieces.words else []
        for entity in ENTITIES:
            said = _positions((span.start, span.end) for span in found if span.entity == entity)
            true = _positions((start, end) for start, end, kind in example.spans if kind == entity)
            said -= _positions((start, end) for start, end, kind in example.spans if kind == IGNORED)
            for at, size in enumerate((len(said & true), len(said), len(true))):
                counts[entity][at] += size
    return {
        entity: {
            "recall": round(both / true, 4),
            "precision": round(both / said, 4) if said else 1.0,
            "characters": true,
        }
        for entity, (both, said, true) in counts.items()
        if true
    }


def _positions(ranges: Any) -> set[int]:
    return {at for start, end in ranges for at in range(start, end)}


def choose(items: Sequence[Read]) -> dict[str, float]:
    """The threshold of each entity with the best F2 over characters; of equal ones the higher."""
    best = dict.fromkeys(ENTITIES, (0.0, FLOOR))
    for threshold in GRID:
        figures = measure(items, dict.fromkeys(ENTITIES, threshold))
        for entity, figure in figures.items():
            recall, precision = figure["recall"], figure["precision"]
            value = 5 * recall * precision / (4 * precision + recall) if recall else 0.0
            if threshold >= FLOOR and value >= best[entity][0]:
                best[entity] = (value, threshold)
    return {entity: threshold for entity, (_, threshold) in best.items()}


def write_card(
    out: Path, thresholds: dict[str, float], training: dict[str, Any], figures: dict[str, Any]
) -> None:
    """Write card.json, which the tagger reads at load."""
    versions = {
        name: importlib.import_module(name).__version__
        for name in ("torch", "transformers", "onnx", "onnxruntime", "faker")
        if hasattr(importlib.import_module(name), "__version__")
    }
    card = {
        "format": CARD_FORMAT,
        "name": "guardhouse-names-int8",
        "labels": LABELS,
        "thresholds": thresholds,
        "window": WINDOW,
        "files": {name: sha256(out / name) for name in ("model.onnx", "tokenizer.json")},
        "licence": "Apache-2.0",
        "origin": {
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "file": "model.safetensors",
            "sha256": WEIGHTS_SHA256,
            "licence": "Apache-2.0",
        },
        "data": [
            {"name": "Broad Twitter Corpus", "licence": "CC BY 4.0", "use": "training"},
            {
                "name": "WNUT 2017 emerging entities, training part",
                "licence": "CC BY 4.0",
                "use": "thresholds",
            },
            {
                "name": "templates in names_*.py, filled with Faker (MIT)",
                "licence": "Apache-2.0",
                "use": "training",
            },
            {"name": "Python standard library: code", "licence": "PSF-2.0", "use": "training"},
            {"name": "SymPy and NetworkX: code", "licence": "BSD-3-Clause", "use": "training"},
        ],
        "training": training,
        "conversion": {
            "opset": 17,
            "quantisation": "dynamic int8, per channel, reduced range",
            "versions": versions,
        },
        "measured": figures,
    }
    (out / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
