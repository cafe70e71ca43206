"""LlamaIndex as its own instrumentation tells of it: OpenInference spans, exported to the proxy. No code of ours.

Asks one question; says what was retrieved, and how the exchange can be found. GUARDHOUSE_PROPAGATE=1: the app also
sends `traceparent`, as OpenTelemetry's instrumentation of its HTTP client does.
"""

import json
import os
import sys

from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
from llama_index.llms.openai import OpenAI
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
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

Settings.embed_model = MockEmbedding(embed_dim=8)
Settings.llm = OpenAI(model=MODEL, api_base=URL, api_key=KEY, max_retries=0)
texts = {"paris": "Paris is the capital of France. Ask ada@example.com.", "berlin": "Berlin is in Germany."}
index = VectorStoreIndex.from_documents([Document(text=text, id_=id) for id, text in texts.items()])

LlamaIndexInstrumentor().instrument(tracer_provider=provider)
if os.environ.get("GUARDHOUSE_PROPAGATE"):
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)

answer = index.as_query_engine(similarity_top_k=2).query(QUESTION)
provider.shutdown()
json.dump({"answer": str(answer), "hits": [node.node_id for node in answer.source_nodes]}, sys.stdout)
