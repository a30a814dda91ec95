"""A short campaign: whatever befalls a run, the same command makes it good (`make faults`)."""

import os
import subprocess
import sys
from pathlib import Path

CAMPAIGN = Path(__file__).with_name("campaign.py")
KINDS = "the run killed (-9)|a keeper killed|disk full|removed|on a published folder|stopped"


def test_the_same_command_makes_it_good() -> None:
    """In a process of its own: it adopts and ends what runs leave."""
    number = str(KINDS.count("|") + 1)
    command = [sys.executable, str(CAMPAIGN), "--only", KINDS, "--faults", number]
    # a run in this process has kept its workers from finding what lies beside a script
    found = {name: it for name, it in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=found)
    assert done.returncode == 0, done.stderr
    assert f"| all | {number} |" in done.stdout
