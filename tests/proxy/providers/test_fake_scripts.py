"""What the scripted model says."""

from typing import Any

import orjson
import pytest

from proxy.providers.fake_reader import UNKNOWN, UNSUPPORTED, read_prompt
from proxy.providers.fake_scripts import CARD, SCRIPTS, made_arguments, rag

PASSAGES = """Use these passages.
[billing-1] Refunds are paid within 14 days of the request. Annual plans are billed in January.
[billing-2] The monthly fee is 29 dollars.
[office] The office in Lisbon opens at nine.

Question: """
STRICT = "Answer only from the passages. Say that you do not know otherwise."
LOOSE = "You are a helpful assistant."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}
ORDER = {"type": "function", "function": {"name": "find_order", "description": "Look up an order by number"}}


def ask(user: Any, system: str | None = None, **more: Any) -> dict[str, Any]:
    """A chat request."""
    history = [{"role": "system", "content": system}] if system else []
    return {"messages": [*history, {"role": "user", "content": user}], **more}


@pytest.mark.parametrize(
    "user", ["hello", [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {}}]]
)
def test_echo_repeats_the_user(user: Any) -> None:
    """A string, or the text parts."""
    assert SCRIPTS["echo"](ask(user)).text == "hello"


def test_card_says_a_card_number() -> None:
    """For output rules."""
    assert SCRIPTS["card"](ask("x")).text == CARD


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When are refunds paid?", "Refunds are paid within 14 days of the request. [billing-1]"),
        ("What is the monthly fee?", "The monthly fee is 29 dollars. [billing-2]"),
        ("Who won the chess tournament?", UNKNOWN),
    ],
)
def test_a_careful_prompt_gets_a_careful_answer(question: str, answer: str) -> None:
    """The sentence with its document, or that it is unknown."""
    assert rag(ask(PASSAGES + question, STRICT)).text == answer


def test_a_second_sentence_is_added_when_it_covers_more() -> None:
    """Two sentences, each with its document."""
    said = rag(ask(PASSAGES + "When are refunds paid, and what is the monthly fee?", STRICT)).text
    assert "[billing-1]" in said and "[billing-2]" in said


@pytest.mark.parametrize(
    "question", ["When are refunds paid?", "What is the monthly fee?", "Who won the chess game?"]
)
def test_a_careless_prompt_gets_an_unfaithful_answer(question: str) -> None:
    """Never a plain sentence of the passages, never a doubt, and always the same."""
    said = rag(ask(PASSAGES + question, LOOSE)).text
    passages, _ = read_prompt(PASSAGES)
    assert UNKNOWN not in said
    assert not any(said in passage.text for passage in passages)
    assert any(invented in said for invented in UNSUPPORTED) or "days" in said or "dollars" in said
    assert said == rag(ask(PASSAGES + question, LOOSE)).text


def test_a_question_without_passages_is_unknown_to_the_careful() -> None:
    """Retrieval that found nothing."""
    assert SCRIPTS["assistant"](ask("Question: who are you?", STRICT)).text == UNKNOWN


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('call it args: {"city": "Oslo"} please', {"city": "Oslo"}),
        ("Oslo for 3 days", {"city": "Oslo for 3 days", "days": 3}),
        ("args: {broken", {"city": "args: {broken", "days": 1}),
    ],
)
def test_tool_arguments_are_taken_or_made(text: str, arguments: dict[str, Any]) -> None:
    """From the JSON after `args:`, else from the schema."""
    (call,) = SCRIPTS["tool"](ask(text, tools=[WEATHER])).tools
    assert (call.name, orjson.loads(call.arguments)) == ("get_weather", arguments)


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"properties": {"u": {"enum": ["c", "F"]}}}, {"u": "F"}),
        ({"properties": {"a": {"type": "array", "items": {"type": "boolean"}}}}, {"a": [True]}),
        (
            {"properties": {"a": {}, "b": {"type": "object", "properties": {"c": {}}}}, "required": ["b"]},
            {"b": {"c": "In f"}},
        ),
        (None, {}),
    ],
)
def test_arguments_fit_their_schema(schema: Any, made: dict[str, Any]) -> None:
    """Required properties only, enum values that the text names first."""
    assert made_arguments(schema, "In f") == made


