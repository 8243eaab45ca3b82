"""Timings that can be compared: whatever is compared takes turns in one run, and medians with their
spread are kept.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn


class Spread(NamedTuple):
    """Of the repeats of one measurement."""

    median: float
    low: float
    high: float


def spread(samples: Sequence[float]) -> Spread:
    return Spread(statistics.median(samples), min(samples), max(samples))


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of two that took turns: every turn's own ratio, so that what slows both down for a while
    cancels.
    """
    return spread([a / b for a, b in zip(above, below, strict=True)])


def take_turns(measures: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Name → its `repeats` measurements. Every other turn goes backwards, so that nobody has the
    same one before it.
    """
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(repeats):
        for name in list(measures)[:: -1 if turn % 2 else 1]:
            samples[name].append(measures[name]())
    return samples


def rate(call: Callable[[], object], n_steps: int, seconds: float) -> float:
    """Million steps a second over at least `seconds` and one call, which makes `n_steps` and waits
    for their end.
    """
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < seconds:
        call()
        calls += 1
    return calls * n_steps / (time.perf_counter() - start) / 1e6


def use_threads(n: int) -> None:
    """Keep this process and those that it starts on `n` cores, with one JAX CPU device on each and
    one C thread.

    One XLA CPU device leaves part of a second core idle. To be called before JAX first touches a
    device. Programs are compiled anew, whatever cache the user has chosen, for what that takes is
    reported.
    """
    import jax  # here, for a process that only starts others does without

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    os.environ["OMP_NUM_THREADS"] = str(n)
    jax.config.update("jax_num_cpu_devices", n)
    jax.config.update("jax_enable_compilation_cache", False)


def n_cores() -> int:
    return len(os.sched_getaffinity(0))


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line, as those of cardjax's own commands."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help tells more)\n")


def a_number_of_threads(text: str) -> int:
    """For argparse."""
    n = a_count(text)
    if n > n_cores():
        raise argparse.ArgumentTypeError(f"{n} threads on {n_cores()} cores")
    return n


def a_count(text: str) -> int:
    """For argparse: a whole number from 1 up; 65_536 and 2^16 do too."""
    base, _, exponent = text.partition("^")
    try:
        value = int(base) ** int(exponent or 1)
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if not isinstance(value, int) or value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 up")
    return value


def counts(text: str) -> tuple[int, ...]:
    """For argparse: counts with commas between."""
    return tuple(map(a_count, text.split(",")))


def some_of(names: Iterable[str]) -> Callable[[str], list[str]]:
    """For argparse: some of the names, with commas between."""

    def names_in(text: str) -> list[str]:
        wanted = text.split(",")
        if unknown := [name for name in wanted if name not in names]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(names)}")
        return wanted

    return names_in
