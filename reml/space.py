"""Where REML's settings are searched, by `reml tune`; its field `search` has the usual name."""

from typing import Any

from benchmarks.core.search import LogUniform, OneOf, Space, Uniform, Whole

ALWAYS: Space = {
    "lr": LogUniform(1e-3, 1e-2),
    "batch_tasks": Whole(16, 64, log=True),
    "width": OneOf((24, 40, 64)),
    "pool": OneOf(((2, 4, 2), (4, 10, 4), (7, 21, 7))),
}
SOLVING: Space = {
    "activations": OneOf((("tanh",), ("silu",), ("relu", "tanh", "silu"))),
    "loss": OneOf(("auto", "joint", "conditional", "predictive", "nmse", "log_nmse")),
}
COMPETING: Space = {"episodes": OneOf((2, 4, 8)), "winner": Uniform(0.0, 6.0)}
"""Of those that compose anew for every episode."""
STEPPING: Space = {
    "activations": OneOf((("relu",), ("tanh",), ("relu", "tanh", "silu"))),
    "loss": OneOf(("nmse", "log_nmse")),
    "inner_lr": LogUniform(1e-3, 0.1),
    "train_steps": Whole(1, 5),
    "unadapted_weight": Uniform(0.0, 0.8),
    "warm": Uniform(0.0, 0.8),
}
THESIS: Space = {
    "lr": LogUniform(1e-4, 1e-2),
    "clip": Uniform(0.1, 0.3),
    "entropy": LogUniform(1e-3, 0.1),
    "epochs": Whole(1, 4),
    "inner_lr": LogUniform(1e-3, 0.05),
}
"""What the thesis tuned, and its inner rate."""


def space_of(settings: Any) -> Space:
    """What makes a difference for who composes (`composer`) and how networks adapt."""
    adaptation = settings.adaptation
    if "gradient" in ((adaptation,) if isinstance(adaptation, str) else adaptation):
        return {**ALWAYS, **STEPPING}
    return {**ALWAYS, **SOLVING, **({} if settings.composer == "fixed" else COMPETING)}
