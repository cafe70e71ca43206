"""The language of prompt templates: of Jinja2 what a prompt needs, in bounded time and space.

Variables and their members, `if`, `for`, comparisons and filters, each from a closed list. Nothing can be called, set,
included or imported, so a template reaches nothing but its variables. Values are never read as templates. All work
that grows with the values is metered: a caller who chooses them cannot make it take long.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

WORK = 5_000_000
"""Characters and values that one rendering may look at."""
TURN = 500
"""What each turn of a loop counts as."""

_NODES: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.For, nodes.If, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Neg, nodes.Concat),
    *(nodes.Filter, nodes.Keyword, nodes.Test),
)
_FILTERS = (
    *(
        "abs",
        "capitalize",
        "count",
        "default",
        "dictsort",
        "first",
        "float",
        "indent",
        "int",
        "items",
        "join",
    ),
    *(
        "last",
        "length",
        "list",
        "lower",
        "max",
        "min",
        "replace",
        "reverse",
        "round",
        "sort",
        "string",
        "sum",
    ),
    *("title", "trim", "truncate", "unique", "upper", "wordcount"),
)
_TESTS = (
    *("boolean", "defined", "false", "iterable", "mapping", "none", "number", "sequence", "string", "true"),
    "undefined",
)
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_ANY_ARGUMENT = "default"
_LONGEST, _LARGEST = 40, 200
"""Bounds of what filters are told: they multiply by it."""
_INDENT = 16
"""The widest indentation: a text that is nothing but line ends grows by as much."""
_RESERVED = ("self", "loop")
_BUDGET, _TURNS, _WEIGHT = "0budget", "0turns", "0weight"
"""Names that no template can write."""


class TemplateFault(Exception):
    """A template that cannot be used.

    Args:
        what: what is wrong, in one sentence; words of the template alone.
        line: 1-based line in the template.
    """

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what, self.line = what, line


class Unrenderable(Exception):
    """Values that a template cannot be rendered with. The message holds none of them."""


class TooLong(Unrenderable):
    """Rendering would take too long, or give too much."""


class Budget:
    """What one rendering may still cost.

    Args:
        characters: how long its text may become.
        work: how many characters and values it may look at.
    """

    __slots__ = ("_characters", "_work")

    def __init__(self, characters: int, work: int = WORK) -> None:
        self._characters, self._work = characters, work

    def spend(self, work: int) -> None:
        """Take some work off. Raises TooLong when there is not that much left."""
        self._work -= work
        if self._work < 0:
            raise TooLong("these variables take too long to render")

    def write(self, characters: int) -> None:
        """Take some text off. Raises TooLong when there is not that much left."""
        self._characters -= characters
        if self._characters < 0:
            raise TooLong("the prompt becomes too long with these variables")


class PromptTemplate:
    """A template that can be rendered: compiled once, never changed.

    Args:
        text: the template. Raises TemplateFault where it is none, or uses what this language does not have.
    """

    __slots__ = ("_compiled", "names")

    def __init__(self, text: str) -> None:
        language = _Language()
        try:
            tree = language.parse(text)
            _check(tree)
            self.names = frozenset(meta.find_undeclared_variables(tree))
            """The variables that it uses."""
            metered = _Metered().visit(tree)
            metered.set_environment(language)
            self._compiled = Template.from_code(language, language.compile(metered), {})
        except TemplateSyntaxError as error:
            raise TemplateFault(error.message or "this is no template", error.lineno) from None
        except (TemplateError, RecursionError):
            raise TemplateFault("this is no template", 1) from None

    def render(self, values: Mapping[str, Any], budget: Budget) -> str:
        """The text with values for all its names. Raises Unrenderable when they do not fit."""
        pieces = []
        try:
            for piece in self._compiled.generate({**values, _BUDGET: budget}):
                budget.write(len(piece))
                pieces.append(piece)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError):
            # What is said of it can hold a value.
            raise Unrenderable("a value has not the shape that the prompt needs") from None
        return "".join(pieces)


class _Language(ImmutableSandboxedEnvironment):
    """The sandbox, with less in it: members of objects and items of lists instead of attributes."""

    def __init__(self) -> None:
        super().__init__(
            autoescape=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_written,
        )
        self.globals.clear()
        self.filters = {name: FILTERS[name] for name in _FILTERS}
        self.filters |= {"tojson": _json, _TURNS: _turns, _WEIGHT: _weighed}
        self.tests = {name: TESTS[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of an object; what a loop says of itself."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A member of an object, an item of a list, a character of a text."""
        known = isinstance(obj, dict) or (isinstance(obj, str | list | tuple) and isinstance(argument, int))
        try:
            return obj[argument] if known else self.undefined(obj=obj, name="that")
        except LookupError:
            return self.undefined(obj=obj, name="that")


