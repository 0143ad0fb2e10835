"""`python -m benchmarks`: measure, print, and end with 1 when a goal is missed."""

import argparse
import sys

from benchmarks import intake, wizard

BENCHMARKS = {"intake": intake.run, "wizard": wizard.run}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What Ava costs, beside the least that could do."
    )
    parser.add_argument("what", nargs="*", choices=BENCHMARKS, default=list(BENCHMARKS), help="default: all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each turn is (default: 4)")
    chosen = parser.parse_args()
    try:
        verdicts = [BENCHMARKS[name](chosen.rounds, chosen.seconds) for name in chosen.what]
    except intake.Wrong as wrong:
        sys.exit(f"WRONG   {wrong}")
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
