"""Rounds per second of the two-player market under random valid play, beside plain C and other
libraries' environments.

    python benchmarks/env_speed.py [--sizes 8192,2^20] [--block 2048] [--peers none] [--csv FILE]
    [--plot FILE]

All take turns in one run on the same cores; figures are medians, compilation apart. One round is
one step of one game, in which both players act. Ours and C write every observation out. Ours draws
orders from the step's own key, or, where the row says so, as a user would write it: each game
splits its key and calls `sample_action` and `step`. C is timed where gcc is, a peer where it is
installed (gymnax, pgx, jaxmarl); benchmarks/peers.py says what their steps are. C plays the ten
rounds of a game before it turns to the next; with --block, so does everybody else with so many
games at once, which then stay in the cache. Ours and C alone take about three minutes, with all
peers ten. 2^20 games need 1.7 GB, with all peers more.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from peers import CART_POLE, CART_POLE_AS_DOCUMENTED, PEERS, available
from presenting import Line, markdown, plot, write_csv
from rollouts import Game, as_a_user_writes_it, card_market, compiled_rollout
from timing import (
    Parser,
    a_count,
    a_number_of_threads,
    counts,
    n_cores,
    rate,
    ratio,
    spread,
    take_turns,
    use_threads,
)

SIZES = (1, 16, 256, 2048, 8192, 16384, 65536, 262144)
OURS, UNREAD, C = "cardjax", "cardjax, observations unread", "plain C"
AS_WRITTEN = "cardjax, public calls and split keys"
HELD_AGAINST = (C, CART_POLE, CART_POLE_AS_DOCUMENTED)
CART_POLE_SIZES = (8192, 65536)
PUBLIC_SIZE = 16384
"""Games at which the public calls are held against plain C."""


class Contest(NamedTuple):
    """What is measured at every size."""

    games: dict[str, Game]
    limit: Path | None
    repeats: int
    seconds: float
    block: int


def main() -> None:
    arguments = parse_arguments()
    use_threads(arguments.threads)
    peers, missing = available(arguments.peers)
    limit = compile_limit()
    ours = {
        OURS: card_market(),
        UNREAD: card_market(observe=False),
        AS_WRITTEN: as_a_user_writes_it(),
    }
    games = ours | peers
    contest = Contest(games, limit, arguments.repeats, arguments.seconds, arguments.block)
    devices = f"{jax.device_count()} {jax.default_backend()} device(s), jax {jax.__version__}"
    print(
        f"{arguments.threads} core(s), {devices}, medians of {arguments.repeats}, "
        "M rounds/s (others: steps/s)\n"
    )
    absent = [*missing, *([] if limit else [f"{C} (no gcc)"])]
    if absent:
        print(f"not measured: {', '.join(absent)}\n")
    rows = []
    for n_games in arguments.sizes:
        print(f"{n_games:,} games …", file=sys.stderr)
        rows += measure(n_games, contest)
    print(speed_table(rows), ratio_table(rows), *verdicts(rows), sep="\n\n")
    if arguments.csv is not None:
        write_csv(arguments.csv, [{"threads": arguments.threads} | row for row in rows])
    if arguments.plot is not None:
        draw(arguments.plot, rows)


def measure(n_games: int, contest: Contest) -> list[dict[str, Any]]:
    """One row a contender: its speed, the median ratio of ours to it, and what its compilation
    took.
    """
    rollouts = {
        name: compiled_rollout(game, n_games, contest.block) for name, game in contest.games.items()
    }
    measures: dict[str, Callable[[], float]] = {}
    if contest.limit is not None:
        measures[C] = partial(run_limit, contest.limit, n_games, contest.seconds)
    for name, rollout in rollouts.items():
        measures[name] = partial(rate, rollout.call, rollout.n_steps, contest.seconds)
    samples = take_turns(measures, contest.repeats)
    return [
        {"games": n_games, "contender": name}
        | spread(samples[name])._asdict()
        | {"ours_over_it": ratio(samples[OURS], samples[name]).median}
        | {"compile_seconds": rollouts[name].compile_seconds if name in rollouts else None}
        for name in samples
    ]


def speed_table(rows: list[dict[str, Any]]) -> str:
    """Median speeds: contenders down, sizes across."""
    sizes, names = sizes_and_names(rows)
    of = {(row["contender"], row["games"]): f"{row['median']:.2f}" for row in rows}
    return markdown(
        ["games at once", *(f"{n:,}" for n in sizes)],
        [[name, *(of[name, n] for n in sizes)] for name in names],
    )


def ratio_table(rows: list[dict[str, Any]]) -> str:
    """Ours in detail: spread, compilation, and the medians of its ratios to others."""
    sizes, names = sizes_and_names(rows)
    others = [name for name in HELD_AGAINST if name in names]
    of = {(row["contender"], row["games"]): row for row in rows}
    header = ["games", OURS, "least to most", "compile, s", *(f"/ {name}" for name in others)]
    table = []
    for n in sizes:
        ours = of[OURS, n]
        ratios = [f"{of[name, n]['ours_over_it']:.2f}" for name in others]
        table.append(
            [
                f"{n:,}",
                f"{ours['median']:.2f}",
                f"{ours['low']:.2f}–{ours['high']:.2f}",
                f"{ours['compile_seconds']:.1f}",
                *ratios,
            ]
        )
    return markdown(header, table)


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """The claims that the figures are held against, one line each."""
    lines = []
    best = {
        name: max(r["median"] for r in rows if r["contender"] == name)
        for name in sizes_and_names(rows)[1]
    }
    if C in best:
        share = f"{best[OURS]:.2f} / {best[C]:.2f} M rounds/s = {best[OURS] / best[C]:.2f}"
        lines.append(f"best against best: {share} of {C} (target 1.0)")
    at_public_size = {r["contender"]: r["median"] for r in rows if r["games"] == PUBLIC_SIZE}
    if C in at_public_size:
        share = at_public_size[AS_WRITTEN] / at_public_size[C]
        lines.append(f"{PUBLIC_SIZE:,} games: {AS_WRITTEN} {share:.2f} of {C} (target 0.8)")
    for row in rows:
        if row["contender"] in HELD_AGAINST[1:] and row["games"] in CART_POLE_SIZES:
            lines.append(
                f"{row['games']:,} games: {row['ours_over_it']:.2f} of {row['contender']} "
                "(target 1.0)"
            )
    return lines


def sizes_and_names(rows: list[dict[str, Any]]) -> tuple[list[int], list[str]]:
    return list(dict.fromkeys(row["games"] for row in rows)), list(
        dict.fromkeys(row["contender"] for row in rows)
    )


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = {}
    for name in sizes_and_names(rows)[1]:
        own = [row for row in rows if row["contender"] == name]
        lines[name] = Line(
            *([row[column] for row in own] for column in ("games", "median", "low", "high"))
        )
    plot(path, {"random play": lines}, ["games at once"], "M rounds (steps) / s")


def compile_limit() -> Path | None:
    """The compiled C market, or None without gcc."""
    if shutil.which("gcc") is None:
        return None
    binary = Path(tempfile.mkdtemp()) / "limit"
    source = Path(__file__).with_name("limit.c")
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
    subprocess.run(["gcc", *flags, str(source), "-lm", "-o", str(binary)], check=True)
    return binary


def run_limit(binary: Path, n_games: int, seconds: float) -> float:
    """C's million rounds a second, as it prints them; OMP_NUM_THREADS says on how many threads."""
    command = [str(binary), str(n_games), str(seconds)]
    result = subprocess.run(
        command, check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    return float(result.stdout.split()[0])


def parse_arguments() -> argparse.Namespace:
    parser = Parser(
        description="Rounds per second of the market, beside plain C and other libraries."
    )
    parser.add_argument(
        "--sizes",
        type=counts,
        default=SIZES,
        help="games at once, 2^20 will do (default 1 to 2^18)",
    )
    parser.add_argument("--repeats", type=a_count, default=7, help="turns (default 7)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="of each measurement at least (default 0.3)"
    )
    parser.add_argument(
        "--threads", type=a_number_of_threads, default=n_cores(), help="cores used (default all)"
    )
    parser.add_argument("--peers", default="all", help=f"all, none, or some of: {', '.join(PEERS)}")
    parser.add_argument(
        "--block",
        type=a_count,
        default=0,
        metavar="N",
        help="games that a core plays for a while before the next N",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw them, PNG or what the suffix says"
    )
    arguments = parser.parse_args()
    names = {"all": list(PEERS), "none": []}.get(
        arguments.peers, [name.strip() for name in arguments.peers.split(",")]
    )
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"--peers: no {', '.join(unknown)}; there are {', '.join(PEERS)}")
    arguments.peers = names
    return arguments


if __name__ == "__main__":
    main()
