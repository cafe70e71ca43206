"""Whole RAG pipelines: ours through a real proxy into its traces, and engines of somebody's own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.response.schema import PydanticResponse, Response, StreamingResponse
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode
from pydantic import BaseModel

from evals.errors import Retryable
from evals.foreign import Failed
from evals.rag import QueryEngineTarget, RagTarget, _model, _retriever, read
from evals.retrieval import Index, build, open_index
from evals.run import PromptRef
from evals.scorer import build as scorer
from evals.target import Ask, HttpTarget
from evals.types import Case, Hit, Output, Passage, Usage
from tests.evals.conftest import ChatServer, completion
from tests.fixtures import _upstream, upstream
from tests.proxy.api.live import Live, live
from tests.servers import Script, Upstream, whole

__all__ = ["_upstream", "upstream"]

DOCS = [
    {"id": "hours", "text": "The library opens at nine.\nIt closes at five {query_str}."},
    {"id": "fees", "text": "A library card is free of charge."},
    {"id": "bees", "text": "Bees dance to tell the hive where flowers grow."},
]
QUESTION = Case("c", "h", question="When does the {context_str} library open?")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An open index of three documents."""
    folder = tmp_path_factory.mktemp("rag")
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in DOCS))
    build(folder / "docs.jsonl", folder / "index")
    return open_index(folder / "index")


async def ask(base_url: str, index: Index, case: Case = QUESTION, key: str = "key", **how: Any) -> Output:
    """One question to our pipeline."""
    target = RagTarget(base_url, key, Ask(**({"model": "gpt-test", "k": 2} | how)), index)
    try:
        await target.probe()
        return await target.ask(case)
    finally:
        await target.aclose()


