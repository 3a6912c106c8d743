"""The state of a module as a dictionary, and back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from tensorgrad.base.dtypes import Array
from tensorgrad.base.size import Size
from tensorgrad.engine.tensor import Tensor, as_array, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import TensorgradError

from .callhooks import Hookable
from .parameter import Parameter, is_lazy
from .registry import Registry

_EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found missing and unexpected."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        found = f"_{type(self).__name__}(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"
        return found if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


class Stateful(Registry, Hookable):
    """The part of Module that gives its state and takes one."""

    _may_be_missing: frozenset[str] = frozenset()  # what older states do not hold: it then stays as it is

    def get_extra_state(self) -> Any:
        """Return what `state_dict` holds beside parameters and buffers; subclasses that have something define it.

        Raises:
            RuntimeError: the class defines none, as Module itself does not; `state_dict` does not ask it then.
        """
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called: define it in "
            f"{type(self).__name__} together with set_extra_state"
        )

    def set_extra_state(self, state: Any) -> None:  # noqa: ARG002 - for those that define it
        """Take what `get_extra_state` returned.

        Raises:
            RuntimeError: the class defines none, as Module itself does not.
        """
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called: define it in "
            f"{type(self).__name__} together with get_extra_state"
        )

    def _local_state(self) -> dict[str, Tensor]:
        """Return the parameters and persistent buffers of this module alone."""
        kept = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {name: value for name, value in (*self._parameters.items(), *kept.items()) if value is not None}

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return parameters and persistent buffers by dotted name, on the module's own memory.

        Args:
            destination: the dictionary that is filled and returned; a new one if not given.
            prefix: what every name starts with.
            keep_vars: the tensors themselves, with gradients, instead of tensors without history on their memory.
        """
        state: dict[str, Any] = OrderedDict() if destination is None else destination
        for before in list(self._hooks.state_before.values()) if self._hooks else ():
            before(self, prefix, keep_vars)
        for name, value in self._local_state().items():
            state[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            state[prefix + _EXTRA] = self.get_extra_state()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for after in list(self._hooks.state_after.values()) if self._hooks else ():
            after(self, state, prefix, {})
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of `state_dict`, tensors or arrays, into parameters and buffers; return what did not match.

        Nothing is written if anything does not fit; only hooks registered by `register_load_state_dict_post_hook`,
        which may pardon keys, are called on the module with the values that do.

        Args:
            state_dict: values by dotted name.
            strict: raise an error for keys that are missing or not expected.
            assign: let the tensors of `state_dict` take the place of the module's own, which keep their identity and
                dtype otherwise. An optimiser that was made before then updates tensors that are no longer used.

        Raises:
            RuntimeError: lists missing keys, unexpected keys (both only if `strict`) and wrong shapes.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        loading = _Loading(OrderedDict(state_dict), assign)
        loading.visit(self, "")
        if not loading.after:
            loading.check(self, strict)
        loading.write()
        keys = IncompatibleKeys(loading.missing, loading.unexpected)
        for module, hook in loading.after:
            hook(module, keys)
        loading.check(self, strict)
        return keys


class _Loading:
    """One `load_state_dict`: what is to be written where, and what does not fit."""

    def __init__(self, state: dict[str, Any], assign: bool) -> None:
        self.state = state
        self.assign = assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []
        self.values: list[tuple[Stateful, str, Tensor, Any]] = []
        self.extras: list[tuple[Stateful, Any]] = []
        self.after: list[tuple[Stateful, Any]] = []

    def visit(self, module: Stateful, prefix: str) -> None:
        """Compare the state with `module` and all below it."""
        hooks = module._hooks
        for before in list(hooks.load_before.values()) if hooks else ():
            before(module, self.state, prefix, {}, True, self.missing, self.unexpected, self.errors)
        own: dict[str, Any] = dict(module._local_state())
        for name, tensor in own.items():
            if prefix + name in self.state:
                self._compare(module, name, tensor, prefix + name)
            elif name not in module._may_be_missing:
                self.missing.append(prefix + name)
        if type(module).set_extra_state is not Stateful.set_extra_state:
            own[_EXTRA] = None
            if prefix + _EXTRA in self.state:
                self.extras.append((module, self.state[prefix + _EXTRA]))
            else:
                self.missing.append(prefix + _EXTRA)
        for key in self.state:
            if key.startswith(prefix):
                name, _, rest = key[len(prefix) :].partition(".")
                if name not in (module._modules if rest else own):
                    self.unexpected.append(key)
        for name, child in module._modules.items():
            if child is not None:
                self.visit(child, f"{prefix}{name}.")
        self.after += [(module, hook) for hook in hooks.load_after.values()] if hooks else []

    def _compare(self, module: Stateful, name: str, own: Tensor, key: str) -> None:
        value = self.state[key]
        if is_lazy(own) and is_lazy(value):
            return
        try:
            shape = Size.of(value.shape if isinstance(value, Tensor) else as_array(value).shape)
        except TensorgradError as error:
            self.errors.append(
                f'While copying the parameter named "{key}", expected a Tensor or an array from checkpoint but '
                f"received {type(value)}: {error}"
            )
            return
        if not is_lazy(own) and shape != own.shape:
            self.errors.append(
                f"size mismatch for {key}: copying a param with shape {shape} from checkpoint, the shape in current "
                f"model is {own.shape}."
            )
        else:
            self.values.append((module, name, own, value))

    def check(self, root: Stateful, strict: bool) -> None:
        """Raise RuntimeError with everything that does not fit."""
        problems = list(self.errors)
        for keys, word in ((self.unexpected, "Unexpected"), (self.missing, "Missing")):
            if strict and keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                problems.insert(0, f"{word} key(s) in state_dict: {listed}. ")
        if problems:
            text = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(root).__name__}:\n\t{text}")

    def write(self) -> None:
        """Let the module have the values."""
        for module, name, own, value in self.values:
            if self.assign:
                setattr(module, name, _replacement(own, value))
            else:
                _fill(own, as_array(value))
        for module, extra in self.extras:
            module.set_extra_state(extra)


def _replacement(own: Tensor, value: Any) -> Tensor:
    tensor = value if isinstance(value, Tensor) else wrap(as_array(value))
    if not isinstance(own, Parameter):
        return tensor
    tensor = tensor if isinstance(tensor, Parameter) else Parameter(tensor, own.requires_grad)
    tensor.requires_grad = own.requires_grad
    return tensor


def _fill(own: Any, value: Array) -> None:
    if is_lazy(own):
        own.materialize(value.shape)
    own.array[...] = value
    note(own, "load_state_dict")
