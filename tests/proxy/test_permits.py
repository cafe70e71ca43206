"""What a key may do: callers with keys of all kinds, through OpenAI's own client."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from proxy.auth import Keyring
from proxy.errors import Forbidden
from proxy.exchange import Principal
from proxy.key_terms import FREE, Terms
from proxy.permits import check_model, known_keys, permitted
from proxy.store.keys import create_key
from tests.proxy.policies import policy
from tests.servers import Running, make_app, served

MODELS = [{"model_name": name, "litellm_params": {"model": "fake/assistant"}} for name in ("small", "large")]
KEYS = {
    "free": FREE,
    "small": Terms(models=("small",)),
    "gone-team": Terms(team="gone"),
    "team": Terms(team="search", models=("small",)),
    "strict": Terms(policy="strict"),
    "named": Terms(policy="no-plums"),
    "gone-policy": Terms(policy="gone"),
    "expired": Terms(expires_us=1),
}
NO_PLUMS = {
    "name": "no-plums",
    "rules": [
        {"id": "plums", "check": "words", "with": {"deny": ["plum"]}, "stages": ["input"], "action": "block"}
    ],
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, str]]]:
    """A proxy with two models and a fallback between them, and a key of each kind."""
    app = make_app(
        tmp_path_factory.mktemp("permits"),
        "",
        policy(),
        MODELS,
        default_model="large",
        teams={"search": {"rpm": 600}},
        policies={"no-plums": NO_PLUMS},
    )
    made = {name: create_key(app.context.store, name, terms=terms).secret for name, terms in KEYS.items()}
    with served(app) as running:
        yield running, made


def _client(house: tuple[Running, dict[str, str]], key: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=house[1][key], base_url=house[0].url, max_retries=0)


def _ask(client: openai.OpenAI, model: str, text: str = "hello") -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


@pytest.mark.parametrize(("key", "model"), [("free", "large"), ("small", "small"), ("team", "small")])
def test_a_key_asks_for_what_it_may(house: tuple[Running, dict[str, str]], key: str, model: str) -> None:
    """And gets an answer."""
    assert _ask(_client(house, key), model).choices[0].message.content


@pytest.mark.parametrize(
    ("key", "model", "error", "code", "told"),
    [
        ("small", "large", openai.PermissionDeniedError, "model_not_found", "no access to the model 'large'"),
        ("small", "nobody", openai.NotFoundError, "model_not_found", "No model of that name"),
        ("gone-team", "small", openai.PermissionDeniedError, "insufficient_permissions", "'gone'"),
        ("gone-policy", "small", openai.InternalServerError, "guardrail_unavailable", "'gone'"),
        ("expired", "small", openai.AuthenticationError, "invalid_api_key", "expired on 1970-01-01"),
    ],
)
def test_a_key_is_refused_what_it_may_not(
    house: tuple[Running, dict[str, str]],
    key: str,
    model: str,
    error: type[openai.APIStatusError],
    code: str,
    told: str,
) -> None:
    """In OpenAI's shape, with the reason; nothing goes upstream."""
    house[0].recorder.forget()
    with pytest.raises(error) as raised:
        _ask(_client(house, key), model)

    assert isinstance(raised.value.body, dict)
    assert raised.value.body["code"] == code
    assert told in raised.value.body["message"]
    recorded = house[0].recorder.last()
    assert (recorded["upstream_called"], recorded["cost_nanousd"]) == (False, 0)


def test_the_default_model_is_asked_for_too(house: tuple[Running, dict[str, str]]) -> None:
    """Naming no model is no way around the models of a key."""
    with pytest.raises(openai.PermissionDeniedError):
        _client(house, "small").post(
            "/chat/completions", body={"messages": [{"role": "user", "content": "x"}]}, cast_to=object
        )


def test_a_key_sees_its_own_models_alone(house: tuple[Running, dict[str, str]]) -> None:
    """In the list and one by one; a key of a team that is gone sees none."""
    client = _client(house, "small")

    assert [model.id for model in client.models.list()] == ["small"]
    assert client.models.retrieve("small").id == "small"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("large")
    assert [model.id for model in _client(house, "free").models.list()] == ["small", "large"]
    with pytest.raises(openai.PermissionDeniedError):
        _client(house, "gone-team").models.list()


def test_the_policy_of_a_key_judges_its_requests(house: tuple[Running, dict[str, str]]) -> None:
    """A configured one, and a built-in one, beside the default one of everybody else."""
    with pytest.raises(openai.BadRequestError, match="'plums'"):
        _ask(_client(house, "named"), "small", "a plum")
    assert _ask(_client(house, "free"), "small", "a plum")
    told = _client(house, "strict").chat.completions.with_raw_response.create(
        model="small", messages=[{"role": "user", "content": "hello"}]
    )
    assert told.headers["x-guardhouse-policy"].startswith("strict@")


def test_an_exchange_names_team_and_tags(house: tuple[Running, dict[str, str]]) -> None:
    """As its key has them."""
    house[0].recorder.forget()
    _ask(_client(house, "team"), "small")

    assert house[0].recorder.last()["team"] == "search"


def test_keys_are_read_with_what_judges_them(house: tuple[Running, dict[str, str]]) -> None:
    """When the ring knows a key, its built-in policy is in force."""
    context = house[0].app.context
    ring = Keyring()
    ring.refresh(lambda: known_keys(context))

    who = ring.lookup(house[1]["strict"])

    assert context.policies.guard_for(who, "small", "/v1/chat/completions").policy.name == "strict"


def test_models_of_a_key() -> None:
    """None means all; their order is that of the configuration."""
    some = Principal("k", models=frozenset({"c", "a"}))

    assert permitted(some, ["a", "b", "c"]) == ["a", "c"]
    assert permitted(Principal("k"), ["a", "b"]) == ["a", "b"]
    check_model(some, "a")
    check_model(Principal("k"), "b")
    with pytest.raises(Forbidden):
        check_model(some, "b")
