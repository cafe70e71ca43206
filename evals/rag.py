"""A whole RAG pipeline as a target: a LlamaIndex query engine, ours over a FAISS index, or one of your own.

Ours asks its model through a Guardhouse proxy and tells it the hits, so that they stand in the proxy's trace.
llama_index is imported inside the functions that need it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from evals.chat import Chat, together
from evals.foreign import Failed, guarded, source_sha256, within
from evals.golden import canonical
from evals.index_target import Retriever, asked, search
from evals.run import TargetRef
from evals.target import Ask, as_asked, request, signature
from evals.types import Case, Hit, Output

_WINDOW = 1_000_000
"""Words that fit into one call: LlamaIndex splits no hits over several."""
_UNASKED = Output(error="the case asks no question that a pipeline could be asked")


class RagTarget:
    """A LlamaIndex query engine: an index searched through LlamaIndex, a model asked through a Guardhouse proxy.

    Args:
        base_url: the proxy's, ending in /v1.
        api_key: for it.
        how: model, prompt, hits per question; hits are always sent as `guardhouse.retrieval`.
        retriever: the open index.
    """

    def __init__(self, base_url: str, api_key: str, how: Ask, retriever: Retriever) -> None:
        self._base_url, self._how, self._retriever = base_url, replace(how, send_hits=True), retriever
        self._chat = Chat(base_url, api_key, how.timeout_s)
        self._engine = _engines()

    @property
    def ref(self) -> TargetRef:
        """As in Target."""
        told = signature(self._how, self._base_url, kind="rag")
        return TargetRef(
            "rag",
            self._base_url,
            self._how.model,
            index=self._how.index,
            signature=told,
            temperature=self._how.temperature,
        )

    async def probe(self) -> None:
        """As in Target: lists the models once. Any answer but a refused key will do."""
        await self._chat.probe()

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target. What guardrails blocked is an output with verdict `block`."""
        question = asked(case)
        if question is None:
            return _UNASKED
        put = replace(case, question=question, messages=(), tools=())
        hits: list[Hit] = []
        replies: list[Output] = []

        async def look(query: str) -> Sequence[Hit]:
            hits.extend(await search(self._retriever, query, self._how.k))
            return hits

        async def answer(messages: list[dict[str, Any]]) -> str:
            told = request(self._how, put, hits, repeat)
            if self._how.prompt is None:
                told["messages"] = [*told["messages"][:-1], *messages]
            output = as_asked(self._how, await self._chat.ask(told)).output
            replies.append(output)
            if output.error or not output.text:
                raise Failed(output.error)
            return output.text

        started = time.perf_counter()
        text = error = ""
        try:
            response = await guarded(self._engine(look, answer).aquery, question)
            text = str(response.response or "")
        except Failed as failure:
            stopped = bool(replies) and not replies[-1].text
            error = replies[-1].error if stopped else f"the pipeline {failure}"
        spent = round((time.perf_counter() - started) * 1000, 3)
        told = replace(together(replies), tool_calls=None)
        return replace(told, text=text, error=error, hits=tuple(hits), latency_ms=spent)

    async def aclose(self) -> None:
        """As in Target."""
        await self._chat.aclose()


class QueryEngineTarget:
    """A LlamaIndex query engine of somebody's own, with whatever index and model it has.

    Args:
        engine: with `query`, as llama_index's BaseQueryEngine has it; it is asked in a thread.
        call: where it came from, `module:function`.
        told: hash of everything that it was told and that may change an output.
        timeout_s: for one question; None waits as long as it takes.
    """

    def __init__(self, engine: Any, call: str, told: str = "", timeout_s: float | None = None) -> None:
        self._engine, self._call, self._told, self._timeout_s = engine, call, told, timeout_s
        self._source = source_sha256(engine, call)

    @property
    def ref(self) -> TargetRef:
        """As in Target: its name and the text of its module, so a changed pipeline is asked again."""
        told = canonical({"kind": "rag", "call": self._call, "source": self._source, "told": self._told})
        return TargetRef("rag", "", self._call, signature=hashlib.sha256(told.encode()).hexdigest())

    async def probe(self) -> None:
        """An engine that was made can be asked."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target. Of what the engine may raise, only Retryable is let through."""
        question = asked(case)
        if question is None:
            return _UNASKED
        started = time.perf_counter()
        try:
            output = read(await within(self._timeout_s, self._query, question))
        except Failed as failure:
            output = Output(error=f"{self._call} {failure}")
        return replace(output, latency_ms=round((time.perf_counter() - started) * 1000, 3))

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _query(self, question: str) -> Any:
        response = self._engine.query(question)
        whole = getattr(response, "get_response", None)
        return whole() if callable(whole) else response