class _Metered(NodeTransformer):
    """Puts the meter before everything that takes longer the more there is."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _through(_TURNS, node.iter)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        self.generic_visit(node)
        assert node.node is not None
        node.node = _through(_WEIGHT, node.node)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _through(_WEIGHT, node.expr)
        return node

    def visit_Operand(self, node: nodes.Operand) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _through(_WEIGHT, node.expr)
        return node

    def visit_Add(self, node: nodes.Add) -> nodes.Node:
        self.generic_visit(node)
        node.left, node.right = _through(_WEIGHT, node.left), _through(_WEIGHT, node.right)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        node.nodes = [_through(_WEIGHT, each) for each in node.nodes]
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _through(_WEIGHT, node.node)
        return node


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    assert isinstance(node, nodes.Expr)
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _check(node: nodes.Node) -> None:
    """Raises TemplateFault for the first thing that the language does not have."""
    if not isinstance(node, _NODES):
        raise TemplateFault(f"{_plain(node)} has no place in a prompt", node.lineno)
    if isinstance(node, nodes.Filter):
        _check_filter(node)
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        raise TemplateFault(
            f"there is no test {node.name!r} here; there are {', '.join(_TESTS)}", node.lineno
        )
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
        return
    if isinstance(node, nodes.Name) and node.name in _RESERVED:
        raise TemplateFault(f"{node.name!r} by itself has no place in a prompt", node.lineno)
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateFault("a recursive loop has no place in a prompt", node.lineno)
    for child in node.iter_child_nodes():
        _check(child)


def _check_filter(node: nodes.Filter) -> None:
    known = sorted((*_FILTERS, "tojson"))
    if node.name not in known:
        raise TemplateFault(
            f"there is no filter {node.name!r} here; there are {', '.join(known)}", node.lineno
        )
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateFault(f"the filter {node.name!r} takes no * arguments here", node.lineno)
    if node.name == _ANY_ARGUMENT:
        return
    most = _INDENT if node.name == "indent" else _LARGEST
    for told in (*node.args, *(each.value for each in node.kwargs)):
        value = told.value if isinstance(told, nodes.Const) else None
        long = isinstance(value, str) and len(value) > _LONGEST
        large = isinstance(value, int | float) and not 0 <= value <= most
        if not isinstance(told, nodes.Const) or long or large:
            what = f"a plain value of at most {_LONGEST} characters, or a number up to {most}"
            raise TemplateFault(f"the filter {node.name!r} can be told {what} only", node.lineno)


def _plain(node: nodes.Node) -> str:
    """What a node is called by whoever wrote it."""
    words = {nodes.Call: "a call", nodes.Assign: "`set`", nodes.AssignBlock: "`set`"}
    return words.get(type(node), f"`{type(node).__name__.lower()}`")


@pass_context
def _turns(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget: Budget = context[_BUDGET]
    if isinstance(values, dict | str):
        raise TypeError
    for value in values:
        budget.spend(TURN)
        yield value


@pass_context
def _weighed(context: Context, value: Any) -> Any:
    context[_BUDGET].spend(_size(value))
    return value


def _size(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, dict):
        return 1 + sum(len(name) + _size(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return 1 + sum(map(_size, value))
    return 1


def _json(value: Any) -> str:
    """The value as JSON text, names in order; nothing in it is escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _written(value: Any) -> Any:
    """A value as it stands in a prompt: nothing for none, `true`, and JSON for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, Undefined | str):
        return value
    return _json(value) if isinstance(value, bool | dict | list | tuple) else str(value)
