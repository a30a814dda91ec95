"""MAML (Finn, Abbeel & Levine, 2017), by learn2learn, on all tasks of a meta-batch at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from baselines._learn2learn import task_batched_maml
from baselines._meta_gradient import MetaGradientLearner


@dataclass
class MAML(MetaGradientLearner):
    """Learns an initialisation from which a few gradient steps go far.

    The defaults are the suite's common training recipe and network. Those of Finn et al. (2017,
    section 5.1) are in the bundled matrix `maml-paper`; on pictures (section 5.2, `omniglot-paper`)
    they have `network = "cnn4"` or `hidden = (256, 128, 64, 64)`, either with
    `batch_norm = "transductive"`.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of the adaptation steps, in training and at test.
        network: `mlp` or `cnn4` (for pictures: four blocks of 3×3 convolutions).
        filters: of each convolution of a `cnn4`.
        pooling: a `cnn4` gets smaller by the `stride` of its convolutions or by `max`-pooling.
        batch_norm: whether hidden layers are normalised, and by whose statistics when query points
            are predicted; see `GradientLearner`.
        meta_lr: Adam's learning rate for the initialisation.
        decay: how `meta_lr` falls over the budget: not (`none`), or by a `cosine`, down to 0.
        meta_batch: tasks in each update of the initialisation.
        train_steps: adaptation steps that training looks through.
        train_shots: support points of a training task, or fewest and most; None is as in the
            test (fewer where the family has fewer).
        train_queries: query points of a training task.
        max_norm: cap on the norm of the gradient of an update of the initialisation; 0 is none.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step; 0 is none.
        first_order: drop the second derivatives (FOMAML, section 5.2 of the paper).
    """

    name: ClassVar[str] = "maml"
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 12}

    def _batched(self, tasks: int) -> Any:
        return task_batched_maml(self.network_, tasks, self.inner_lr, self.first_order)
