"""Webhook intake under load: Ava beside a bare Django view and a FastAPI peer, in turns, on the same servers."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.load import Order, Outcome
from benchmarks.servers import Contender, Machine, start
from tests.servers.processes import ROOT

CONNECTIONS = 16
WARM_UP_SECONDS = 1.5
MEGABYTE = 1_000_000

LEAST_TO_BARE = 0.75
MOST_P99_TO_BARE = 2.0
LEAST_TO_FASTAPI = 1.0
LEAST_RESERVE = 3.0
MOST_GROWTH_MEGABYTES = 20


class Wrong(Exception):
    """Something was answered or stored otherwise than promised; how fast that was does not matter."""


@dataclass
class Result:
    """What one contender did, round by round."""

    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome, memory_bytes: int) -> None:
        self.rates.append(outcome.rate)
        self.p50s.append(outcome.p50_ms)
        self.p99s.append(outcome.p99_ms)
        self.memory.append(memory_bytes / MEGABYTE)

    @property
    def growth(self) -> float:
        """Megabytes since the end of the first round."""
        return self.memory[-1] - self.memory[0]

    def ratio(self, other: "Result", values: Callable[["Result"], list[float]]) -> float:
        """The median over the rounds, so that what slows the machine for a while slows both sides."""
        return median(mine / theirs for mine, theirs in zip(values(self), values(other), strict=True))


Results = dict[str, Result]


def run(rounds: int, seconds: float) -> bool:
    """Measure, print; whether every goal was met."""
    with start() as machine:
        print(f"{machine.description}; {CONNECTIONS} connections, {rounds} rounds of {seconds:g} s, in turns")
        ceiling = _send(machine.trivial, 1.0).rate
        results = _measure(machine, rounds, seconds)
    _print_table(results)
    _print_memory(results["ava"])
    return _judge(results, ceiling)


def _measure(machine: Machine, rounds: int, seconds: float) -> Results:
    results = {contender.name: Result() for contender in machine.contenders}
    for contender in machine.contenders:
        _send(contender, WARM_UP_SECONDS)
    for number in range(rounds):
        turn = number % len(machine.contenders)
        for contender in machine.contenders[turn:] + machine.contenders[:turn]:  # nobody always follows the same one
            outcome = _send_and_count(machine, contender, seconds)
            results[contender.name].add(outcome, contender.memory)
    return results


def _send_and_count(machine: Machine, contender: Contender, seconds: float) -> Outcome:
    before = machine.count(contender.table)
    outcome = _send(contender, seconds)
    added, expected = machine.count(contender.table) - before, 1 if contender.repeat else outcome.count
    if added != expected:
        raise Wrong(f"{contender.name}: {outcome.count} answers of 2xx, {expected} rows expected, {added} found")
    return outcome


def _send(contender: Contender, seconds: float) -> Outcome:
    """One turn under load, from a process of its own. Raises Wrong unless every single answer is 2xx."""
    order = Order(contender.port, contender.targets, CONNECTIONS, seconds, contender.repeat)
    load = [sys.executable, "-m", "benchmarks.load"]
    given = json.dumps(asdict(order))
    told = subprocess.run(
        load, input=given, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 60, cwd=ROOT
    )
    outcome = Outcome(**json.loads(told.stdout))
    if outcome.broken or not all(status.startswith("2") for status in outcome.statuses):
        raise Wrong(f"{contender.name}: {outcome.statuses}, {outcome.broken} broken\n{contender.process.tail(30)}")
    return outcome


def _print_table(results: Results) -> None:
    print(f"\n{'contender':<14}{'req/s median (min-max)':>28}{'p50 ms':>10}{'p99 ms':>10}{'to bare':>10}")
    for name, result in results.items():
        rate = f"{median(result.rates):,.0f} ({min(result.rates):,.0f}-{max(result.rates):,.0f})"
        ratio = result.ratio(results["bare"], lambda one: one.rates)
        print(f"{name:<14}{rate:>28}{median(result.p50s):>10.1f}{median(result.p99s):>10.1f}{ratio:>10.2f}")


def _print_memory(ava: Result) -> None:
    print(f"\nAva's web processes, MB after each round: {', '.join(f'{megabytes:.0f}' for megabytes in ava.memory)}")


def _judge(results: Results, ceiling: float) -> bool:
    ava, bare, repeats = results["ava"], results["bare"], results["ava, repeats"]
    to_bare = ava.ratio(bare, lambda one: one.rates)
    p99 = ava.ratio(bare, lambda one: one.p99s)
    to_peer = ava.ratio(results["fastapi"], lambda one: one.rates)
    of_first = repeats.ratio(ava, lambda one: one.rates)
    reserve = ceiling / median(bare.rates)
    verdicts = [
        (True, "every answer 2xx, and every 2xx has its row"),
        (to_bare >= LEAST_TO_BARE, f"ava / bare {to_bare:.2f} (goal: at least {LEAST_TO_BARE})"),
        (p99 <= MOST_P99_TO_BARE, f"ava's p99 / bare's {p99:.2f} (goal: at most {MOST_P99_TO_BARE})"),
        (to_peer >= LEAST_TO_FASTAPI, f"ava / fastapi {to_peer:.2f} (goal: at least {LEAST_TO_FASTAPI})"),
        (ava.growth < MOST_GROWTH_MEGABYTES, f"memory {ava.growth:+.0f} MB (goal: under +{MOST_GROWTH_MEGABYTES})"),
        (reserve >= LEAST_RESERVE, f"what the load can do / bare {reserve:.1f} (goal: at least {LEAST_RESERVE})"),
    ]
    print(f"repeats / first deliveries {of_first:.2f}\n")
    for is_met, text in verdicts:
        print(f"{'met   ' if is_met else 'MISSED'}  {text}")
    return all(is_met for is_met, _ in verdicts)
