"""Turn on runtime shape checking, before any package is imported, and one torch thread."""

import random
import signal
from unittest import mock

from jaxtyping import install_import_hook

# beartype picks which items of a container it checks by random.getrandbits. Given a stream of its
# own, it does not make every checked function look as if it drew from Python's.
with mock.patch.object(random, "getrandbits", random.Random(0).getrandbits):
    import beartype  # noqa: F401

# The tower lets an int stand for a float, as Python's typing does.
install_import_hook(
    ["reml", "baselines", "benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

import torch  # noqa: E402

torch.set_num_threads(1)

# Started in the background, a shell lets it be ignored; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)