async def test_a_question_goes_through_llamaindex_to_the_model(
    chat: ChatServer, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hits above the question below the system prompt, braces and all; nothing is fetched from elsewhere."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    chat.script = lambda request: (200, completion("At nine.") | {"usage": usage}, {})

    output = await ask(chat.base_url, index, system_prompt="Only {these} passages.", seed=1, temperature=0.0)

    (request,) = chat.requests
    assert request["messages"] == [
        {"role": "system", "content": "Only {these} passages."},
        {
            "role": "user",
            "content": "[hours] The library opens at nine. It closes at five {query_str}.\n\n"
            "[fees] A library card is free of charge.\n"
            "Question: When does the {context_str} library open?",
        },
    ]
    assert (request["temperature"], type(request["seed"])) == (0.0, int)
    assert (output.text, output.usage, output.answered_model) == ("At nine.", Usage(3, 2), "scripted-1")
    assert [(hit.doc_id, hit.rank, hit.start) for hit in output.hits or ()] == [
        ("hours", 1, 0),
        ("fees", 2, 0),
    ]
    assert output.latency_ms > 0


async def test_a_block_an_error_and_throttling_come_through_llamaindex(
    chat: ChatServer, index: Index
) -> None:
    """As they would without it; the hits are there, they were found before."""
    answers = iter(
        [
            (400, {"error": {"message": "no", "code": "content_filter"}}, {"x-guardhouse-trace-id": "t"}),
            (404, {"error": {"message": "x", "code": "model_not_found"}}, {}),
            (200, completion(""), {}),
            (429, {}, {"retry-after": "7"}),
        ]
    )
    chat.script = lambda request: next(answers)

    blocked, refused, empty = [await ask(chat.base_url, index) for _ in range(3)]
    with pytest.raises(Retryable) as raised:
        await ask(chat.base_url, index)

    assert (blocked.verdict, blocked.error, blocked.text, blocked.trace_id) == ("block", "", "", "t")
    assert (refused.error, empty.error, empty.text) == ("HTTP 404 model_not_found", "", "")
    assert all(len(output.hits or ()) == 2 for output in (blocked, refused, empty))
    assert (raised.value.throttled, raised.value.wait_s) == (True, 7.0)


async def test_a_prompt_of_the_proxys_gets_the_hits(chat: ChatServer, index: Index) -> None:
    """As variables; the proxy writes the messages."""
    prompt = PromptRef("p", "2", "h" * 64)
    chat.script = lambda request: (200, completion(), {"x-guardhouse-prompt-hash": "h" * 64})

    output = await ask(chat.base_url, index, prompt=prompt, k=1)

    (request,) = chat.requests
    passages = [{"doc_id": "hours", "text": "The library opens at nine. It closes at five {query_str}."}]
    variables = {"question": QUESTION.question, "passages": passages}
    assert request["guardhouse"]["prompt"] == {"name": "p", "version": "2", "variables": variables}
    assert (request["messages"], output.text) == ([], "fine")


async def test_a_scenario_is_no_question(chat: ChatServer, index: Index) -> None:
    """It is told, and nothing is asked; a chat asks what its user said last, without its tools."""
    scenario = Case("c", "h", turns=("One",))
    said = Case(
        "c", "h", messages=({"role": "user", "content": "When does it open?"},), tools=({"type": "function"},)
    )

    assert "asks no question" in (await ask(chat.base_url, index, scenario)).error
    assert chat.requests == []
    assert (await ask(chat.base_url, index, said)).text == "fine"
    assert chat.requests[0]["messages"][-1]["content"].endswith("Question: When does it open?")
    assert "tools" not in chat.requests[0]


@pytest.fixture
def proxy(tmp_path: Path, upstream: Upstream) -> Iterator[Live]:
    """A proxy with a database, that gives replies again where it may."""
    with live(tmp_path, upstream, cache_ttl_s=60) as running:
        yield running


async def test_the_hits_of_a_pipeline_stand_in_the_proxys_trace(
    proxy: Live, upstream: Upstream, index: Index
) -> None:
    """As the output has them, so that recall is the same read from either; the policy saw them."""
    upstream.script = lambda body: whole({"content": body["messages"][-1]["content"].split("\n")[0]})
    case = Case("c", "h", question="When does the library open?", relevant=(Passage("hours"),))

    output = await ask(proxy.running.url, index, case, key=proxy.key)
    trace = proxy.trace(output.trace_id, lambda trace: trace["retrieval"])

    assert output.text == "[hours] The library opens at nine. It closes at five {query_str}."
    assert [(hit["rank"], hit["doc_id"], hit["text"]) for hit in trace["retrieval"]] == [
        (hit.rank, hit.doc_id, hit.text) for hit in output.hits or ()
    ]
    assert trace["retrieval"][0]["score"] == pytest.approx((output.hits or ())[0].score)
    assert (await scorer("recall@2")(case, output)).value == 1.0


async def test_repeats_through_a_proxy_that_keeps_replies_are_the_models_own(
    proxy: Live, upstream: Upstream, index: Index
) -> None:
    """The same question three times is three answers, of every kind of target; and none is kept for others."""
    asked: list[int] = []

    def next_number(body: dict[str, Any]) -> Script:
        asked.append(1)
        return whole({"content": f"answer {len(asked)}"})

    upstream.script = next_number
    plain = HttpTarget(proxy.running.url, proxy.key, Ask("gpt-test"))
    case = Case("c", "h", question="When?")
    texts = [(await plain.ask(case, repeat)).text for repeat in range(3)]
    await plain.aclose()
    texts += [(await ask(proxy.running.url, index, case, key=proxy.key)).text for _ in range(2)]

    assert texts == [f"answer {number}" for number in range(1, 6)]


class Shelf(BaseRetriever):
    """A retriever of somebody's own."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="handbook")}
        return [
            NodeWithScore(
                node=TextNode(
                    text="Opens at 9.", id_="n1", relationships=source, start_char_idx=3, end_char_idx=14
                ),
                score=0.75,
            ),
            NodeWithScore(node=TextNode(text="Free.", id_="n2", metadata={"doc_id": "fees"})),
            NodeWithScore(node=TextNode(text="Bees.", id_="n3"), score=float("nan")),
        ]


HITS = (
    Hit("handbook", 0.75, "Opens at 9.", 1, 3, 14),
    Hit("fees", 0.0, "Free.", 2),
    Hit("n3", 0.0, "Bees.", 3),
)


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_engine_of_ones_own_is_asked(streaming: bool) -> None:
    """Its source nodes are the hits: document, place, score. A stream is read to its end."""
    synthesizer = get_response_synthesizer(llm=MockLLM(), streaming=streaming)
    target = QueryEngineTarget(RetrieverQueryEngine(Shelf(), synthesizer), "m:f")

    output = await target.ask(Case("c", "h", question="When?"))

    assert (output.hits, output.error) == (HITS, "")
    assert "Opens at 9." in output.text


class Broken(CustomQueryEngine):
    """An engine that fails, or leaves."""

    error: Any = None

    def custom_query(self, query_str: str) -> Any:
        """Nothing."""
        raise self.error


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1)])
async def test_an_engine_that_fails_is_an_error(error: BaseException) -> None:
    """With the kind and the place."""
    output = await QueryEngineTarget(Broken(error=error), "m:f").ask(Case("c", "h", question="When?"))

    assert output.error.startswith(f"m:f raised {type(error).__name__}, test_rag.py:")
    assert "asks no question" in (await QueryEngineTarget(Broken(), "m:f").ask(Case("c", "h"))).error


class Answer(BaseModel):
    """A response of a shape."""

    at: int


@pytest.mark.parametrize(
    ("response", "output"),
    [
        (Response("t", []), Output("t", None, hits=())),
        (Response(None, []), Output("", None, hits=())),
        (PydanticResponse(Answer(at=9), []), Output('{"at":9}', None, hits=())),
        ("text", Output("text", None)),
        (StreamingResponse(response_gen=iter(())).get_response(), Output("", None, hits=())),
    ],
)
def test_every_kind_of_response_is_read(response: Any, output: Output) -> None:
    """Text and hits."""
    assert read(response) == output


def test_what_is_no_response_is_told() -> None:
    """With its type."""
    with pytest.raises(Failed, match="returned int, which is no response"):
        read(5)


def test_what_makes_pipelines_differ_is_in_the_signature(index: Index) -> None:
    """Prompt, depth and seed; and it is none of an endpoint without LlamaIndex."""

    def signature(kind: type[RagTarget | HttpTarget] = RagTarget, **how: Any) -> str:
        return kind("http://a/v1", "key", Ask("m", **how), index).ref.signature

    told = [signature(), signature(k=2), signature(system_prompt="p"), signature(seed=1)]
    told.append(signature(HttpTarget, send_hits=True))

    assert len(set(told)) == 5
    assert signature() == signature(send_hits=True, timeout_s=1.0)


def test_without_a_loop_the_same_is_found_and_asked() -> None:
    """LlamaIndex's own ways in: a retriever that is called plainly, a model that completes a text."""
    asked: list[str] = []

    async def look(question: str) -> list[Hit]:
        asked.append(question)
        return [Hit("d1", 0.5, "Open at\n nine.", 1)]

    async def answer(messages: list[dict[str, Any]]) -> str:
        return f"heard {messages[0]['content']}"

    [node] = _retriever()(look).retrieve("When?")
    model = _model()(answer)

    assert (asked, node.node.get_content(), node.score) == (["When?"], "[d1] Open at nine.", 0.5)
    assert model.complete("it").text == "heard it"
    assert [each.text for each in model.stream_complete("it")] == ["heard it"]