@pytest.mark.parametrize(
    ("schema", "text", "made"),
    [
        ({"type": "string", "format": "date"}, "free on 2026-12-05, for 2 days", "2026-12-05"),
        ({"type": "string", "pattern": "^HL-[0-9]{6}$"}, "order HL-204417?", "HL-204417"),
        ({"type": "string", "pattern": "^[0-9]{6}$"}, "order HL-204417, plate 418206.", "418206"),
        ({"type": "string", "pattern": "(?<bad"}, "the whole text", "the whole text"),
        ({"enum": ["tile saw", "Wood Chipper"]}, "a wood chipper please", "Wood Chipper"),
        ({"type": "integer"}, "from 2026-12-05 for 3 days", 3),
        ({"type": "string"}, 'tell them "it is late"', "it is late"),
        ({"type": "string"}, "What is the weather in New York?", "New York"),
    ],
)
def test_a_value_is_found_in_the_text(schema: Any, text: str, made: Any) -> None:
    """Dates and patterns as whole words; quoted text or a name for any other string."""
    assert made_arguments({"properties": {"x": schema}}, text) == {"x": made}


def test_a_number_is_not_taken_from_an_id_or_a_date() -> None:
    """Whole numbers come last, whatever the order of the parameters; the order itself is kept."""
    properties = {
        "days": {"type": "integer"},
        "order": {"type": "string", "pattern": "^HL-[0-9]{3}$"},
        "date": {"type": "string", "format": "date"},
    }
    made = made_arguments({"properties": properties}, "HL-204 from 2026-12-05 for 3 days")
    assert list(made.items()) == [("days", 3), ("order", "HL-204"), ("date", "2026-12-05")]


@pytest.mark.parametrize("script", ["tool", "assistant"])
def test_a_tool_result_is_quoted(script: str) -> None:
    """The sentence after the tool call."""
    payload = ask("weather?", tools=[WEATHER])
    payload["messages"].append({"role": "tool", "tool_call_id": "x", "content": "sunny"})
    assert SCRIPTS[script](payload).text == "The tool answered: sunny"


@pytest.mark.parametrize(
    ("text", "choice", "called"),
    [
        ("What is the weather in Oslo?", None, "get_weather"),
        ("Where is order 77?", None, "find_order"),
        ("Good morning!", None, None),
        ("Look up what the forecast of a city is.", None, None),
        ('Do it. args: {"city": "Oslo"}', None, "get_weather"),
        ('Find my order. args: {"id": 7}', None, "find_order"),
        ("What is the weather?", "none", None),
        ("Good morning!", "required", "get_weather"),
        ("Good morning!", {"type": "function", "function": {"name": "find_order"}}, "find_order"),
    ],
)
def test_the_assistant_calls_the_tool_that_is_asked_for(text: str, choice: Any, called: str | None) -> None:
    """By the words of its name, or because the caller demands one."""
    said = SCRIPTS["assistant"](ask(text, tools=[WEATHER, ORDER], tool_choice=choice))
    assert [tool.name for tool in said.tools] == ([called] if called else [])


def test_the_assistant_quotes_the_user() -> None:
    """So that a pseudonym comes back."""
    assert "EMAIL_ADDRESS_0123456789" in SCRIPTS["assistant"](ask("I am EMAIL_ADDRESS_0123456789")).text


@pytest.mark.parametrize("script", sorted(SCRIPTS))
@pytest.mark.parametrize(
    "payload", [{}, {"messages": 3}, {"messages": [1, {"role": "user"}], "tools": [{"function": {}}]}]
)
def test_odd_requests_do_not_break_it(script: str, payload: dict[str, Any]) -> None:
    """A provider is handed whatever a caller sent."""
    SCRIPTS[script](payload)
