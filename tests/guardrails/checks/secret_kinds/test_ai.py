"""Keys of model providers, vector stores, and the tools around them are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import ai
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("OPENAI_API_KEY", "", "sk-proj- w:20"),
    ("ANTHROPIC_API_KEY", "", "sk-ant- w:24"),
    ("OPENROUTER_API_KEY", "", "sk-or-v1- h:64"),
    ("LANGFUSE_SECRET_KEY", "", "sk-lf- uuid"),
    ("HELICONE_API_KEY", "", "sk-helicone- l:24"),
    ("LANGSMITH_API_KEY", "", "lsv2_pt_ h:32 _ h:10"),
    ("HUGGINGFACE_TOKEN", "", "hf_ A:30"),
    ("GROQ_API_KEY", "", "gsk_ A:40"),
    ("PERPLEXITY_API_KEY", "", "pplx- A:40"),
    ("REPLICATE_API_TOKEN", "", "r8_ A:37"),
    ("XAI_API_KEY", "", "xai- A:60"),
    ("FIREWORKS_API_KEY", "", "fw_ A:22"),
    ("TOGETHER_API_KEY", "", "tgp_v1_ w:43"),
    ("CEREBRAS_API_KEY", "", "csk- l:48"),
    ("ANYSCALE_SECRET", "", "esecret_ A:24"),
    ("PINECONE_API_KEY", "", "pcsk_ A:50"),
    ("TAVILY_API_KEY", "", "tvly- A:32"),
    ("NVIDIA_API_KEY", "", "nvapi- w:60"),
    ("ELEVENLABS_API_KEY", "", "sk_ h:48"),
    ("JINA_API_KEY", "", "jina_ w:60"),
    ("FIRECRAWL_API_KEY", "", "fc- h:32"),
    ("APIFY_TOKEN", "", "apify_api_ A:36"),
    ("E2B_API_KEY", "", "e2b_ h:40"),
    ("RUNPOD_API_KEY", "", "rpa_ A:40"),
    ("LLAMACLOUD_API_KEY", "", "llx- A:48"),
    ("MEM0_API_KEY", "", "m0- A:40"),
    ("BROWSERBASE_API_KEY", "", "bb_live_ w:24"),
    ("CURSOR_API_KEY", "", "key_ h:64"),
    ("GOOGLE_AUTH_KEY", "", "AQ.Ab w:40"),
    ("WANDB_API_KEY", "", "wandb_v1_ A:77"),
    ("WANDB_API_KEY", "WANDB_API_KEY=", "h:40"),
    ("COHERE_API_KEY", "COHERE_API_KEY=", "A:40"),
    ("MISTRAL_API_KEY", "MISTRAL_API_KEY=", "A:32"),
    ("DEEPSEEK_API_KEY", "DEEPSEEK_API_KEY=", "sk- h:32"),
    ("MOONSHOT_API_KEY", "MOONSHOT_API_KEY=", "sk- A:48"),
    ("DASHSCOPE_API_KEY", "DASHSCOPE_API_KEY=", "sk- h:32"),
    ("STABILITY_API_KEY", "STABILITY_API_KEY=", "sk- A:48"),
    ("ZHIPU_API_KEY", "ZHIPU_API_KEY=", "h:32 . A:16"),
    ("VOYAGE_API_KEY", "VOYAGE_API_KEY=", "aa- w:43"),
    ("NOMIC_API_KEY", "NOMIC_API_KEY=", "nk- w:43"),
    ("ASSEMBLYAI_API_KEY", "ASSEMBLYAI_API_KEY=", "h:32"),
    ("DEEPGRAM_API_KEY", "DEEPGRAM_API_KEY=", "h:40"),
    ("CLARIFAI_PAT", "CLARIFAI_PAT=", "h:32"),
    ("DEEPINFRA_API_KEY", "DEEPINFRA_API_KEY=", "A:32"),
    ("BASETEN_API_KEY", "BASETEN_API_KEY=", "A:8 . A:32"),
    ("MODAL_TOKEN", "MODAL_TOKEN=", "ak- A:22"),
    ("SERPAPI_API_KEY", "SERPAPI_API_KEY=", "h:64"),
    ("SERPER_API_KEY", "SERPER_API_KEY=", "h:40"),
    ("BRAVE_SEARCH_API_KEY", "BRAVE_SEARCH_API_KEY=", "BSA w:28"),
    ("KAGGLE_KEY", "KAGGLE_KEY=", "h:32"),
    ("COMET_API_KEY", "COMET_API_KEY=", "A:25"),
    ("LAKERA_API_KEY", "LAKERA_API_KEY=", "h:64"),
    ("EXA_API_KEY", "EXA_API_KEY=", "uuid"),
    ("SAMBANOVA_API_KEY", "SAMBANOVA_API_KEY=", "uuid"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(ai.KINDS, FORMS) == []