def read(response: Any) -> Output:
    """A query engine's response as an output: its text, and its source nodes as hits. Raises Failed."""
    text, nodes = getattr(response, "response", response), getattr(response, "source_nodes", None)
    if text is not None and not isinstance(text, str):
        text = str(response) if hasattr(response, "response") else None
        if text is None:
            raise Failed(f"returned {type(response).__name__}, which is no response of a query engine")
    if nodes is None:
        return Output(text=text or "", tool_calls=None)
    hits = tuple(_hit(node, rank) for rank, node in enumerate(nodes, start=1))
    return Output(text=text or "", tool_calls=None, hits=hits)


def _hit(found: Any, rank: int) -> Hit:
    """A source node: its document's id where it says one (`doc_id` in its metadata first), else its own."""
    node = found.node
    named = [(node.metadata or {}).get("doc_id"), getattr(node, "ref_doc_id", None), node.node_id]
    doc_id = next(str(name) for name in named if name)
    score = float(found.score) if found.score is not None else 0.0
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    return Hit(doc_id, score if math.isfinite(score) else 0.0, node.get_content(), rank, start, end)


Look = Callable[[str], Coroutine[Any, Any, Sequence[Hit]]]
Answer = Callable[[list[dict[str, Any]]], Coroutine[Any, Any, str]]


def _engines() -> Callable[[Look, Answer], Any]:
    """What makes LlamaIndex's query engine over a search and a model, neither of which it reaches by itself."""
    from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
    from llama_index.core.prompts import PromptTemplate
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers import get_response_synthesizer

    # Its own counting would fetch a tokenizer from the network.
    counted = {"context_window": _WINDOW, "tokenizer": str.split}
    shared = {
        "prompt_helper": PromptHelper(**counted),
        "chat_prompt_helper": ChatPromptHelper(**counted),
        "text_qa_template": PromptTemplate("{context_str}\nQuestion: {query_str}"),
    }
    retriever, model = _retriever(), _model()

    def make(look: Look, answer: Answer) -> Any:
        return RetrieverQueryEngine(retriever(look), get_response_synthesizer(llm=model(answer), **shared))

    return make


def _retriever() -> Callable[[Look], Any]:
    """A kind of LlamaIndex retriever; its nodes read as the lines that other targets put a question below."""
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    class Searched(BaseRetriever):  # type: ignore[misc]
        def __init__(self, look: Look) -> None:
            super().__init__()
            self._look = look

        def _retrieve(self, query_bundle: Any) -> list[Any]:
            return asyncio.run(self._aretrieve(query_bundle))

        async def _aretrieve(self, query_bundle: Any) -> list[Any]:
            hits = await self._look(query_bundle.query_str)
            texts = [f"[{hit.doc_id}] {' '.join(hit.text.split())}" for hit in hits]
            return [
                NodeWithScore(node=TextNode(text=text), score=hit.score)
                for text, hit in zip(texts, hits, strict=True)
            ]

    return Searched


def _model() -> Callable[[Answer], Any]:
    """A kind of LlamaIndex chat model that hands on what it is asked."""
    from llama_index.core.bridge.pydantic import PrivateAttr
    from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.llms.callbacks import llm_chat_callback

    class Endpoint(CustomLLM):  # type: ignore[misc]
        _answer: Answer = PrivateAttr()

        def __init__(self, answer: Answer) -> None:
            super().__init__()
            self._answer = answer

        @property
        def metadata(self) -> Any:
            return LLMMetadata(context_window=_WINDOW, is_chat_model=True)

        def complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
            said = asyncio.run(self._answer([{"role": "user", "content": prompt}]))
            return CompletionResponse(text=said)

        def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
            yield self.complete(prompt)

        @llm_chat_callback()  # type: ignore[untyped-decorator]
        async def achat(self, messages: Sequence[Any], **options: Any) -> Any:
            asked = [{"role": str(each.role.value), "content": each.content or ""} for each in messages]
            return ChatResponse(message=ChatMessage(role="assistant", content=await self._answer(asked)))

    return Endpoint
