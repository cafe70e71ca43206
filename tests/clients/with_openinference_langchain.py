"""LangChain as its own instrumentation tells of it: OpenInference spans, exported to the proxy. No code of ours."""

import json
import os
import sys

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from told import KEY, MODEL, URL

QUESTION = os.environ["GUARDHOUSE_QUESTION"]

provider = TracerProvider(resource=Resource({"service.name": "library"}))
exporter = OTLPSpanExporter(f"{URL}/traces", headers={"authorization": f"Bearer {KEY}"})
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
LangChainInstrumentor().instrument(tracer_provider=provider)
if os.environ.get("GUARDHOUSE_PROPAGATE"):
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)

store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
texts = {"paris": "Paris is the capital of France. Ask ada@example.com.", "berlin": "Berlin is in Germany."}
store.add_documents([Document(page_content=text, id=id) for id, text in texts.items()])
found = []


def joined(documents):
    """The context of the question."""
    found.extend(document.id for document in documents)
    return "\n".join(document.page_content for document in documents)


prompt = ChatPromptTemplate.from_template("Context:\n{context}\n\nQuestion: {question}")
model = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, max_retries=0)
chain = (
    {"context": store.as_retriever(search_kwargs={"k": 2}) | joined, "question": RunnablePassthrough()}
    | prompt
    | model
)
answer = chain.invoke(QUESTION)
provider.shutdown()
json.dump({"answer": answer.text, "hits": found}, sys.stdout)
