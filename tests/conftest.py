"""Turn on runtime shape checking, before any package is imported, and one torch thread."""

from jaxtyping import install_import_hook

# The tower lets an int stand for a float, as Python's typing does.
install_import_hook(
    ["reml", "baselines", "benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

import torch  # noqa: E402

torch.set_num_threads(1)
