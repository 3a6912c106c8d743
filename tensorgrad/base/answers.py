"""What a wrong argument is answered with: the function, the argument, what it takes, and what was found.

Nothing is compared while all goes well. `answering` puts a ``try`` around a public function, which costs one call;
where an error escapes, the arguments are compared with the annotations of the parameters, and the first that does not
fit is named. So a signature is the one place that says what a function takes, and no function repeats it. For what is
made seldom and `kept`, layers, optimisers and transforms, they are compared where nothing went wrong, too: half a pair
of betas would fail a step later. A flag is looked at before the call, where one is given: any text is true.

The outermost public function answers, for it is the one that was called. An error of the user's own code, in a hook, a
layer of his own or a function that he handed over, passes as it is.
"""

from __future__ import annotations

import functools
import inspect
import opcode
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from inspect import Parameter
from itertools import takewhile
from types import CodeType, FunctionType, TracebackType
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np

from tensorgrad.errors import DTypeError, ShapeError, TensorgradError

from .caching import Later, remembered, unwrapped
from .callsite import is_users_code
from .context import Scope
from .hints import hints, short, suits
from .misfits import (
    WrongArgumentError,
    WrongCallError,
    WrongDivisionError,
    WrongDTypeError,
    WrongIndexError,
    WrongKeyError,
    WrongMatrixError,
    WrongShapeError,
    WrongTypeError,
    misfit,
)
from .unknown import missing
from .untracked import Untracked, any_untracked

suspects = Later("tensorgrad.base.suspects")
P = ParamSpec("P")
R = TypeVar("R")
AnyFunction = Callable[..., Any]

INTERNAL = (
    TypeError, ValueError, AttributeError, LookupError, ZeroDivisionError, OverflowError, AssertionError, NameError,
    BufferError,
)  # fmt: skip
_IN = "in the call of "
_RAISE = opcode.opmap["RAISE_VARARGS"]
_answering: dict[tuple[AnyFunction, str], AnyFunction] = {}  # by function and name: in two namespaces it is the same
_complete: set[tuple[type, ...]] = set()  # classes whose methods answer, each with those that it inherits from

PUBLIC: dict[CodeType, AnyFunction] = {}
"""The functions that answer by their code: a frame that runs it is a call of the one of that name."""

_CLASSES = (
    (ShapeError, WrongShapeError), (DTypeError, WrongDTypeError), (KeyError, WrongKeyError),
    (LookupError, WrongIndexError), (ZeroDivisionError, WrongDivisionError), (np.linalg.LinAlgError, WrongMatrixError),
    (Exception, WrongCallError),
)  # fmt: skip


