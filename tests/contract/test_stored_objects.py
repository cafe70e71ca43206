"""An app that comes back for what it stored works by changing its base URL alone; nobody else's app does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent

from tests.contract.keeping import Keeping, keeping
from tests.servers import Running, served

ASK = "I am ada@example.com"
MESSAGES: list[Any] = [{"role": "user", "content": ASK}]


@pytest.fixture(scope="module")
def _keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Keeping, Running]]:
    with keeping(tmp_path_factory.mktemp("kept")) as kept, served(kept.app()) as proxy:
        yield kept, proxy


@pytest.fixture
def ada(_keeping: tuple[Keeping, Running]) -> Iterator[openai.OpenAI]:
    """The client of the key that makes things."""
    with _keeping[0].of(_keeping[1], "ada") as client:
        yield client


@pytest.fixture
def bob(_keeping: tuple[Keeping, Running]) -> Iterator[openai.OpenAI]:
    """The client of another key of the same tenant."""
    with _keeping[0].of(_keeping[1], "bob") as client:
        yield client


def test_the_life_of_a_response(ada: openai.OpenAI) -> None:
    """Made, asked for, its input listed, streamed again, deleted, and then gone."""
    made = ada.responses.create(model="gpt-test", input=ASK)

    again = ada.responses.retrieve(made.id, include=["file_search_call.results"])
    items = list(ada.responses.input_items.list(made.id, limit=1, order="asc"))
    events = list(ada.responses.retrieve(made.id, stream=True))
    ada.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        ada.responses.retrieve(made.id)

    assert again.output_text == made.output_text == ASK
    assert again.id == made.id
    assert [part.text for item in items for part in item.content] == [ASK]
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert events[-1].response.output_text == ASK
    assert "".join(e.delta for e in events if isinstance(e, ResponseTextDeltaEvent)) == ASK


def test_a_stream_goes_on_where_it_was_left(ada: openai.OpenAI) -> None:
    """What comes after an event is what came after it the first time: values that lie across it are whole."""
    made = ada.responses.create(model="gpt-test", input=f"{ASK}, and so on and so forth")
    whole = list(ada.responses.retrieve(made.id, stream=True))

    for event in whole:
        number = event.sequence_number
        rest = list(ada.responses.retrieve(made.id, stream=True, starting_after=number))
        assert rest == [each for each in whole if each.sequence_number > number]


def test_a_response_in_the_background_is_cancelled(ada: openai.OpenAI) -> None:
    """It can be cancelled as soon as it has an id; one that is not in the background cannot, as the provider says."""
    queued = ada.responses.create(model="gpt-test", input="count the stars", background=True)
    done = ada.responses.create(model="gpt-test", input="count the trees", background=True)

    assert queued.status == "queued"
    assert ada.responses.cancel(queued.id).status == "cancelled"
    assert ada.responses.retrieve(queued.id).status == "cancelled"
    assert ada.responses.retrieve(done.id).output_text == "count the trees"
    plain = ada.responses.create(model="gpt-test", input="now")
    with pytest.raises(openai.BadRequestError):
        ada.responses.cancel(plain.id)


def test_a_stream_under_way_can_be_asked_for(ada: openai.OpenAI) -> None:
    """Its first event names it, and from then on it is there for its maker."""
    with ada.responses.create(model="gpt-test", input=ASK, stream=True) as events:
        first: Any = next(iter(events))
        assert ada.responses.retrieve(first.response.id).id == first.response.id


def test_the_life_of_a_chat_completion(ada: openai.OpenAI) -> None:
    """Stored, asked for, its messages listed, its metadata changed, listed, deleted, gone."""
    made = ada.chat.completions.create(
        model="gpt-test", messages=MESSAGES, store=True, metadata={"who": "eve@example.com"}
    )

    again = ada.chat.completions.retrieve(made.id)
    messages = list(ada.chat.completions.messages.list(made.id))
    found = list(ada.chat.completions.list(metadata={"who": "eve@example.com"}))
    changed = ada.chat.completions.update(made.id, metadata={"team": "mail bob@example.org"})
    after = list(ada.chat.completions.list(model="gpt-test"))
    gone = ada.chat.completions.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        ada.chat.completions.retrieve(made.id)

    assert again.choices[0].message.content == ASK
    assert [message.content for message in messages] == [ASK]
    assert [each.id for each in found] == [made.id]
    assert changed.metadata == {"team": "mail bob@example.org"}
    assert [(each.id, each.choices[0].message.content) for each in after] == [(made.id, ASK)]
    assert gone.deleted


def test_the_tokens_of_an_input_are_counted(ada: openai.OpenAI) -> None:
    """By the provider, of what would be sent; a blocked input is not counted."""
    told = ada.responses.input_tokens.count(model="gpt-test", input="one two three")

    assert (told.input_tokens, told.object) == (3, "response.input_tokens")
    with pytest.raises(openai.BadRequestError) as raised:
        ada.responses.input_tokens.count(model="gpt-test", input="kryptonite")
    assert raised.value.code == "content_filter"


def test_what_is_not_stored_is_not_there(ada: openai.OpenAI) -> None:
    """`store: false`, and a chat that says nothing of it."""
    response = ada.responses.create(model="gpt-test", input="not kept", store=False)
    chat = ada.chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "not kept either"}]
    )

    with pytest.raises(openai.NotFoundError):
        ada.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        ada.chat.completions.retrieve(chat.id)


CALLS: list[tuple[str, Callable[[openai.OpenAI, str], Any]]] = [
    ("response", lambda client, id: client.responses.retrieve(id)),
    ("response", lambda client, id: list(client.responses.retrieve(id, stream=True))),
    ("response", lambda client, id: client.responses.cancel(id)),
    ("response", lambda client, id: list(client.responses.input_items.list(id))),
    ("response", lambda client, id: client.responses.delete(id)),
    ("chat", lambda client, id: client.chat.completions.retrieve(id)),
    ("chat", lambda client, id: client.chat.completions.update(id, metadata={"a": "b"})),
    ("chat", lambda client, id: list(client.chat.completions.messages.list(id))),
    ("chat", lambda client, id: list(client.chat.completions.list(after=id))),
    ("chat", lambda client, id: client.chat.completions.delete(id)),
]


@pytest.mark.parametrize(("kind", "call"), CALLS)
def test_another_key_finds_nothing(
    ada: openai.OpenAI, bob: openai.OpenAI, kind: str, call: Callable[[openai.OpenAI, str], Any]
) -> None:
    """404 for what another key made, word for word as for what nobody made; the object stays as it was."""
    if kind == "response":
        id = ada.responses.create(model="gpt-test", input=f"{kind} of Ada's", background=True).id
    else:
        id = ada.chat.completions.create(model="gpt-test", messages=MESSAGES, store=True).id
    told = []
    for asked in (id, id[:-4] + "0000"):
        with pytest.raises(openai.NotFoundError) as raised:
            call(bob, asked)
        told.append(raised.value.body)

    assert told[0] == told[1]
    assert id not in str(told)
    call(ada, id) if kind == "chat" else ada.responses.retrieve(id)


def test_a_list_holds_only_what_the_key_made(ada: openai.OpenAI, bob: openai.OpenAI) -> None:
    """The provider's account is shared; pages are filled past what others made, and end where they should."""
    mine, theirs = [], []
    for number in range(6):
        for client, made in ((ada, mine), (bob, theirs)):
            said: Any = [{"role": "user", "content": f"{len(theirs)} {len(mine)} of page {number}"}]
            made.append(client.chat.completions.create(model="gpt-real", messages=said, store=True).id)

    page = ada.chat.completions.list(model="gpt-real", limit=4, order="asc")
    rest = page.get_next_page()

    assert [each.id for each in page.data] == mine[:4]
    assert page.has_more
    assert [each.id for each in rest.data] == mine[4:]
    assert [each.id for each in bob.chat.completions.list(model="gpt-real", order="desc")] == theirs[::-1]
    assert list(ada.chat.completions.list(model="gpt-real", metadata={"no": "such"})) == []


def test_it_is_all_there_after_a_restart(tmp_path: Path) -> None:
    """A new process, and a second one beside it, know from the record who made what."""
    with keeping(tmp_path) as kept:
        with kept.client() as ada:
            made = ada.responses.create(model="gpt-test", input="remember me")
            chat: Any = ada.chat.completions.create(
                model="gpt-test", messages=[{"role": "user", "content": "and me"}], store=True
            )
        with served(kept.app()) as one, served(kept.app()) as two:
            for proxy in (one, two):
                with kept.of(proxy) as ada, kept.of(proxy, "bob") as bob:
                    assert ada.responses.retrieve(made.id).output_text == "remember me"
                    assert [each.id for each in ada.chat.completions.list()] == [chat.id]
                    assert list(bob.chat.completions.list()) == []
                    with pytest.raises(openai.NotFoundError):
                        bob.responses.retrieve(made.id)
