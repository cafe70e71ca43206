"""The filter grammar: what is written is what is meant, and the databases find just that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from guardrails.types import ALLOWED, Action, Mode, Stage, Verdict
from proxy.document import document
from proxy.exchange import Principal, PromptUse, RetrievalHit, ToolCall
from proxy.identity import session_hash, subject_hash
from proxy.store.db import Store
from proxy.store.filter_fields import PATTERNS, SWITCHES
from proxy.store.filters import FIELDS, Filter, FilterError, Term, bounds, of, parse, where
from proxy.store.tables import SPAN
from tests.proxy.exchanges import finding, masked
from tests.proxy.store.databases import BOTH, opened
from tests.proxy.store.reference import holds

NOW_US = 1_700_000_000_000_000


def _documents(key: bytes) -> list[dict[str, Any]]:
    """Traces that differ in every field, with texts that mean something to SQL, LIKE, GLOB and full-text search."""
    found = (
        finding(5, 9),
        finding(5, 9, rule="pii.eu", entity="IBAN_CODE", mode=Mode.SHADOW, stage=Stage.OUTPUT),
    )
    given: list[dict[str, Any]] = [
        {},
        {"input": ALLOWED, "model": "gpt-4o", "usage": None, "cost_nanousd": 2_500_000_000},
        {
            "model": "gpt-4o-mini",
            "input": Verdict(Action.BLOCK, Action.BLOCK, found, blocked_by="pii"),
            "http_status": 400,
            "safe_response": None,
        },
        {
            "model": "100%_*[x]?!",
            "tool_calls": [ToolCall("c", "search", "{}"), ToolCall("d", "se_rch", "{}")],
        },
        {"model": "a\"b\\c'; --", "retrieval": [RetrievalHit(1, "doc,1", 0.5, "t")], "stream": True},
        {
            "model": "Ünï 模型",
            "prompt": PromptUse("welcome", "2", "h"),
            "run_id": "r" * 32,
            "run_source": "header",
        },
        {"principal": Principal("key-2", "default", team="search", tags={"env": "prod", 'o"d': "a*b\x01"})},
        {"shadow_of": "f" * 32, "session_id": session_hash(key, "default", "chat 7"), "answered_model": "x"},
        {"subject": subject_hash(key, "default", "ada"), "finish_reasons": ("length", 'st"op')},
        {
            "duration_us": 1_999_999,
            "first_token_us": None,
            "attempts": 3,
            "usage": {"prompt_tokens": 4_001, "completion_tokens": 1},
        },
    ]
    texts = (
        "hello",
        "refund policy",
        "re-fund policies 退款政策",
        "AND OR NOT NEAR(x)",
        'it\'s 100% "quoted" a*b',
    )
    made = [
        masked(texts[n % len(texts)], started_us=NOW_US + n * 1_000_000, **{"duration_us": 5 * n, **over})
        for n, over in enumerate(given)
    ]
    return [document(one) for one in made]


@pytest.fixture(scope="module", params=BOTH)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    """A store of such traces, and their documents."""
    for store in opened(request.param, tmp_path_factory.mktemp("filters")):
        documents = _documents(store.key)
        assert store.write(documents) == []
        yield store, documents


def _ids(store: Store, filter: Filter) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(SPAN.c.id).where(*where(filter, store.key))).scalars())


CASES = [
    ("", "0123456789"),
    ("outcome:blocked", "2"),
    ("outcome:blocked,passed", "12"),
    ("-outcome:masked", "12"),
    ("rule:pii", "023456789"),
    ("rule:pii.email", "023456789"),
    ("rule:pii.iban", ""),
    ("rule:pii.eu.iban", "2"),
    ("rule:pii.* entity:iban_code", "2"),
    ("rule:pii entity:IBAN_CODE", ""),
    ("mode:shadow stage:output", "2"),
    ("-rule:pii", "1"),
    ("model:gpt*", "12"),
    ("model:gpt-4o", "1"),
    ("model:*4o*", "12"),
    ('model:"100%_*[x]?!"', "3"),
    ("model:100%*", "3"),
    (r"model:100%_\*[x]?!", "3"),
    ("model:Ünï*", "5"),
    ("tool:se_rch", "3"),
    ("tool:s*,x", "3"),
    ('hit:"doc,1"', "4"),
    ("stream:true", "4"),
    ("prompt:welcome", "5"),
    ("prompt:welcome@2", "5"),
    ("prompt:welcome@3", ""),
    ("run_source:header", "5"),
    ("team:search", "6"),
    ("-team:*", "012345789"),
    ("tag:env=prod", "6"),
    ("tag:env", "6"),
    ("tag:*", "6"),
    ('tag:"o\\"d=a*b\x01"', "6"),
    ("tag:env=dev", ""),
    ("shadow:true", "7"),
    ('session:"chat 7"', "7"),
    ("subject:ada", "8"),
    ("finish:length", "8"),
    ("finish:len*", "8"),
    ('finish:"st\\"op"', "8"),
    ("cost>2", "1"),
    ("cost:2.5", "1"),
    ("cost>=2.5000000001", None),
    ("tokens_in>4000", "9"),
    ("tokens_in>4000.5", "9"),
    ("tokens:11", "02345678"),
    ("-tokens_in>1", "1"),
    ("status:400,500", "2"),
    ("status>=400", "2"),
    ("duration>1s", "9"),
    ("duration<=10us", "012"),
    ("attempts>1 attempts<999999999999", "9"),
    ("since:2023-11-14T22:13:28Z", "89"),
    ("until:2023-11-14T22:13:21Z", "0"),
    ("since:1h", "0123456789"),
    ("refund", "16"),
    ('"refund policy"', "16"),
    ("text:refund policy", "16"),
    ("REFUND*", "16"),
    ("fund", "27"),
    ("退款", "27"),
    ("款政", "27"),
    ("政退", ""),
    ("text:hello,refund", "0156"),
    ('"AND OR NOT"', "38"),
    ("near", "38"),
    ('"NEAR(x)" OR', "38"),
    ("-text:mail", ""),
    ('"100%"', "49"),
    ("'; --", None),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_filter_finds_what_it_says(filled: Any, text: str, expected: str | None) -> None:
    """On both databases, and as plain Python has it; None is a filter that means nothing."""
    store, documents = filled
    if expected is None:
        with pytest.raises(FilterError):
            parse(text, NOW_US)
        return
    filter = parse(text, NOW_US)

    assert "".join(str(n) for n, one in enumerate(documents) if one["id"] in _ids(store, filter)) == expected
    assert "".join(str(n) for n, one in enumerate(documents) if holds(filter, one, store.key)) == expected


_CHARACTERS = st.sampled_from("abz09 _-*,.:\"\\'%?[]!@=/()üß模\ue000\u0301\u200b\n\x01")
_LITERALS = st.one_of(
    st.text(_CHARACTERS, max_size=8),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6),
    st.sampled_from(
        [
            "pii",
            "pii.eu",
            "IBAN_CODE",
            "email",
            "gpt-4o",
            "search",
            "env=prod",
            "welcome@2",
            "default",
            "refund",
        ]
    ),
)
_PATTERNS = st.lists(_LITERALS, min_size=1, max_size=3).map(
    lambda parts: tuple(part for n, part in enumerate(parts) if part or n in (0, len(parts) - 1))
)
_NAMES = sorted(
    name for name, (_, _, few) in PATTERNS.items() if not few and name not in ("verdict", "feedback")
)
_NUMBERS = sorted(name for name, field in FIELDS.items() if field.number is not None)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """A term that means something."""
    kind = draw(st.sampled_from(("pattern", "pattern", "number", "switch", "time", "text", "few")))
    negated = draw(st.booleans())
    if kind == "number":
        values = st.decimals(0, 5_000, places=1).map(str) | st.sampled_from(["1", "2.5", "400", "4001", "0"])
        return Term(
            draw(st.sampled_from(_NUMBERS)),
            draw(st.sampled_from([":", ">", ">=", "<", "<="])),
            ((draw(values),),),
            negated,
        )
    if kind == "switch":
        return Term(
            draw(st.sampled_from(sorted(SWITCHES))),
            ":",
            ((draw(st.sampled_from(["true", "false"])),),),
            negated,
        )
    if kind == "time":
        us = NOW_US + draw(st.integers(-2_000_000, 12_000_000))
        return next(iter(of(**{draw(st.sampled_from(["since", "until"])): _time(us)}).terms))
    if kind == "few":
        name = draw(st.sampled_from(["outcome", "action", "stage", "mode"]))
        few = draw(st.lists(st.sampled_from(FIELDS[name].words), min_size=1, max_size=2))
        return Term(name, ":", tuple((word,) for word in few), negated)
    if kind == "text":
        said = draw(
            st.sampled_from(["refund", "refund policy", "款政", "hel", "mail", "AND", "100%", "done it's"])
        )
        return Term(
            "text", ":", ((said, "") if draw(st.booleans()) and said[-1] != "%" else (said,),), negated
        )
    values = draw(st.lists(_PATTERNS, min_size=1, max_size=2))
    name = draw(st.sampled_from(_NAMES))
    if name == "tag":  # A value without a name means nothing.
        values = [("env=prod",) if "".join(value).startswith("=") else value for value in values]
    return Term(name, ":", tuple(values), negated)


def _time(us: int) -> str:
    from proxy.store.filter_values import told

    return told(us)


FILTERS = st.lists(terms(), max_size=4).map(lambda found: Filter(tuple(found)))


@given(FILTERS)
@settings(max_examples=300, deadline=timedelta(seconds=5))
def test_reading_what_a_filter_writes_gives_it_again(filter: Filter) -> None:
    """Whatever its values hold."""
    assert parse(str(filter), NOW_US) == filter
    assert str(parse(str(filter), NOW_US)) == str(filter)


@pytest.mark.long
@given(found=FILTERS)
@settings(max_examples=150, deadline=None)
def test_the_databases_find_what_plain_python_finds(filled: Any, found: Filter) -> None:
    """Any filter, on both."""
    store, documents = filled

    assert _ids(store, found) == {one["id"] for one in documents if holds(found, one, store.key)}, str(found)


_HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(_CHARACTERS, max_size=60),
    st.lists(st.sampled_from(["text:", "model:", '"', "*", ",", "-", "\\", "NEAR(", ")", "AND", "'", ";", "%", "\0", " ", "a", "cost>", "9" * 40]), max_size=30).map("".join),
)  # fmt: skip


@given(_HOSTILE)
@settings(max_examples=400, deadline=timedelta(seconds=5))
def test_any_text_is_a_filter_or_is_told_where_it_is_none(text: str) -> None:
    """Nothing else is ever raised, and the place is inside the text."""
    try:
        assert parse(str(parse(text, NOW_US)), NOW_US) == parse(text, NOW_US)
    except FilterError as error:
        assert 0 <= error.at <= len(text)
        assert str(error)[-1] in ".?"


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("outcome:masked colour:red", 15, "no field 'colour'"),
        ("outcom:masked", 0, "Did you mean outcome?"),
        ("outcome:bloked", 0, "Did you mean blocked?"),
        ("outcome:", 8, "value is missing"),
        ("model:a,", 8, "value is missing"),
        ('model:"abc', 6, "not closed"),
        ("model:abc\\", 9, "backslash"),
        ("a - b", 2, "minus"),
        ("cost>cheap", 0, "takes a number"),
        ("duration>3y", 0, "with us, ms, s, m, h"),
        ("cost>1,2", 0, "one number"),
        ("model>3", 0, "cannot be compared"),
        ("flagged:maybe", 0, "true or false"),
        ("since:yesterday", 0, "RFC 3339"),
        ("since:2026-01-01T00:00:00", 0, "zone"),
        ("text:*fund", 0, "only at its end"),
        ('x "!!!"', 2, "takes words"),
        ("model:a*b*c*d*e", 6, "3 stars"),
        ("http://x", 0, "put it in quotes"),
        ("a\0b", 1, "No stored text"),
        ("x" * 4_001, 4_000, "4000 characters"),
        ("a " * 33, 64, "32 terms"),
        ("x model:" + "a," * 101 + "a", 2, "100 values"),
        ('"' * 3_999, 3_998, "not closed"),
    ],
)
def test_what_is_no_filter_is_told_where_it_stands(text: str, at: int, says: str) -> None:
    """What is wrong, and what to write instead."""
    with pytest.raises(FilterError) as failed:
        parse(text, NOW_US)

    assert says in str(failed.value)
    assert failed.value.at == at
    assert "^" in failed.value.pointed(text).splitlines()[-1]


def test_a_filter_knows_its_time() -> None:
    """The narrowest of what it says."""
    assert bounds(parse("since:2h since:1h until:30m", NOW_US)) == (
        NOW_US - 3_600_000_000,
        NOW_US - 1_800_000_000,
    )
    assert bounds(parse("-since:1h", NOW_US)) == (0, NOW_US - 3_600_000_000)


def test_without_an_index_a_search_is_refused(tmp_path: Path) -> None:
    """Rather than finding nothing."""
    with pytest.raises(FilterError, match=r"guardhouse\.search"):
        where(parse("model:x refund"), b"k", search=False)


def test_values_are_taken_as_they_are() -> None:
    """Stars and quotes too."""
    assert str(of(model='a*"b', flagged=True)) == 'model:"a*\\"b" flagged:true'


@pytest.mark.parametrize("text", ["feedback:u*", "feedback:*", "tag:=x", "tag:*=x"])
def test_what_would_be_half_heeded_is_refused(text: str) -> None:
    """A pattern that would find more than it says."""
    with pytest.raises(FilterError, match="takes"):
        parse(text)
