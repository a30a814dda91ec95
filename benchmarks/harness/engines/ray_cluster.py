"""Connections to clusters of Ray, and what is asked of their machines."""

import logging
import math
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from benchmarks.core.errors import MatrixError, UserError
from benchmarks.core.text import described
from benchmarks.harness.engines.settings import Resources

CLIENT = "ray://"
PATIENCE_SECONDS = 10.0


def demand_room(
    options: Mapping[str, Any], nodes: Sequence[Mapping[str, float]], where: str
) -> None:
    """See that a machine has what a trial asks for; Ray would wait for ever.

    Raises:
        UserError: none has.
    """
    if not any(has_room(options, it) for it in nodes):
        asked = _asked(options)
        words = ", ".join(f"{key} {n:g}" for key, n in asked.items() if n)
        there = {key: max((it.get(key, 0) for it in nodes), default=0) for key in asked}
        most = ", ".join(f"{key} {n:g}" for key, n in there.items())
        raise UserError(
            f"{where or '[engine]'}: no machine of Ray has what a trial asks for ({words}); the "
            f"most that one has is {most}"
        )


def has_room(options: Mapping[str, Any], node: Mapping[str, float]) -> bool:
    """Whether a machine has what a trial asks for."""
    return all(node.get(key, 0) >= n for key, n in _asked(options).items())


def _asked(options: Mapping[str, Any]) -> dict[str, float]:
    memory = {key: options[key] for key in ("memory",) if key in options}
    return {
        "CPU": options["num_cpus"],
        "GPU": options["num_gpus"],
        **options["resources"],
        **memory,
    }


def options_of(resources: Resources) -> dict[str, Any]:
    options: dict[str, Any] = {
        "num_cpus": resources.processors,
        "num_gpus": resources.gpus,
        "resources": _counts(resources),
    }
    memory = resources.memory
    if isinstance(memory, float) and math.isfinite(memory):
        options["memory"] = memory
    return options


def connect(address: str) -> Any:
    """The module `ray`, connected to a cluster; see `RayEngine`.

    Raises:
        UserError: there is none.
    """
    _demand_answer(address)
    import ray
    import ray.util.scheduling_strategies

    if ray.is_initialized():
        ray.shutdown()
    _show_token()
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            ray.init(address=_direct(address), **how)
        else:
            _init_here(ray, how)
    except Exception as error:  # whatever it makes of a machine that does not answer
        hint = (
            "; one that asks for a token has to find it in RAY_AUTH_TOKEN here" if address else ""
        )
        raise UserError(
            f"--engine ray: no cluster can be reached at {address or 'this machine'} "
            f"({described(error)}){hint}"
        ) from None
    return ray


def _demand_answer(address: str) -> None:
    """See that somebody listens at a host and port; Ray would try for a minute, and chat about it.

    Raises:
        UserError: nobody does.
    """
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"--engine ray: no cluster can be reached at {address} ({described(error)})"
        ) from None


def _show_token() -> None:
    """Show clusters the token that this machine has for them, if any, as `ray start` does.

    Ray makes one where it starts a cluster of one machine, and each cluster that is started there
    later asks for it, but nobody who connects to that shows it unasked.
    """
    with suppress(Exception):  # a former Ray has no tokens
        setup: Any = import_module("ray._private.authentication.authentication_token_setup")
        logging.getLogger(setup.__name__).setLevel(logging.ERROR)
        setup.maybe_enable_token_auth_if_token_available(False)


def _init_here(ray: Any, how: Mapping[str, Any]) -> None:
    try:
        ray.init(address="auto", **how)
    except ConnectionError:
        print("reml: no Ray runs here; one of this machine alone is started", file=sys.stderr)
        ray.init(include_dashboard=False, **how)


def _direct(address: str) -> str:
    """The address of a cluster this machine is part of; else that of its client server."""
    bare = address.removeprefix(CLIENT)
    with suppress(Exception):
        services: Any = import_module("ray._private.services")
        if bare in services.find_gcs_addresses():
            return bare
    return address if _has_client() else bare


def _has_client() -> bool:
    try:
        import grpc  # noqa: F401
    except ImportError:
        return False
    return True


def _counts(resources: Resources) -> dict[str, float]:
    """Resources of Ray's own.

    Raises:
        MatrixError: one is no number.
    """
    for key, value in resources.extra.items():
        if isinstance(value, str | bool) or value < 0:
            raise MatrixError(
                f"[engine]: key 'extra.{key}': expected a number where the engine is ray, "
                f"got {value!r}"
            )
    return {key: float(value) for key, value in resources.extra.items()}
