"""The template language: what it can, what it cannot, and that nobody's values make it do more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.prompt_template import Budget, PromptTemplate, TemplateFault, TooLong, Unrenderable
from tests.cost import metered

PLENTY = 1_000_000


def rendered(text: str, characters: int = PLENTY, **values: Any) -> str:
    """A template with values."""
    return PromptTemplate(text).render(values, Budget(characters))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("Hi {{ name }}!", {"name": "Ada"}, "Hi Ada!"),
        ("{{ a.b }}{{ a['c'] }}{{ xs[0] }}{{ t[:2] }}", {"a": {"b": 1, "c": 2}, "xs": [3], "t": "xyz"}, "123xy"),
        ("{{ a.items }}", {"a": {"items": "mine"}}, "mine"),
        ("{% for x in xs %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", {"xs": ["a", "b"]}, "1a,2b"),
        ("{% for k, v in o|dictsort %}{{ k }}={{ v }};{% endfor %}", {"o": {"b": 2, "a": 1}}, "a=1;b=2;"),
        ("{{ none }}{{ yes }}{{ o }}", {"none": None, "yes": True, "o": {"ä": [1, "<"]}}, 'true{"ä": [1, "<"]}'),
        ("{{ xs|join(', ') }} {{ t|upper|trim }} {{ o|tojson }}", {"xs": [1, 2], "t": " a ", "o": {}}, "1, 2 A {}"),
        ("{{ 'many' if n > 2 and 'x' in t else 'few' }}", {"n": 3, "t": "xyz"}, "many"),
        ("{{ '<b>&' ~ t }}", {"t": "'"}, "<b>&'"),
        ("{% raw %}{{ x }}{% endraw %}", {}, "{{ x }}"),
    ],
)  # fmt: skip
def test_what_it_can(text: str, values: dict[str, Any], expected: str) -> None:
    """Variables, members, loops, conditions and filters; nothing is escaped."""
    assert rendered(text, **values) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ x() }}", "{{ x.format(1) }}", "{{ range(9) }}", "{{ lipsum() }}", "{% set a = 1 %}", "{% include 'a' %}",
        "{% import 'a' as b %}", "{% extends 'a' %}", "{% block a %}{% endblock %}", "{% macro a() %}{% endmacro %}",
        "{% filter upper %}a{% endfilter %}", "{% with %}{% endwith %}", "{{ x * 9 }}", "{{ x ** 9 }}", "{{ x % 9 }}",
        "{{ x / 0 }}", "{{ x|attr('a') }}", "{{ x|map('a') }}", "{{ x|format(9) }}", "{{ x|center(9) }}",
        "{{ x|safe }}", "{{ x is odd }}", "{{ x|replace('a', y) }}", "{{ x|indent(201) }}", "{{ {} }}",
        "{{ self }}", "{{ loop }}", "{% for a in x %}{{ loop }}{% endfor %}", "{{ x|indent(17) }}",
        "{{ x|replace('a', '" + "b" * 41 + "') }}", "{{ x|indent(*y) }}", "{% for a in x recursive %}{% endfor %}",
        "{% for x in %}", "{{ x", "{% endif %}", "{% call x() %}{% endcall %}", "{{ cycler }}{% do x %}",
    ],
)  # fmt: skip
def test_what_it_cannot(text: str) -> None:
    """Everything else is refused when the template is read, with its line."""
    with pytest.raises(TemplateFault) as fault:
        PromptTemplate("first line\n" + text)

    assert fault.value.line == 2
    assert fault.value.what


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{{ x.__class__.__mro__ }}",
        "{{ x.upper }}",
        "{{ x[y] }}",
        "{{ z }}",
    ],
)
@pytest.mark.parametrize("value", ["text", ["a"], {"a": 1}, 1, None])
def test_a_value_has_no_attributes(text: str, value: Any) -> None:
    """Neither the template nor a caller reaches anything of Python's; what is said of it holds no value."""
    with pytest.raises(Unrenderable) as error:
        rendered(text, x=value, y="__class__")

    assert "class" not in str(error.value)


@settings(deadline=None, max_examples=40)
@given(st.text())
def test_values_are_never_templates(value: str) -> None:
    """Whatever a value says, it stands in the prompt as it is."""
    assert rendered("<{{ x }}>", x=value) == f"<{value}>"


@pytest.mark.parametrize(
    "value", ["{{ 7*7 }}", "{% for x in y %}", "{{ ''.__class__ }}", "{# #}", "{%- raw -%}"]
)
def test_template_syntax_in_a_value_is_text(value: str) -> None:
    """The payloads that everybody tries."""
    assert rendered("{{ x }}{{ xs|join }}{{ o.a }}", x=value, xs=[value], o={"a": value}) == value * 3


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in xs %}{% for b in xs %}{% for c in xs %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{% for b in xs %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{{ (t|upper|lower|length) if 0 }}{% if t|upper|length < 0 %}x{% endif %}{% endfor %}",
        "{% for a in xs %}{% if 'q' in t %}x{% endif %}{% endfor %}",
        "{% for a in xs %}{% if t ~ t %}{% endif %}{% endfor %}",
        "{% for a in xs %}{% if (xs + xs) and t[1:] %}{% endif %}{% endfor %}",
        "{% for a in xs %}{{ t }}{% endfor %}",
    ],
)
def test_long_work_is_given_up(text: str) -> None:
    """Loops in loops over a caller's lists, and work on a caller's long texts, cost a bounded time."""
    template = PromptTemplate(text)
    with metered() as spent, pytest.raises(TooLong):
        template.render({"xs": ["a"] * 9_000, "t": "a" * 900_000}, Budget(PLENTY))
    assert spent.seconds < 2


def test_a_long_text_is_given_up() -> None:
    """Exactly as many characters as are allowed are rendered."""
    assert rendered("{{ x }}", 10, x="a" * 10) == "a" * 10
    with pytest.raises(TooLong):
        rendered("{{ x }}", 10, x="a" * 11)


@pytest.mark.parametrize(
    ("text", "value"),
    [("{% for a in x %}{% endfor %}", "text"), ("{% for a in x %}{% endfor %}", 1), ("{{ x + 1 }}", "a"),
     ("{{ x|sort }}", [1, "a"]), ("{% for a, b in x %}{% endfor %}", [[1]]), ("{{ x|sum }}", ["a"])],
)  # fmt: skip
def test_a_value_of_another_shape_is_told(text: str, value: Any) -> None:
    """Not with what Python says, which may quote it."""
    with pytest.raises(Unrenderable, match="shape"):
        rendered(text, x=value)
