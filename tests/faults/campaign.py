"""Faults while trials run and to what they have left; afterwards the same command makes it good.

Each fault hits a folder as the last one has left it. Then the command is given again and left
alone: it has to come to its end, table.csv to be that of a run that nothing ever disturbed, and no
process and no temporary file to be left. Runs are forked from a process that has imported
everything, so that hundreds of faults take minutes; and it adopts whatever they orphan.

    python tests/faults/campaign.py --faults 312 --seed 1 --at-once 8 --table faults.md
"""

import argparse
import multiprocessing
import random
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from disk import Broken
from faults import DISK, FAULTS
from patient import left_alone, no_orphans, ward

OUTCOMES = ("ended well", "failed rows", "said why and ended", "died", "too late")


def outcome_of(code: int, hit: bool) -> str:
    if not hit:
        return "too late"
    return {0: "ended well", 1: "failed rows"}.get(code, "died" if code < 0 else OUTCOMES[2])


def run_campaign(kinds: Sequence[str], seed: int) -> Counter[tuple[str, str]]:
    """All faults, one after the other."""
    counts = Counter[tuple[str, str]]()
    with ward(seed) as patient:
        for number, kind in enumerate(kinds, 1):
            fault = FAULTS[kind]
            if fault in DISK and not patient.disk.own:
                counts[kind, "skipped"] += 1
                continue
            patient.log.write_text("")
            patient.hit = True
            try:
                code = fault(patient)
                left_alone(patient)
                no_orphans(patient)
            except Broken as error:
                sentence = f"fault {number} of seed {seed}, {kind}: {error}"
                print(sentence, flush=True)
                raise Broken(sentence) from None
            counts[kind, outcome_of(code, patient.hit)] += 1
            print(f"{seed}: {number:4}  {kind}: {outcome_of(code, patient.hit)}", flush=True)
    return counts


def run_campaigns(faults: int, only: str, seed: int, at_once: int = 1) -> Counter[tuple[str, str]]:
    """So many faults in all, in several campaigns at once, each with a folder of its own."""
    counts = Counter[tuple[str, str]]()
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("fork")) as pool:
        each = -(-faults // at_once)
        runs = [
            pool.submit(run_campaign, planned(each, only, it), it)
            for it in range(seed, seed + at_once)
        ]
        for run in runs:
            counts += run.result()
    return counts


def told(counts: Counter[tuple[str, str]]) -> str:
    """The counts as a table in Markdown."""
    columns = [it for it in (*OUTCOMES, "skipped") if any(of == it for _, of in counts)]
    lines = [f"| fault | number | {' | '.join(columns)} |", f"|---|---:|{'---:|' * len(columns)}"]
    rows = {kind: [counts[kind, it] for it in columns] for kind in FAULTS}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    for kind, numbers in rows.items():
        if sum(numbers):
            cells = " | ".join(str(it or "") for it in (sum(numbers), *numbers))
            lines.append(f"| {kind} | {cells} |")
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300, help="how many, of all kinds in turn")
    parser.add_argument("--only", default="", help="kinds with this in their names: a|b")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="campaigns, with seeds that follow")
    parser.add_argument("--table", type=Path, help="where the counts go")
    return parser.parse_args()


def planned(faults: int, only: str, seed: int) -> list[str]:
    """So many faults: as many of each kind as of the others, in a random order."""
    kinds = [it for it in FAULTS if any(part in it for part in only.split("|"))]
    order = random.Random(seed)
    rounds = [order.sample(kinds, len(kinds)) for _ in range(-(-faults // len(kinds)))]
    return [kind for part in rounds for kind in part][:faults]


if __name__ == "__main__":
    given = arguments()
    try:
        found = run_campaigns(given.faults, given.only, given.seed, given.at_once)
    except Broken as error:
        sys.exit(f"{error}")
    if given.table is not None:
        given.table.write_text(told(found))
    print(told(found), end="")
