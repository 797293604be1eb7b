"""A tiny interpreter that runs programs written by a model, in bounded steps and with nothing in reach.

Answers are run, never trusted and never passed to ``exec``: the program is parsed with :mod:`ast`, and only the few
forms below are evaluated, over integers, strings, booleans, lists and functions defined in the program itself.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_SOURCE, MAX_STEPS, MAX_SIZE, MAX_BITS, MAX_DEPTH = 2000, 5000, 500, 64, 20


class ProgramError(ValueError):
    """The program cannot be run here: it is wrong, forbidden, or does not end in time."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class _Function:
    parameters: tuple[str, ...]
    body: Sequence[ast.stmt]


_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_COMPARE: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_CALLS: Mapping[str, Callable[..., Any]] = {
    "abs": abs, "bool": bool, "int": int, "len": len, "list": list, "max": max, "min": min, "sorted": sorted,
    "str": str, "sum": sum,
}  # fmt: skip
_METHODS = {(list, "append"), (list, "reverse"), (str, "upper"), (str, "lower"), (str, "join")}


def run(source: str) -> str:
    """Run a program and return what it printed.

    Raises:
        ProgramError: for anything that does not parse, is not allowed, fails, or takes too long.
    """
    if len(source) > MAX_SOURCE:
        raise ProgramError(f"the program is longer than {MAX_SOURCE} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            compile(tree, "answer", "exec")  # never executed: finds a break outside a loop and the like
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(f"not Python: {error}") from error
    machine = _Machine()
    try:
        machine.block(tree.body, machine.globals)
    except ProgramError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise ProgramError(f"{type(error).__name__}: {error}") from error
    return "".join(machine.output)


@dataclass
class _Machine:
    """The state of one run."""

    globals: dict[str, Any] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)
    steps: int = 0
    depth: int = 0
    printed: int = 0

    def tick(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise ProgramError(f"does not end within {MAX_STEPS} steps")

    def checked(self, value: Any) -> Any:
        """Refuse values that could grow without bound, and kinds that cannot occur."""
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ProgramError("a number is too large")
        if isinstance(value, (str, list, tuple, range)) and len(value) > MAX_SIZE:
            raise ProgramError("a text or list is too long")
        if isinstance(value, (list, tuple)) and any(isinstance(item, (list, tuple)) for item in value):
            raise ProgramError("lists of lists are not known here")  # [x, x] again and again would print for ever
        if not isinstance(value, (int, str, list, tuple, range, _Function, type(None))):
            raise ProgramError(f"values of type {type(value).__name__} are not known here")
        return value

    def block(self, body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        for statement in body:
            self.tick()
            self.statement(statement, scope)

    def statement(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        match node:
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Assign(targets=[target], value=value):
                self.assign(target, self.value(value, scope), scope)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                left = self.value(ast.Name(id=name, ctx=ast.Load()), scope)
                scope[name] = self.binary(op, left, self.value(value, scope))
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body if self.value(test, scope) else orelse, scope)
            case ast.For(target=target, iter=iterable, body=body, orelse=[]):
                self.loop(target, self.value(iterable, scope), body, scope)
            case ast.While(test=test, body=body, orelse=[]):
                self.while_loop(test, body, scope)
            case ast.FunctionDef(name=name, body=body, args=ast.arguments(args=args, defaults=[]), decorator_list=[]):
                scope[name] = _Function(tuple(arg.arg for arg in args), body)
            case ast.Return(value=value):
                raise _Return(None if value is None else self.value(value, scope))
            case ast.Pass():
                pass
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case _:
                raise ProgramError(f"{type(node).__name__} is not allowed here")

    def assign(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple) and isinstance(value, (list, tuple)):
            for part, item in zip(target.elts, value, strict=True):
                self.assign(part, item, scope)
        else:
            raise ProgramError("can only assign to names")

    def loop(self, target: ast.expr, items: Any, body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        for item in list(items):
            self.tick()
            self.assign(target, item, scope)
            try:
                self.block(body, scope)
            except _Continue:
                continue
            except _Break:
                break

    def while_loop(self, test: ast.expr, body: Sequence[ast.stmt], scope: dict[str, Any]) -> None:
        while self.value(test, scope):
            self.tick()
            try:
                self.block(body, scope)
            except _Continue:
                continue
            except _Break:
                break

    def value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        self.tick()
        return self.checked(self.expression(node, scope))

    def expression(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                found = scope.get(name, self.globals.get(name))
                if found is None:
                    raise ProgramError(f"{name} is not defined")
                return found
            case ast.List(elts=items):
                return [self.value(item, scope) for item in items]
            case ast.Tuple(elts=items):
                return tuple(self.value(item, scope) for item in items)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.value(left, scope), self.value(right, scope))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, scope)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand, scope)
            case ast.BoolOp(op=op, values=values):
                return self.boolean(op, values, scope)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self.compare(self.value(left, scope), ops, comparators, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test, scope) else orelse, scope)
            case ast.Subscript(value=value, slice=index):
                return self.value(value, scope)[self.index(index, scope)]
            case ast.ListComp(elt=element, generators=[ast.comprehension(target=target, iter=iterable, ifs=ifs)]):
                return self.comprehension(element, target, self.value(iterable, scope), ifs, dict(scope))
            case ast.GeneratorExp(elt=element, generators=[ast.comprehension(target=target, iter=iterable, ifs=ifs)]):
                return self.comprehension(element, target, self.value(iterable, scope), ifs, dict(scope))
            case ast.Call():
                return self.call(node, scope)
            case _:
                raise ProgramError(f"{type(node).__name__} is not allowed here")

    def index(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        if isinstance(node, ast.Slice):
            parts = [None if part is None else self.value(part, scope) for part in (node.lower, node.upper, node.step)]
            return slice(*parts)
        return self.value(node, scope)

    def binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        """Apply an operator, after a look at how large the result could get."""
        if type(op) not in _BINARY:
            raise ProgramError(f"{type(op).__name__} is not allowed here")
        if isinstance(op, ast.Mod) and isinstance(left, str):
            raise ProgramError("texts are not formatted with % here")
        if isinstance(op, ast.Pow) and not (0 <= right <= MAX_BITS):
            raise ProgramError("a power is negative or too large")
        if isinstance(op, ast.Mult):
            for text, times in ((left, right), (right, left)):
                if isinstance(text, (str, list, tuple)) and len(text) * max(times, 0) > MAX_SIZE:
                    raise ProgramError("a text or list is too long")
        return self.checked(_BINARY[type(op)](left, right))

    def boolean(self, op: ast.boolop, values: Sequence[ast.expr], scope: dict[str, Any]) -> Any:
        result: Any = None
        for node in values:
            result = self.value(node, scope)
            if bool(result) == isinstance(op, ast.Or):
                break
        return result

    def compare(self, left: Any, ops: Sequence[ast.cmpop], nodes: Sequence[ast.expr], scope: dict[str, Any]) -> bool:
        for op, node in zip(ops, nodes, strict=True):
            if type(op) not in _COMPARE:
                raise ProgramError(f"{type(op).__name__} is not allowed here")
            right = self.value(node, scope)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def comprehension(
        self, element: ast.expr, target: ast.expr, items: Any, ifs: Sequence[ast.expr], scope: dict[str, Any]
    ) -> list[Any]:
        result = []
        for item in list(items):
            self.tick()
            self.assign(target, item, scope)
            if all(self.value(test, scope) for test in ifs):
                result.append(self.value(element, scope))
        return result

    def call(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        arguments: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                arguments.extend(self.value(argument.value, scope))
            else:
                arguments.append(self.value(argument, scope))
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            return self.write(arguments, {word.arg: self.value(word.value, scope) for word in node.keywords})
        if node.keywords:
            raise ProgramError("named arguments are known to print only")
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, scope)
            if (type(owner), node.func.attr) not in _METHODS:
                raise ProgramError(f"{node.func.attr} is not known here")
            return getattr(owner, node.func.attr)(*arguments)
        if not isinstance(node.func, ast.Name):
            raise ProgramError("only names can be called")
        own = scope.get(node.func.id, self.globals.get(node.func.id))
        if isinstance(own, _Function):
            return self.call_own(own, arguments)
        if node.func.id == "range":
            return self.checked(range(*arguments))
        if node.func.id not in _CALLS:
            raise ProgramError(f"{node.func.id} is not known here")
        return _CALLS[node.func.id](*arguments)

    def call_own(self, function: _Function, arguments: Sequence[Any]) -> Any:
        if len(arguments) != len(function.parameters):
            raise ProgramError("a function got the wrong number of arguments")
        if self.depth >= MAX_DEPTH:
            raise ProgramError("functions call each other too deeply")
        self.depth += 1
        try:
            self.block(function.body, dict(zip(function.parameters, arguments, strict=True)))
        except _Return as result:
            return result.value
        finally:
            self.depth -= 1
        return None

    def write(self, values: Sequence[Any], options: Mapping[str | None, Any]) -> None:
        if set(options) - {"sep", "end"}:
            raise ProgramError("print knows sep and end only")
        if any(isinstance(value, _Function) for value in values):
            raise ProgramError("a function was printed, not called")
        text = str(options.get("sep", " ")).join(map(str, values)) + str(options.get("end", "\n"))
        self.printed += len(text)
        if self.printed > MAX_SIZE:
            raise ProgramError("prints too much")
        self.output.append(text)
