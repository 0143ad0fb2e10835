"""`python -m benchmarks`: measure, print, and end with 1 when a goal is missed."""

import argparse
import sys

from benchmarks import intake


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=intake.__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each turn is (default: 4)")
    chosen = parser.parse_args()
    try:
        all_met = intake.run(chosen.rounds, chosen.seconds)
    except intake.Wrong as wrong:
        sys.exit(f"WRONG   {wrong}")
    sys.exit(0 if all_met else 1)


if __name__ == "__main__":
    main()
