"""A judge is told in plain values, and refused where it cannot judge."""

from __future__ import annotations

import pytest

from evals.errors import JudgeError
from evals.judging.spec import JudgeSpec, checked, read_spec, refuse_own_model

URL = "http://127.0.0.1:1/v1"


def test_the_command_line_goes_over_the_suite() -> None:
    """Key by key; nothing from either is no judge."""
    told = {
        "base_url": URL,
        "model": "a",
        "price": {"input": 1, "output": 2},
        "limit_calls": 5,
        "temperature": None,
    }

    spec = read_spec(told)

    assert spec == JudgeSpec(URL, "a", temperature=None, price=(1.0, 2.0), limit_calls=5)
    assert read_spec(told, model="a") == spec
    assert read_spec({}) is None
    assert read_spec({}, URL, "b") == JudgeSpec(URL, "b")


def test_another_model_has_not_the_prices_of_the_suites() -> None:
    """So a limit in dollars needs its own."""
    told = {"base_url": URL, "model": "a", "price": {"input": 1, "output": 2}}

    other = read_spec(told, model="b")

    assert other is not None and other.price is None
    with pytest.raises(JudgeError, match="no prices"):
        read_spec({**told, "limit_usd": 1.0}, model="b")


@pytest.mark.parametrize(
    "spec",
    [
        JudgeSpec("", "m"),
        JudgeSpec("127.0.0.1:1/v1", "m"),
        JudgeSpec("http:///v1", "m"),
        JudgeSpec("http://[x/v1", "m"),
        JudgeSpec("http://u:p@h/v1", "m"),
        JudgeSpec(URL + "?key=1", "m"),
        JudgeSpec(URL, "m", temperature=float("nan")),
        JudgeSpec(URL, "m", temperature=-1.0),
        JudgeSpec(URL, "m", timeout_s=0.0),
        JudgeSpec(URL, "m", tries=0),
        JudgeSpec(URL, "m", limit_usd=1.0),
    ],
)
def test_what_cannot_be_asked_is_refused(spec: JudgeSpec) -> None:
    """With what to do about it."""
    with pytest.raises(JudgeError) as refused:
        checked(spec)

    assert refused.value.fix
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize("url", [URL, URL + "/", "HTTP://127.0.0.1:1/v1"])
def test_the_model_under_test_is_known_however_its_address_is_written(url: str) -> None:
    """It judges only where that is allowed."""
    with pytest.raises(JudgeError, match="model under test"):
        refuse_own_model(JudgeSpec(URL, "m"), [("", ""), (url, "m")])

    assert refuse_own_model(JudgeSpec(URL, "m", allow_model_under_test=True), [(url, "m")])


def test_usual_ports_are_the_same_as_none() -> None:
    """Another port, path or model is another judge."""
    spec = JudgeSpec("https://h/v1", "m")

    with pytest.raises(JudgeError):
        refuse_own_model(spec, [("https://h:443/v1", "m")])
    others = [
        ("https://h:8443/v1", "m"),
        ("https://h/v2", "m"),
        ("https://h/v1", "n"),
        ("", "m"),
        ("https://h/v1", ""),
    ]
    assert not refuse_own_model(spec, others)
