"""Which target to ask, told in plain values, and the target that they make: here, or on another machine."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from evals.callable_target import CallableTarget
from evals.errors import SuiteError, TargetError
from evals.foreign import opened
from evals.golden import canonical
from evals.index_target import IndexTarget, Retriever
from evals.policy_target import policy_target
from evals.rag import QueryEngineTarget, RagTarget
from evals.run import PromptRef
from evals.target import Ask, HttpTarget, Target


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """Everything about a target but the key. Plain values only, so that it can be sent to other machines."""

    kind: str = "http"
    """`http`, `index`, `rag`, `policy` or `callable`."""
    base_url: str = ""
    """OpenAI-compatible base URL, ending in /v1."""
    model: str = ""
    system_prompt: str = ""
    prompt: PromptRef | None = None
    """A prompt that the proxy renders."""
    policy: str = ""
    """A policy's file, or a built-in's name."""
    call: str = ""
    """`module:function`."""
    index: str = ""
    """Folder of a retrieval index; empty when nothing is searched."""
    k: int = 5
    """Hits per question."""
    send_hits: bool = False
    temperature: float | None = None
    timeout_s: float = 60.0
    seed: int | None = None


def open_target(spec: TargetSpec, api_key: str = "") -> Target:
    """The target. Raises SuiteError for what is missing, TargetError, RetrievalError, PolicyError."""
    _complain(spec)
    if spec.kind == "policy":
        return policy_target(spec.policy)
    if spec.call and spec.kind in {"rag", "callable"}:
        return _called(spec)
    retriever, identity = _index(spec.index)
    if spec.kind == "index" and retriever is not None:
        return IndexTarget(retriever, identity, spec.k)
    if spec.kind == "rag" and retriever is not None:
        return RagTarget(spec.base_url, api_key, _ask(spec, identity), retriever)
    return HttpTarget(spec.base_url, api_key, _ask(spec, identity), retriever)


NEEDS = {
    "http": ("base_url", "model"),
    "index": ("index",),
    "rag": ("base_url", "model", "index"),
    "policy": ("policy",),
    "callable": ("call",),
}
"""What a target of each kind cannot do without; `rag` needs nothing but `call` where that is given."""
_OPTIONS = {
    "base_url": "--base-url http://…/v1",
    "model": "--model NAME",
    "index": "--index DIR",
    "policy": "--policy FILE",
    "call": "--call module:function",
}


def plain_address(base_url: str) -> None:
    """Raises SuiteError where a base URL may hold a key: runs tell the address, to whoever reads them."""
    try:
        holds = {"a user or a password": "@" in urlsplit(base_url).netloc}
    except ValueError:
        holds = {"a user or a password": "@" in base_url}
    holds |= {"a query": "?" in base_url, "a fragment": "#" in base_url}
    found = next((what for what, there in holds.items() if there), None)
    if found is not None:
        fix = "give only the address, ending in /v1, and the key with --api-key or GUARDHOUSE_API_KEY"
        raise SuiteError(f"the base URL has {found}, and would stand in every report", fix=fix)


def _complain(spec: TargetSpec) -> None:
    if spec.kind not in NEEDS:
        raise SuiteError(f"there is no target of kind {spec.kind!r}", fix=f"choose from {', '.join(NEEDS)}")
    for name in () if spec.kind == "rag" and spec.call else NEEDS[spec.kind]:
        if not getattr(spec, name):
            option = _OPTIONS[name]
            raise SuiteError(
                f"no target: one of kind {spec.kind!r} needs {option.split()[0]}", fix=f"give {option}"
            )
    plain_address(spec.base_url)
    _complain_of_address(spec.base_url)
    for name in ("temperature", "timeout_s"):
        value = getattr(spec, name)
        if value is not None and not math.isfinite(value):
            raise SuiteError(
                f"--{name.removesuffix('_s')} {value} is not a finite number", fix="give a number"
            )
    if spec.timeout_s <= 0 or spec.k < 1:
        raise TargetError("a target needs time to answer and at least one hit", fix="raise --timeout or --k")


def _complain_of_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SuiteError(f"{url!r} is no web address", fix=f"give {_OPTIONS['base_url']}") from None
    if url and not host and (parts.scheme in {"http", "https"} or url.startswith(("/", ":"))):
        raise SuiteError(
            f"{url!r} names no host: is a variable in it not set?", fix=f"give {_OPTIONS['base_url']}"
        )
    if url and parts.scheme not in {"http", "https"}:
        raise SuiteError(f"{url!r} is no web address", fix=f"give {_OPTIONS['base_url']}")


def _called(spec: TargetSpec) -> Target:
    """What `call` names: a target or query engine that it makes, or the function itself. Raises TargetError."""
    found, told = opened(spec.call, spec), _told(spec)
    if not isinstance(found, type) and all(
        hasattr(found, name) for name in ("ref", "probe", "ask", "aclose")
    ):
        target: Target = found
        return target
    if callable(getattr(found, "query", None)):
        return QueryEngineTarget(found, spec.call, told, spec.timeout_s)
    if spec.kind == "rag":
        raise TargetError(
            f"{spec.call} gives {type(found).__name__}, which is no query engine",
            fix="name a function without parameters that returns one",
        )
    if not callable(found):
        raise TargetError(
            f"{spec.call} is not a function but of type {type(found).__name__}", fix="name a function"
        )
    return CallableTarget(found, spec.call, spec, told)


def _told(spec: TargetSpec) -> str:
    """Hash of what somebody's own code may read of the spec; an index counts by its content, patience not at all."""
    fields = asdict(replace(spec, timeout_s=0.0))
    if spec.index:
        from evals.retrieval import identity

        fields["index"] = identity(Path(spec.index))
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def _index(folder: str) -> tuple[Retriever | None, str]:
    """The index in a folder and its identity. Raises RetrievalError."""
    if not folder:
        return None, ""
    from evals.retrieval import identity, open_index

    return open_index(Path(folder)), identity(Path(folder))


def _ask(spec: TargetSpec, identity: str) -> Ask:
    return Ask(
        model=spec.model,
        system_prompt=spec.system_prompt,
        prompt=spec.prompt,
        k=spec.k,
        send_hits=spec.send_hits,
        temperature=spec.temperature,
        timeout_s=spec.timeout_s,
        index=identity,
        seed=spec.seed,
    )
