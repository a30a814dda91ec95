"""Pictures of a few test tasks, with what was predicted: enough to look at, and no more."""

import io
from collections.abc import Sequence

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.core import TaskBatch
from benchmarks.harness.evaluation.confusion import CLASS
from benchmarks.harness.evaluation.frames import Columns

EPISODES = 3
QUERIES = 7
LARGEST = 48
"""Pictures are kept with at most that many pixels in height and width."""
PAPER = 0.25
NOT_PREDICTED = -1


def add_episodes(
    table: Columns,
    prediction: Float[Tensor, "tasks points ways"],
    batch: TaskBatch,
    image: tuple[int, int, int],
    names: Sequence[str] | None,
    shots: int,
    steps: int,
) -> None:
    """Of the first tasks, one support picture of each class and the first query pictures.

    `label` and `predicted` number the classes of the task, `name` is the true one's; pictures are
    PNG files. Where many pixels are exactly 0 that is paper, which is kept white. The same picture
    gives the same bytes, so that trials that share their tasks share their pictures.
    """
    on_paper = float((batch.support.x == 0).float().mean()) > PAPER
    for task in range(min(EPISODES, len(batch))):
        support, query = batch.support.y[task].argmax(1), batch.query.y[task].argmax(1)
        firsts = [int((support == way).nonzero()[0]) for way in support.unique()]
        shown = batch.query.mask[task].nonzero().flatten()[:QUERIES].tolist()
        guesses = prediction[task].argmax(1)
        named = names_in(batch, task, names)
        for kind, x, points, labels, predicted in (
            ("support", batch.support.x[task], firsts, support, None),
            ("query", batch.query.x[task], shown, query, guesses),
        ):
            table.add(
                shots=shots,
                steps=steps,
                task=task,
                kind=kind,
                point=points,
                label=labels[points],
                predicted=NOT_PREDICTED if predicted is None else predicted[points],
                name=[named[int(i)] for i in labels[points]],
                picture=[_png(1 - x[i] if on_paper else x[i], image) for i in points],
            )


def names_in(batch: TaskBatch, task: int, names: Sequence[str] | None) -> list[str]:
    """What each number stands for in a task; empty where nobody says."""
    ids = batch.support.privileged.get(CLASS)
    if names is None or ids is None:
        return [""] * batch.support.y.shape[2]
    return [names[int(i)] for i in ids[task]]


def _png(x: Float[Tensor, " features"], image: tuple[int, int, int]) -> bytes:
    """A picture of at most `LARGEST` pixels either way, in grey unless it has three channels."""
    channels, height, width = image
    pixels = x.detach().cpu().reshape(1, channels, height, width)
    larger = max(height, width)
    if larger > LARGEST:
        size = [max(1, round(side * LARGEST / larger)) for side in (height, width)]
        pixels = interpolate(pixels, size=size, mode="area")
    shades = (pixels[0].clamp(0, 1) * 255).round().to(torch.uint8)
    array = (shades if channels == 3 else shades[:1]).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array if channels == 3 else array[:, :, 0]).save(file, "PNG")
    return file.getvalue()
