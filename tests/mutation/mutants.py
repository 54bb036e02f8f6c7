"""The mutants of a module: Cosmic Ray's, and those of code that says what it wants in lists and keywords."""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

_Found = TypeVar("_Found")
_BINARY = "core/ReplaceBinaryOperator_"
_COMPARISON = "core/ReplaceComparisonOperator_"
_COUNTERPARTS = {
    "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "Mod_Mul", "FloorDiv_Mul",
    "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitOr", "LShift_RShift", "RShift_LShift",
}  # fmt: skip
"""Of the many that could take an operator's place, those that could do so by mistake."""

_GUARDS = frozenset({"strict", "frozen", "slots", "eq"})
"""Keywords of ``zip`` and of dataclasses."""

_BY_IDENTITY = frozenset(
    f"{value}_{identity}"
    for value in ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")
    for identity in ("Is", "IsNot")
)
"""What is compared by value, compared by identity: the same for small numbers, and every linter sees it."""


@dataclass(frozen=True)
class Mutant:
    """A module's text with one change in it."""

    kind: str
    line: int
    source: str
    change: str
    """The line as it is and as it was made, for people."""


def mutants(source: str, functions: frozenset[str] = frozenset()) -> Iterator[Mutant]:
    """Every mutant that is another program, once. Only within ``functions``, if there are any."""
    lines = _lines_of(ast.parse(source), functions)
    plain = ast.unparse(ast.parse(source))
    known = {_meaning(source)}
    for kind, line, before, text in _all(source, plain):
        if lines is not None and line not in lines:
            continue
        try:
            meaning = _meaning(text)
        except SyntaxError:
            continue
        if meaning not in known:
            known.add(meaning)
            yield Mutant(kind, line, text, _difference(before, text))


def _all(source: str, plain: str) -> Iterator[tuple[str, int, str, str]]:
    """Kind, line, the text before and after."""
    tree = get_ast(source)
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments() or (name.startswith(_BINARY) and name.removeprefix(_BINARY) not in _COUNTERPARTS):
            continue
        if name.startswith(_COMPARISON) and name.removeprefix(_COMPARISON) in _BY_IDENTITY:
            continue
        places = [start for node in ast_nodes(tree) for start, _ in kind().mutation_positions(node)]
        for occurrence, (line, _) in enumerate(places):
            text = mutate_code(source, kind(), occurrence)
            if text is not None:
                yield name.removeprefix("core/"), line, source, text
    for change in (_drop_keyword, _drop_element, _drop_statement, _settle_condition, _alter_text):
        place = 0
        while True:
            copied = ast.parse(source)
            line = change(copied, place)
            if not line:
                break
            text = ast.unparse(ast.fix_missing_locations(copied))
            yield change.__name__.removeprefix("_"), line, plain, text
            place += 1


def _drop_keyword(tree: ast.Module, place: int) -> int:
    found = [
        (keyword.value.lineno, (node, keyword))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and not _is_error(node)
        for keyword in node.keywords
    ]
    return _at(found, place, lambda pair: pair[0].keywords.remove(pair[1]))


def _drop_element(tree: ast.Module, place: int) -> int:
    found = [
        (element.lineno, (node, element))
        for node in ast.walk(tree)
        if isinstance(node, (ast.List, ast.Set))
        for element in node.elts
    ]
    return _at(found, place, lambda pair: pair[0].elts.remove(pair[1]))


def _drop_statement(tree: ast.Module, place: int) -> int:
    """What is done for its effect: calls, assignments to a part of something, additions, raises."""
    found = [
        (statement.lineno, (body, statement))
        for node in ast.walk(tree)
        for body in (getattr(node, "body", None), getattr(node, "orelse", None))
        if isinstance(body, list)
        for statement in body
        if isinstance(statement, (ast.AugAssign, ast.Raise, ast.Delete))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call))
        or (isinstance(statement, ast.Assign) and not isinstance(statement.targets[0], (ast.Name, ast.Tuple)))
    ]

    def drop(pair: tuple[list[ast.stmt], ast.stmt]) -> None:
        pair[0][pair[0].index(pair[1])] = ast.Pass()

    return _at(found, place, drop)


def _settle_condition(tree: ast.Module, place: int) -> int:
    """A condition, always true or always false."""
    found: list[tuple[int, tuple[ast.AST, str, int, bool]]] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            found += [(node.test.lineno, (node, "test", -1, value)) for value in (True, False)]
        elif isinstance(node, ast.comprehension):
            found += [
                (condition.lineno, (node, "ifs", number, value))
                for number, condition in enumerate(node.ifs)
                for value in (True, False)
            ]

    def settle(chosen: tuple[ast.AST, str, int, bool]) -> None:
        node, field, number, value = chosen
        if number < 0:
            setattr(node, field, ast.Constant(value))
        else:
            getattr(node, field)[number] = ast.Constant(value)

    return _at(found, place, settle)


def _alter_text(tree: ast.Module, place: int) -> int:
    """Another text, but for docstrings, and what errors say."""
    left_out = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or _is_error(node)
        for inner in ast.walk(node)
    }
    found = [
        (node.lineno, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out
    ]

    def alter(node: ast.Constant) -> None:
        node.value = str(node.value) + "~"

    return _at(found, place, alter)


def _at(found: list[tuple[int, _Found]], place: int, change: Callable[[_Found], object]) -> int:
    """Makes the change at that place; its line, or 0 after the last."""
    if place >= len(found):
        return 0
    line, chosen = found[place]
    change(chosen)
    return line


def _is_error(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error")


class _WhatCounts(ast.NodeTransformer):
    """A program without what no caller can tell: annotations and their names, which are not evaluated; whether
    parameters may be given by place; and guards against our own mistakes, which no input reaches."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _GUARDS]
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if isinstance(node.value, ast.Subscript) and ast.unparse(node.value.value) == "Callable":
            node.value = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults = [*node.defaults, *(default for default in node.kw_defaults if default)]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _meaning(source: str) -> str:
    return ast.dump(_WhatCounts().visit(copy.deepcopy(ast.parse(source))))


def _lines_of(tree: ast.Module, functions: frozenset[str]) -> set[int] | None:
    if not functions:
        return None
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in functions
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _difference(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            was, now = (" ".join(line.strip() for line in part) for part in (old[i1:i2], new[j1:j2]))
            return f"{was}  ->  {now}"
    return ""
