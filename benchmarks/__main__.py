"""`python -m benchmarks`: measure, print, and end with 1 when a goal is missed."""

import argparse
import subprocess
import sys

from benchmarks import calls, intake, wizard

BENCHMARKS = {"calls": calls.run, "intake": intake.run, "wizard": wizard.run}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What Ava costs, beside the least that could do the same."
    )
    parser.add_argument("what", nargs="?", choices=BENCHMARKS, help="one of them (default: all, one after the other)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each turn is (default: 4)")
    chosen = parser.parse_args()
    if chosen.what is None:
        sys.exit(_run_all())
    try:
        sys.exit(0 if BENCHMARKS[chosen.what](chosen.rounds, chosen.seconds) else 1)
    except intake.Wrong as wrong:
        sys.exit(f"WRONG   {wrong}")


def _run_all() -> int:
    """Each in a process of its own: it starts its own PostgreSQL, and Django is set up only once."""
    codes = [subprocess.call([sys.executable, "-m", "benchmarks", name, *sys.argv[1:]]) for name in BENCHMARKS]
    return max(codes)


if __name__ == "__main__":
    main()
