"""A device that is not there: tensors that say they live on it, and reckon on the CPU.

They are as particular as those of a GPU: they meet none of the CPU's but single numbers and places
in an index, have no numpy arrays, and are drawn by no generator of the CPU.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_map

ELSEWHERE = torch.device("meta")
"""The only one that autograd knows of without any hardware."""
aten = torch.ops.aten
MOVES = {aten._to_copy.default, aten.copy_.default, aten._local_scalar_dense.default}
PLACES = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default}
"""These let a tensor elsewhere be indexed by one of the CPU."""


class Elsewhere(torch.Tensor):
    """Looks like a tensor on `ELSEWHERE`; `here` is what is in it."""

    is_meta = False

    @staticmethod
    def __new__(cls, here):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            layout=here.layout,
            device=ELSEWHERE,
        )

    def __init__(self, here):
        self.here = here

    def __repr__(self, **_):
        return f"Elsewhere({self.here})"

    def numpy(self, **_):
        raise TypeError("can't convert a tensor elsewhere to numpy; use Tensor.cpu() first")

    __array__ = numpy

    def __format__(self, how):
        return format(self.item() if self.dim() == 0 else repr(self), how)

    def __getitem__(self, place):
        return super().__getitem__(_filled(place))

    def __setitem__(self, place, value):
        super().__setitem__(_filled(place), value)

    def tolist(self):
        return self.cpu().tolist()

    def __deepcopy__(self, memo):
        copy = self.detach().clone()
        if isinstance(self, torch.nn.Parameter):
            return torch.nn.Parameter(copy, self.requires_grad)
        return copy.requires_grad_(self.requires_grad)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        with _Dispatch():
            return func(*args, **(kwargs or {}))


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [it for it in _leaves((*args, *kwargs.values())) if isinstance(it, torch.Tensor)]
        far = [it for it in given if isinstance(it, Elsewhere)]
        device = kwargs.get("device")
        lands = bool(far) if device is None else torch.device(device) == ELSEWHERE
        if far and func not in MOVES:
            _demand_together(func, args, given)
        if lands and kwargs.get("generator") is not None:
            raise RuntimeError(f"{func}: expected a generator of {ELSEWHERE}, found one of the CPU")
        if device is not None:
            kwargs = {**kwargs, "device": torch.device("cpu")}
        if func is aten.copy_.default:
            lands = isinstance(args[0], Elsewhere)
        here = {name: _here(it) for name, it in kwargs.items()} if kwargs else kwargs
        out = func(*map(_here, args), **here)
        if func is aten._to_copy.default and len(far) != lands:
            out = out.clone()  # a move is a copy
        if not lands:
            return out
        wrapped = tree_map(lambda it: Elsewhere(it) if isinstance(it, torch.Tensor) else it, out)
        if not far:
            return wrapped
        return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _filled(place):
    """Of lists of places, which torch would make tensors of there, and not fill them."""
    if isinstance(place, tuple):
        return tuple(map(_filled, place))
    return torch.tensor(place) if isinstance(place, list) else place


def _leaves(values):
    for value in values:
        if isinstance(value, list | tuple):
            yield from _leaves(value)
        else:
            yield value


def _here(value):
    if isinstance(value, list | tuple):
        return [_here(it) for it in value]
    return value.here if isinstance(value, Elsewhere) else value


def _demand_together(func, args, given):
    strangers = [it for it in given if not isinstance(it, Elsewhere) and it.dim()]
    if func in PLACES and isinstance(args[0], Elsewhere):
        places = {id(it) for it in args[1] if it is not None}
        strangers = [it for it in strangers if id(it) not in places]
    if strangers:
        raise RuntimeError(f"{func}: expected all tensors to be on one device, found two")


@contextmanager
def pretended() -> Iterator[torch.device]:
    """There is such a device."""

    def made(make):
        def there(*values, device=None, **how):
            found = make(*values, **how)
            return found if device is None else found.to(device)

        return there

    optimizer = import_module("torch.optim.optimizer")
    fused = optimizer._get_fused_kernels_supported_devices
    with ExitStack() as stack:
        stack.enter_context(
            mock.patch.object(optimizer, fused.__name__, return_value=[*fused(), ELSEWHERE.type])
        )
        for name in ("tensor", "as_tensor"):  # these would not fill what they make there
            stack.enter_context(mock.patch.object(torch, name, made(getattr(torch, name))))
        stack.enter_context(_Dispatch())
        yield ELSEWHERE
