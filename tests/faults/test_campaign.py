"""A short campaign: whatever befalls a run, the same command makes it good (`make faults`)."""

from pathlib import Path

from warm import Command

CAMPAIGN = Path(__file__).with_name("campaign.py")
KINDS = "the run killed (-9)|a keeper killed|disk full|removed|on a published folder|stopped"
PATIENCE = 600.0


def test_the_same_command_makes_it_good(tmp_path: Path) -> None:
    """In a process of its own: it adopts and ends what runs leave."""
    number = str(KINDS.count("|") + 1)
    arguments = ["--only", KINDS, "--faults", number]
    with Command(arguments, tmp_path, [str(CAMPAIGN.parent)], CAMPAIGN) as campaign:
        code = campaign.wait(PATIENCE)
        said, complained = campaign.said, campaign.complained
    assert code == 0, complained
    assert f"| all | {number} |" in said
