"""The composer that learns."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.core import Support, TaskBatch, task_mse
from reml.inner.observation import Observation
from reml.inner.task_view import Points, TaskView
from reml.policy.cell import TaskCell
from reml.policy.composer import Memory
from reml.policy.encoders import Decoder, OutputReader, SetEncoder


class PolicyComposer(nn.Module):
    """Reads the support set, the choices so far and the partial network; one head a decision.

    Args:
        features: inputs of a task.
        outputs: outputs of a task.
        choices: how many options each decision has.
        width: units of the encoder and of the memory.
        generator: for the initial weights.
        memory: `lstm` carries an LSTM's state from decision to decision; `mlp` is told all
            choices so far instead, and remembers nothing else.
        watch: whether it sees what the partial network predicts on the support set.
        task_view: what it is shown of a task, where that is not its points.
    """

    greedy = True

    def __init__(
        self,
        features: int,
        outputs: int,
        choices: Sequence[int],
        width: int,
        generator: torch.Generator,
        *,
        memory: Literal["lstm", "mlp"] = "lstm",
        watch: bool = True,
        task_view: TaskView | None = None,
    ) -> None:
        super().__init__()
        self.task_view = task_view = task_view or Points(features, outputs)
        self.width = width
        self.watches = watch
        values, asked = task_view.values, task_view.asked
        with torch.random.fork_rng(devices=[]):  # the defaults drawn here are overwritten below
            self.encoder = SetEncoder(values, width)
            self.decoder = Decoder(asked, values - asked, width)
            self.embeddings = nn.ModuleList(nn.Embedding(n, width // 2) for n in (1, *choices[:-1]))
            self.reader = OutputReader(values, task_view.watched, width) if watch else None
            told = 2 * width + width // 2 + (2 * width if watch else 0)
            self.cell: nn.Module
            if memory == "lstm":
                self.cell = TaskCell(told, width)
            else:
                self.cell = nn.Sequential(
                    nn.Linear(told, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.Tanh()
                )
            self.heads = nn.ModuleList(nn.Linear(width, n) for n in choices)
            self.value = nn.Linear(width, 1)
        _initialise(self, generator)

    def lean(self, decision: int, option: int, by: float) -> None:
        """Make an option likelier, so much that the logarithm of its odds rises by `by`."""
        bias = self.heads[decision].bias
        assert isinstance(bias, Tensor)
        with torch.no_grad():
            bias[option] += by + math.log(max(1, len(bias) - 1))

    def standardise(self, support: Support) -> None:
        """Take offset and scale of the values it is shown from these tasks."""
        self.encoder.standardise(self.task_view.elements(support.x, support.y), self.task_view.even)

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]:
        """Scores of the next decision's options.

        `memory` is the encoding of the support set, what the cell makes of that, the standardised
        points and what the cell carries.
        """
        if memory is None:
            each = observation.episodes
            alone = self.encoder(observation.points[::each])
            task = alone.repeat_interleave(each, 0)
            begun = self.cell.begin(alone, each) if isinstance(self.cell, TaskCell) else task
            memory = task, begun, self.encoder.normal(observation.points), None
        task, begun, points, carried = memory
        told = []
        if self.reader is not None:
            outputs = observation.outputs
            if isinstance(self.task_view, Points):
                outputs = self.encoder.normal_outputs(outputs)
            told.append(self.reader(points, outputs))
        last = self.embeddings[observation.decision](observation.previous)
        hidden, carried = self._think(begun, told, last, carried)
        return self.heads[observation.decision](hidden), (task, begun, points, carried)

    def _think(
        self, begun: Any, told: list[Tensor], last: Tensor, carried: Any
    ) -> tuple[Tensor, Any]:
        if isinstance(self.cell, TaskCell):
            carried = self.cell(begun, [*told, last], carried)
            return carried[0], carried
        choices = last if carried is None else carried[1] + last
        hidden = self.cell(torch.cat([begun, *told, choices], 1))
        return hidden, (hidden, choices)

    def baseline(self, memory: Memory) -> Float[Tensor, " tasks"]:
        """The reward expected of the episode, judged from the memory of its first decision."""
        return self.value(memory[3][0]).squeeze(1)

    def reading_loss(
        self, encoding: Float[Tensor, "tasks width"], batch: TaskBatch, queries: int
    ) -> Float[Tensor, ""]:
        """How badly the encoding alone predicts each task's first `queries` query points.

        In classification, what they look like on average: there the encoding is to tell which
        classes a task is about, and other drawings of the same classes are the test. The mean
        squared error in standardised units. The policy gradient is too faint a signal to
        learn from it, early on, what tells one task from another; this one is not.
        """
        points, mask = self.task_view.guessed(batch.query, queries)
        points = self.encoder.normal(points)
        x, y = points[..., : self.task_view.asked], points[..., self.task_view.asked :]
        return task_mse(self.decoder(encoding, x), y, mask).mean()


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Redraw every weight from `generator`, each uniform as PyTorch's defaults would have it."""
    with torch.no_grad():
        for layer in module.modules():
            fan = getattr(layer, "in_features", None) or getattr(layer, "hidden_size", None)
            for parameter in layer.parameters(recurse=False):
                if isinstance(layer, nn.Embedding):
                    parameter.normal_(generator=generator)
                elif fan:
                    parameter.uniform_(-(fan**-0.5), fan**-0.5, generator=generator)