def answering(function: Callable[P, R], name: str = "", *, kept: bool = False, exact: bool = False) -> Callable[P, R]:
    """Return `function` so that an error names it, and its argument that does not fit.

    Args:
        function: any, with annotations.
        name: what users call it; that of the function itself otherwise.
        kept: compare the arguments where all went well, too: what the call made is kept, and must not be wrong.
        exact: look at numbers and texts before the call, as at flags; not for what is called by the million.

    >>> @answering
    ... def scaled(x: float, by: int = 2) -> float:
    ...     return x * by.bit_length()
    >>> scaled(1.5, "a")
    Traceback (most recent call last):
    tensorgrad.base.misfits.WrongTypeError: scaled(): argument 'by' must be int, not str: found 'a'
    """
    name = name or function.__name__
    if (function, name) in _answering:
        return _answering[function, name]
    first = (untracked := Untracked(function, exact=exact)).first

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal first
        for word, value in kwargs.items() if kwargs else ():
            if (exact or value.__class__ is not bool) and word in untracked:
                untracked.check(name, args, kwargs)
                break
        if len(args) > first:
            first = untracked.check(name, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except INTERNAL as error:
            settle(function, name, args, kwargs, error)
            raise
        if kept:
            compare(function, name, args, kwargs)
        return result

    _answering[function, name] = call
    known_as_answering(call)
    return call


def known_as_answering(call: AnyFunction) -> None:
    """Take note that `call` settles its errors itself."""
    _answering[call, call.__name__] = call
    function = unwrapped(call)
    if function.__code__.co_name == call.__name__:  # many that a factory made would share one code
        PUBLIC[function.__code__] = function


def of_tensors(function: Callable[P, R], tensor: type) -> Callable[P, R]:
    """Return `function`, `answering`, so that what it wants as a `tensor` is one: an array would do for some of it."""
    name = function.__name__
    if (function, name) in _answering:
        return _answering[function, name]
    wanted = ("Tensor", "Tensor | None", tensor)
    plain = unwrapped(function)
    names = [word for word, annotation in plain.__annotations__.items() if annotation in wanted and word != "return"]
    count = len(list(takewhile(names.__contains__, plain.__code__.co_varnames)))
    untracked = Untracked(function, exact=True)
    first = untracked.first

    def are_tensors(values: Iterable[Any]) -> bool:
        for x in values:  # noqa: SIM110 - of a few, quicker than all()
            if not isinstance(x, tensor) and x is not None:
                return False
        return True

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal first
        if kwargs or len(args) > first:
            first = untracked.check(name, args, kwargs)
        if kwargs or not args or not isinstance(args[0], tensor) or (count > 1 and not are_tensors(args[1:count])):
            given = [*args[:count], *[kwargs[n] for n in names if n in kwargs]]
            if not are_tensors(given):
                compare(function, name, args, kwargs)
        try:
            return function(*args, **kwargs)
        except INTERNAL as error:
            settle(function, name, args, kwargs, error)
            raise

    _answering[function, name] = call
    known_as_answering(call)
    return call


def complete(module: str, *, kept: bool = False, tensors: type | None = None, throughout: bool = False) -> None:
    """Make the namespace `module`, which calls this at its end, answer unknown names, and wrong arguments."""
    guard(module, kept=kept, tensors=tensors, throughout=throughout, exact=True)
    vars(sys.modules[module])["__getattr__"] = missing(module)  # in the module, it would be read as a promise of types


def guard(
    module: str, *, kept: bool = False, tensors: type | None = None, throughout: bool = False, exact: bool = False
) -> None:
    """Let the functions and classes in ``__all__`` of `module`, or defined there, answer wrong arguments.

    Args:
        module: the ``__name__`` of the namespace; what that loads later is guarded where it stands.
        kept: what its functions make is kept, as objects are.
        tensors: the class Tensor, where functions take no arrays; inside, they call one another as they were.
        throughout: all files of the folder have the same functions, not only those that define them.
        exact: numbers and texts are looked at before a call of its functions, as flags are.
    """
    space = vars(sys.modules[module])
    others: dict[str, tuple[AnyFunction, AnyFunction]] = {}  # what stood for a name, and what shall
    here = [name for name, member in space.items() if getattr(member, "__module__", None) == module and name[0] != "_"]
    for name, member in [(name, space[name]) for name in space.get("__all__", here) if name in space]:
        if isinstance(member, type):
            if not (hasattr(member, "__dataclass_fields__") or issubclass(member, Scope)):  # which the library makes
                complete_class(member)
        elif isinstance(member, FunctionType):
            call = of_tensors(member, tensors) if tensors else answering(member, kept=kept, exact=exact)
            space[name] = call
            if tensors:
                call.__module__ = module if call.__name__ == name else call.__module__  # where a pickle finds it
            else:
                others[name] = member, call
    for path, place in [(path, vars(place)) for path, place in sys.modules.items() if path.startswith("tensorgrad")]:
        for name in others.keys() & place.keys():
            member, call = others[name]
            if place[name] is member and path.startswith(f"{module}." if throughout else member.__module__):
                place[name] = call


def complete_class(cls: type) -> None:
    """Let what makes an object of `cls`, and its methods that are public and its own, answer wrong arguments."""
    maker = next(base for base in cls.__mro__ if {"__init__", "__new__"} & vars(base).keys())
    init = vars(maker).get("__init__")
    if isinstance(init, FunctionType) and (init, "__init__") in _answering and maker is not cls:
        init = getattr(init, "__wrapped__", None)  # it answers in the name of the class that this one inherits it from
    if isinstance(init, FunctionType) and (init, "__init__") not in _answering:
        kept = not issubclass(cls, AbstractContextManager)  # which is made for one block, often
        if kept or any_untracked(init):
            setattr(cls, "__init__", answering(init, cls.__name__, kept=kept))  # noqa: B010 - mypy takes it for a call's
    ours = [cls.__mro__[i:] for i, base in enumerate(cls.__mro__) if base.__module__.startswith("tensorgrad.")]
    for base, *inherited in (classes for classes in ours if classes not in _complete):
        for name, member in list(vars(base).items()):
            if is_for_users(name, member) and not any(name in vars(below) for below in inherited):
                setattr(base, name, answering(member))  # what overrides a method is called by the base class
            elif name == "forward" and isinstance(member, FunctionType) and any_untracked(member):
                setattr(base, name, answering(member, base.__name__))  # the call of a module does not look at these
    _complete.update(ours)


def is_for_users(name: str, member: Any) -> bool:
    """Return whether `member` of a class is a method that users call with arguments, and does not answer yet."""
    if not isinstance(member, FunctionType) or name.startswith("_") or name == "forward":
        return False
    if (member, member.__name__) in _answering:
        return False
    code = unwrapped(member).__code__
    return code.co_argcount + code.co_kwonlyargcount > 1 or bool(code.co_flags & inspect.CO_VARARGS)


def compare(function: AnyFunction, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise the error for the first argument that is not what `function` says it takes."""
    if wrong := _misfit(function, name, args, kwargs):
        raise wrong


def settle(
    function: AnyFunction,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
    *,
    stands: bool = False,
) -> None:
    """Raise what says better than `error` what is wrong with the call; return where it says all there is to say.

    `stands`: what is raised is what users see, though other functions of the library stand around.
    """
    if isinstance(error, Warning) or _is_users(error.__traceback__) or _of_a_callable_of_the_users(error):
        return
    text, ours = str(error), isinstance(error, WrongArgumentError)
    internal = ours or not _is_deliberate(error) or _repeats(error)
    named = f"{name}()" in text or (name[0].isupper() and name in text)  # a class has no name that is a word, too
    if not internal and (not isinstance(error, TypeError) or named or _raised_by(function, error)):
        _note(error, name, stands)
        return
    cause: BaseException = error.__cause__ or error if ours else error
    better = _better(function, name, args, kwargs, error, cause, internal)
    if better is not None:
        better.stands = stands
        raise better from cause
    _note(error, name, stands)


def _better(
    function: AnyFunction,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
    cause: BaseException,
    internal: bool,
) -> WrongArgumentError | None:
    """Return what says better than `error` what is wrong with the call, None if nothing does."""
    wrong = _misfit(function, name, args, kwargs, "" if internal else str(error))
    if wrong:
        return wrong
    if wrong is None and str(error).startswith(f"{function.__qualname__}() ") and function.__name__ == "forward":
        return WrongTypeError(f"{name}.forward{str(error).removeprefix(function.__qualname__)}")  # not a base class's
    if wrong is None or not internal or getattr(error, "stands", False):
        return None
    kind = next(made for raised, made in _CLASSES if isinstance(cause, raised))
    given = list(_arguments(inspect.signature(function).bind(*args, **kwargs)))
    about = suspects.suspected(cause, [(parameter, value) for _, parameter, value in given if parameter != "self"])
    if about:
        return kind(f"{name}(): {about}")
    said = re.sub(r" +\(in \w+ of .*\)$", "", str(cause)) or type(cause).__name__
    return kind(f"{name}() cannot take {_told(given)}: {said}")


def _note(error: Exception, name: str, stands: bool) -> None:
    """Let the traceback say which function was called, where `error` does not: the outermost one.

    Of modules inside one another it is the innermost that says where in the model this was.
    """
    if (getattr(error, "stands", False) or not isinstance(error, TensorgradError)) and name not in str(error):
        notes = getattr(error, "__notes__", [])
        of_modules = [note for note in notes if note.startswith(_IN) and note[len(_IN)].isupper()]
        if not (stands and of_modules):
            error.__notes__ = [n for n in notes if n in of_modules or not n.startswith(_IN)] + [f"{_IN}{name}()"]


def _is_users(at: TracebackType | None) -> bool:
    """Return whether code of the user's ran when the error was raised."""
    while at is not None:
        if is_users_code(at.tb_frame):
            return True
        at = at.tb_next
    return False


def _of_a_callable_of_the_users(error: Exception) -> bool:
    """Return whether Python could not call a function of the user's, a hook say, with what the library hands it."""
    called = re.match(r"([\w.<>]+)\(\) (takes|missing|got) ", str(error)) if isinstance(error, TypeError) else None
    if called is None:
        return False
    return called[1].endswith("<lambda>") or not _is_ours(called[1].partition(".")[0], len(sys.modules))


@remembered(maxsize=1024)
def _is_ours(name: str, loaded: int) -> bool:
    """Return whether a module of the library, or of NumPy, has that name; asked anew when more modules are loaded."""
    return any(name in vars(m) for path, m in list(sys.modules.items()) if path.startswith(("tensorgrad", "numpy")))


def _is_deliberate(error: Exception) -> bool:
    """Return whether a ``raise`` of the library made `error`, which Python or NumPy make otherwise.

    That of a ``__getattr__`` says no more than Python would.
    """
    at = _innermost(error)
    if at is None or (isinstance(error, AssertionError) and not error.args):
        return False
    frame = at.tb_frame
    ours = str(frame.f_globals.get("__name__")).partition(".")[0] == "tensorgrad"
    return ours and frame.f_code.co_code[at.tb_lasti] == _RAISE and frame.f_code.co_name != "__getattr__"


def _repeats(error: Exception) -> bool:
    """Return whether `error`, of an operation inside, begins or ends with the words of what NumPy raised there."""
    said, cause = str(error), error.__cause__
    if not isinstance(error, ShapeError | DTypeError | LookupError | np.linalg.LinAlgError) or cause is None:
        return False
    return bool(str(cause)) and (said.startswith(str(cause)) or said.endswith(str(cause)))


def _raised_by(function: AnyFunction, error: Exception) -> bool:
    """Return whether `function` itself raised `error`, not what it calls: then it says what it means."""
    at = _innermost(error)
    return at is not None and at.tb_frame.f_code is unwrapped(function).__code__


def _innermost(error: Exception) -> TracebackType | None:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at


_signature = remembered()(inspect.signature)


def _misfit(
    function: AnyFunction, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], said: str = ""
) -> WrongArgumentError | Literal[False] | None:
    """Return the error for the first argument that does not fit; False if all do, None if they make no call.

    None also where `said`, an error of the library, names that argument already.
    """
    try:
        given = _signature(function).bind(*args, **kwargs)
    except TypeError:
        return None  # Python says which is missing, or one too many
    known = hints(function)
    for place, parameter, value in _arguments(given):
        hint = known[parameter]
        if not suits(parameter, value, hint):
            if re.search(rf"(?i)(?<!\(\): argument '){parameter}\b", said):
                return None
            return misfit(name, parameter, place, value, hint)
    return False


def _arguments(given: inspect.BoundArguments) -> Iterator[tuple[int, str, Any]]:
    """Yield the place, the name and the value of every argument; those of a method are counted without `self`."""
    place = 0
    for name, value in given.arguments.items():
        kind = given.signature.parameters[name].kind
        for x in value if kind is Parameter.VAR_POSITIONAL else () if kind is Parameter.VAR_KEYWORD else (value,):
            place += name != "self"
            yield place, name, x


def _told(given: list[tuple[int, str, Any]]) -> str:
    """Return the arguments for a message."""
    return ", ".join(f"{name}={short(value)}" for _, name, value in given if name != "self")
