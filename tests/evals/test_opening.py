"""Targets told in plain values: what they make, and what they lack."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, replace
from pathlib import Path

import pytest

from evals.errors import EvalsError, RetrievalError
from evals.opening import TargetSpec, open_target
from evals.retrieval import build
from evals.run import PromptRef
from evals.types import Case
from tests.evals.conftest import ChatServer


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of an index of two documents."""
    folder = tmp_path_factory.mktemp("opening")
    docs = [{"id": "hours", "text": "The library opens at nine."}, {"id": "fees", "text": "A card is free."}]
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    build(folder / "docs.jsonl", folder / "index")
    return str(folder / "index")


def test_a_spec_can_be_sent_and_holds_no_key() -> None:
    """It comes back equal; there is no place in it for a key."""
    spec = TargetSpec(base_url="http://a/v1", model="m", prompt=PromptRef("p", "1", "h"), seed=3)

    assert pickle.loads(pickle.dumps(spec)) == spec
    assert not [field.name for field in fields(spec) if "key" in field.name]


async def test_an_endpoint_is_asked_as_the_spec_says(chat: ChatServer, index: str) -> None:
    """Model, prompt, hits of the index and temperature go out."""
    spec = TargetSpec(
        base_url=chat.base_url, model="m", system_prompt="Be brief.", index=index, k=1, temperature=0.0
    )
    target = open_target(spec, "key")
    output = await target.ask(Case("c", "h", question="When does the library open?"))
    await target.aclose()

    (request,) = chat.requests
    assert request["messages"][1]["content"].startswith("[hours] The library opens at nine.\nQuestion: ")
    assert (request["model"], request["temperature"]) == ("m", 0.0)
    assert [hit.doc_id for hit in output.hits or ()] == ["hours"]


async def test_an_index_is_searched_alone(index: str) -> None:
    """Hits and no text; no address is needed."""
    target = open_target(TargetSpec(kind="index", index=index, k=2))
    output = await target.ask(Case("c", "h", question="Is a card free?"))

    assert ([hit.doc_id for hit in output.hits or ()], output.text) == (["fees", "hours"], "")


async def test_a_pipeline_is_opened_over_an_index(chat: ChatServer, index: str) -> None:
    """Hits go to the model and beside it."""
    spec = TargetSpec(kind="rag", base_url=chat.base_url, model="m", index=index, k=1)
    target = open_target(spec, "key")
    output = await target.ask(Case("c", "h", question="Is a card free?"))
    await target.aclose()

    assert [hit["doc_id"] for hit in chat.requests[0]["guardhouse"]["retrieval"]["hits"]] == ["fees"]
    assert (output.text, target.ref.kind) == ("fine", "rag")


async def test_a_policy_is_opened_by_its_name() -> None:
    """A built-in."""
    target = open_target(TargetSpec(kind="policy", policy="default"))
    output = await target.ask(Case("c", "h", question="My card is 4111 1111 1111 1111."))

    assert output.entities == ("CREDIT_CARD",)


HTTP = TargetSpec(base_url="http://a/v1", model="m")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (TargetSpec(kind="ftp"), r"no target of kind 'ftp'.*choose from .*index"),
        (TargetSpec(), r"needs --base-url"),
        (TargetSpec(base_url="http://a/v1"), r"needs --model"),
        (TargetSpec(kind="index"), r"needs --index"),
        (TargetSpec(kind="policy"), r"needs --policy"),
        (TargetSpec(kind="callable"), r"needs --call"),
        (TargetSpec(kind="rag", base_url="http://a/v1", model="m"), r"needs --index"),
        (TargetSpec(kind="rag", call="nowhere_at_all:f"), r"no module 'nowhere_at_all'"),
        (TargetSpec(kind="policy", policy="nope"), r"there is no policy 'nope'"),
        (replace(HTTP, base_url="localhost:4000"), r"'localhost:4000' is no web address"),
        (replace(HTTP, base_url="/v1"), r"'/v1' names no host: is a variable in it not set\?"),
        (replace(HTTP, base_url="http:///v1"), r"'http:///v1' names no host"),
        (replace(HTTP, base_url="http://:4000/v1"), r"names no host"),
        (replace(HTTP, base_url="http://x:port/v1"), r"is no web address"),
        (replace(HTTP, base_url="http://[x/v1"), r"is no web address"),
        (replace(HTTP, temperature=float("nan")), r"--temperature nan is not a finite number"),
        (replace(HTTP, timeout_s=float("inf")), r"--timeout inf is not a finite number"),
        (replace(HTTP, timeout_s=0.0), r"time to answer"),
        (replace(HTTP, k=0), r"at least one hit"),
    ],
)
def test_what_is_missing_is_told(spec: TargetSpec, says: str) -> None:
    """One message with the option to give."""
    with pytest.raises(EvalsError, match=says):
        open_target(spec)


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    """With the command that builds one."""
    with pytest.raises(RetrievalError, match="guardhouse index build"):
        open_target(TargetSpec(kind="index", index=str(tmp_path)))
