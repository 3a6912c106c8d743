"""Layers that are a function with settings: the class declares the settings, and everything else follows from them.

A declaration is an annotated name in the body of a class that `settings` decorates, as of a dataclass, and type
checkers read it as one. `__init__` takes the settings in the order of their declaration and holds them as attributes;
`extra_repr` shows them. Those of base classes come first. What is declared as an `InitVar` is not held, and given to
`_complete` instead: the method of a layer that checks its settings or derives others from them.

The layers are no dataclasses because a module needs its registries before its first attribute, shows its own text, and
may have a parameter or buffer under the name of a setting, which a default left at the class would hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, get_annotations, signature
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, dataclass_transform

from tensorgrad.engine.tensor import Tensor

from .module import Module

M = TypeVar("M", bound=type[Module])


class _Setting(NamedTuple):
    default: Any = ...  # there is none
    kw_only: bool = False
    shown: Literal["name", "value", "changed", "never"] = "name"
    annotation: str = ""

    @property
    def held(self) -> bool:
        return not self.annotation.startswith("InitVar[")

    def parameter(self, name: str) -> Parameter:
        kind = Parameter.KEYWORD_ONLY if self.kw_only else Parameter.POSITIONAL_OR_KEYWORD
        annotation = self.annotation if self.held else self.annotation[len("InitVar[") : -1]
        default = Parameter.empty if self.default is ... else self.default
        return Parameter(name, kind, default=default, annotation=annotation)


def setting(
    *, default: Any = ..., kw_only: bool = False, shown: Literal["name", "value", "changed", "never"] = "name"
) -> Any:
    """Return the declaration of a setting about which there is more to say than its default.

    Args:
        default: its value where the caller gives none; without it the caller must.
        kw_only: it is given by name only.
        shown: as "name=value" in the text of the layer, as "value" alone, "changed": only where it is not the default,
            or "never".
    """
    return _Setting(default, kw_only, shown)


@dataclass_transform(eq_default=False, field_specifiers=(setting,))
def settings(cls: M) -> M:
    """Give the class the `__init__`, the attributes and the text that go with the settings declared in it.

    >>> @settings
    ... class Scale(Module):
    ...     factor: float
    ...     shift: float = setting(default=0.0, shown="changed")
    ...     def forward(self, input):
    ...         return input * self.factor + self.shift
    >>> Scale(2.0)
    Scale(factor=2.0)
    >>> Scale(2.0, shift=1.0)(3.0)
    7.0
    """
    declared: dict[str, _Setting] = dict(getattr(cls, "_declared", {}))
    for name, annotation in get_annotations(cls).items():
        if not annotation.startswith("ClassVar"):
            given = cls.__dict__.get(name, ...)
            declared[name] = (given if isinstance(given, _Setting) else _Setting(given))._replace(annotation=annotation)
            if name in cls.__dict__:
                delattr(cls, name)
    changed: Any = cls
    changed._declared, changed._held = declared, tuple(name for name, s in declared.items() if s.held)
    changed.__init__ = _initializer(cls, declared)
    if cls.extra_repr is Module.extra_repr:
        changed.extra_repr = _extra_repr
    return cls


class Applied(Module):
    """What layers share whose forward differs in its function only: ``class L1Loss(..., function=functional.l1_loss)``.

    The forward of their common base calls it by `_applied`, or as ``self._function``.
    """

    _function: ClassVar[Callable[..., Tensor]]
    _held: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if function is not None:
            cls._function = staticmethod(function)

    def _applied(self, *tensors: Tensor) -> Tensor:
        """Return the function of `tensors`, with the settings as keywords of the same names."""
        return self._function(*tensors, **{name: getattr(self, name) for name in self._held})


class OfOneTensor(Applied):
    """A layer that is a function of one tensor and of the settings, in their order: ``class ELU(OfOneTensor, ...)``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of `input` that the class is described by: of each element, where that names no axes."""
        return self._function(input, *[getattr(self, name) for name in self._held])


def _initializer(cls: type[Module], declared: dict[str, _Setting]) -> Callable[..., None]:
    defaults = {name: s.default for name, s in declared.items() if s.default is not ...}
    positional = [name for name, s in declared.items() if not s.kw_only]
    temporary = [name for name, s in declared.items() if not s.held]
    completed = hasattr(cls, "_complete")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is the method of that name
        Module.__init__(self)
        values = defaults
        if args or kwargs or len(defaults) < len(declared):
            by_place = dict(zip(positional, args, strict=False))
            values = {**defaults, **by_place, **kwargs}
            if len(args) > len(by_place) or values.keys() != declared.keys() or by_place.keys() & kwargs.keys():
                raise _misfit(__init__, (self, *args), kwargs)
        self.__dict__.update(values)
        if completed:
            self._complete(**{name: self.__dict__.pop(name) for name in temporary})

    own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    given = (s.parameter(name) for name, s in sorted(declared.items(), key=lambda item: item[1].kw_only))
    made: Any = __init__
    made.__signature__ = Signature([own, *given], return_annotation="None")
    made.__module__, made.__qualname__ = cls.__module__, f"{cls.__qualname__}.__init__"
    made.__doc__ = getattr(cls, "_complete").__doc__ if completed else None  # noqa: B009 - which says what is raised
    return __init__


def _misfit(init: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError:
    """Return the error for arguments that are too many, too few or unknown."""
    try:
        signature(init).bind(*args, **kwargs)
    except TypeError as error:
        got = "got " if str(error).startswith(("too many", "multiple")) else ""
        return TypeError(f"{init.__qualname__}() {got}{error}")
    raise AssertionError(f"{init.__qualname__} takes these arguments")


def _extra_repr(self: Any) -> str:
    """Return the settings."""
    words = []
    for name in self._held:
        declared, value = self._declared[name], getattr(self, name)
        if declared.shown != "never" and (declared.shown != "changed" or value != declared.default):
            words.append(repr(value) if declared.shown == "value" else f"{name}={value!r}")
    return ", ".join(words)


def changed(module: Module, defaults: Mapping[str, Any]) -> list[str]:
    """Return "name=value" of the attributes that are not what `defaults` says, in its order."""
    values = {name: getattr(module, name) for name in defaults}
    return [f"{name}={value}" for name, value in values.items() if value != defaults[name]]
