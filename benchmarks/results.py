"""The reference table: every policy and every learner on every preset whose maker is no player,
written to benchmarks/RESULTS.md.

    python benchmarks/results.py [--train [PRESET ...]] [--games 65_536] [--seeds 6]

All figures are of the published test draws (docs/evaluation.md#the-protocol). Scripted policies
are played at once. Learners come from runs/results-*, trained with --train where they are missing,
six seeds each, with quick-start budgets: 1 M rounds for DQN, 2 M for IPPO and MAPPO. A learner that
has no run is left out of the table, and the table says so. What was trained or measured before an
interruption is kept: runs are resumed, and figures are read back (those of scripted policies for as
long as the commit is the same).
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from published import GAMES, finished, published, train
from timing import Parser

import cardjax
from cardjax.config import dump_config, load_config, preset_params, presets_by_name
from cardjax.config.presets import preset_rules
from cardjax.env.maker import ORACLE
from cardjax.evaluation.evaluate import SELF, TEST, Player, evaluate_grid
from cardjax.evaluation.protocol import PUBLISHED_SEED
from cardjax.files.writing import write_json, write_text
from cardjax.policies.registry import make_policy
from cardjax.run.learners import find_algorithm
from cardjax.run.run_folder import describe_machine
from cardjax.runtime.compilation import keep_compiled_programs

ROOT = Path(__file__).resolve().parent.parent
SCRIPTED = {
    "single": (
        "random_valid",
        "ev_oracle:max",
        "ev_oracle:kelly:0.5",
        "ev_oracle:kelly:0.25",
        "ev_oracle:fixed",
        "best_response",
    ),
    "two": (
        "random_valid",
        "ev_oracle:max",
        "ev_oracle:kelly:0.5",
        "ev_oracle:kelly:0.25",
        "ev_oracle:fixed",
        "level1",
        "level1:displayed",
        "best_response",
        "equilibrium",
    ),
}
FOR_HIDDEN_EVENTS = {"single": ("forgetful", "clairvoyant"), "two": ()}
"""Whom only games with hidden events are for. With other players both assume that these pass."""
FOR_INVENTORY = ("planner", "myopic")
"""Whom only games with inventory are for."""
COLUMNS = {
    "score": ("score", 1, 3),
    "score_of_best_equilibrium": ("score / best equilibrium", 1, 3),
    "mean_expected_pnl": ("expected P&L", 1, 3),
    "mean_payoff": ("less charge", 1, 3),
    "mean_pnl": ("P&L", 1, 2),
    "exploitability_share": ("exploitability", 100, 1),
    "joint_surplus": ("joint surplus", 1, 3),
    "sharpe": ("Sharpe", 1, 3),
    "max_drawdown_p95": ("drawdown, 95th percentile", 1, 1),
    "ruin_probability": ("ruin", 100, 2),
    "trade_rate": ("trades", 100, 1),
    "turnover": ("turnover", 1, 1),
    "std_inventory": ("inventory, deviation", 1, 2),
    "end_inventory": ("inventory at the end", 1, 2),
}
"""metric → heading, factor, digits; a factor of 100 is shown in percent. A table leaves out what
none of its rows has.
"""
OF_SEVERAL = ("score_of_best_equilibrium", "joint_surplus")
"""Columns that a single player's tables do not have."""


class Learner(NamedTuple):
    """How a learner is trained for the table."""

    algorithm: str
    kind: str
    config: str
    overrides: tuple[str, ...]


SMALL = ("ppo.hidden=[64,64]", "train.remap=null", "train.total_steps=2_000_000")
LEARNERS = (
    Learner("dqn", "single", "dqn", ("train.total_steps=1_000_000",)),
    Learner("ippo", "two", "ippo", SMALL),
    Learner("mappo", "two", "mappo", SMALL),
)


def main() -> None:
    arguments = parse_arguments()
    keep_compiled_programs()
    runs = {
        (learner.algorithm, preset): run_of(learner, preset, arguments)
        for preset in presets()
        for learner in LEARNERS
    }
    entries = {kind: scripted_entries(kind, arguments.games) for kind in SCRIPTED}
    page = [introduction(arguments, runs)]
    for preset in presets():
        for kind, label in (("single", "single"), ("two", "two players")):
            rows = [(name, "games", entry) for name, entry in entries[kind][preset].items()]
            learned = [
                runs[learner.algorithm, preset] for learner in LEARNERS if learner.kind == kind
            ]
            rows += [learned_row(run, arguments.games) for run in learned if run is not None]
            above = f"{equilibrium_range(rows)}{no_score(rows)}"
            page.append(f"## {preset}, {label}\n\n{above}{table(rows, kind)}")
    write_text(ROOT / "benchmarks" / "RESULTS.md", "\n".join(page))


def scripted_entries(kind: str, n_games: int) -> dict[str, dict[str, dict[str, Any]]]:
    """By preset and policy the JSON entry of self-play; presets whose games have the same rules are
    played by one program per policy.
    """
    entries: dict[str, dict[str, dict[str, Any]]] = {preset: {} for preset in presets()}
    kept = ROOT / "runs" / "results-scripted" / str(describe_machine()["git_commit"])
    kept.mkdir(parents=True, exist_ok=True)
    for group in presets_by_rules():
        market, _ = cardjax.make(kind, preset=group[0])
        grid = jax.tree.map(
            lambda *leaves: np.stack(leaves), *(preset_params(preset) for preset in group)
        )
        informed = FOR_HIDDEN_EVENTS[kind] if market.hides_event else ()
        for name in SCRIPTED[kind] + informed + (FOR_INVENTORY if market.inventory else ()):
            file = kept / f"{kind}-{group[0]}-{name.replace(':', '-')}-{n_games}.json"
            if not file.is_file():
                policy = make_policy(name)
                player, seed = Player(policy, [None]), PUBLISHED_SEED
                points = evaluate_grid(market, grid, player, {SELF: policy}, n_games, seed, TEST)
                write_json(file, [result.as_json() for (result,) in points])
                print(f"{kind}, {', '.join(group)}: {name}", flush=True)
            for preset, entry in zip(group, json.loads(file.read_text()), strict=True):
                entries[preset][name] = entry
    return entries


def presets() -> list[str]:
    """The presets of the table. Where the maker is a player, games have other yardsticks, which
    docs/evaluation.md shows.
    """
    return [
        name for name in presets_by_name() if preset_rules(name).get("env.maker", ORACLE) == ORACLE
    ]


def presets_by_rules() -> list[list[str]]:
    """The presets, those whose static choices are the same together."""
    groups: dict[str, list[str]] = {}
    for preset in presets():
        groups.setdefault(str(preset_rules(preset)), []).append(preset)
    return list(groups.values())


def run_of(learner: Learner, preset: str, arguments: argparse.Namespace) -> Path | None:
    """The learner's run on a preset; trained now if it is missing and --train is given; None if
    there is none.
    """
    folder = Path("runs") / f"results-{learner.algorithm}-{preset}-x{arguments.seeds}"
    if arguments.train is not None and preset in (arguments.train or presets()):
        own = (f"env.preset={preset}", f"train.n_seeds={arguments.seeds}")
        overrides = (*learner.overrides, *own, *further(learner, preset))
        train(learner.algorithm, learner.config, folder, overrides)
    return folder if finished(folder) else None


def further(learner: Learner, preset: str) -> tuple[str, ...]:
    """What a learner needs on a preset beside its quick-start configuration: what is held now is
    charged for in later rounds, so with inventory these count.
    """
    carries = preset_rules(preset).get("env.inventory", False)
    return (f"{find_algorithm(learner.algorithm).section}.gamma=1",) if carries else ()


def learned_row(folder: Path, n_games: int) -> tuple[str, str, dict[str, Any]]:
    """(name, unit of the intervals, entry) of a finished run's self-play."""
    summary = json.loads((folder / "summary.json").read_text())
    own = next(entry for entry in published(folder, n_games) if entry["opponent"] == SELF)
    name = f"{summary['algorithm'].upper()}, {summary['total_steps'] / 1e6:.2g} M rounds"
    commit = json.loads((folder / "meta.json").read_text())["git_commit"]
    return (
        f"{name} (config {config_hash(folder)}, {str(commit)[:8]})",
        f"{len(summary['seeds'])} seeds",
        own,
    )


def equilibrium_range(rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    """What the pure equilibria of the market's rounds pay, as a line above its table."""
    ends = rows[0][2].get("equilibrium_range")
    if ends is None:
        return ""
    worst, best = (f"{end:.3f}" for end in ends)
    paid = worst if worst == best else f"{worst} to {best}"
    return f"The rounds' pure equilibria pay {paid} of the symmetric one.\n\n"


def no_score(rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    """Why a table has no score, as a line above it."""
    why = rows[0][2].get("no_score")
    return f"No score: {why}.\n\n" if why else ""


def config_hash(folder: Path) -> str:
    """Eight digits of the SHA-256 of a run's configuration, its name left out."""
    config = load_config(folder / "config.yaml", ["name="])
    return hashlib.sha256(dump_config(config).encode()).hexdigest()[:8]


def introduction(arguments: argparse.Namespace, runs: dict[tuple[str, str], Path | None]) -> str:
    """What the page is, what its figures depend on, and what is missing."""
    machine = describe_machine()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    seeds = f"{arguments.seeds} training seeds" if any(runs.values()) else "training seeds"
    missing = [
        f"{algorithm} on {preset}" for (algorithm, preset), folder in runs.items() if folder is None
    ]
    left_out = (
        f"\nNot trained yet, so not in the tables: {', '.join(missing)}.\n" if missing else ""
    )
    command = f"--train --games {arguments.games} --seeds {arguments.seeds}"
    commit, device = str(machine["git_commit"])[:8], machine["device"]
    return f"""# Reference results

Written by `python benchmarks/results.py {command}`.

Self-play (DQN greedily, IPPO and MAPPO sampled) on test draws of seed {PUBLISHED_SEED}, which
nothing was tuned on ([the protocol](../docs/evaluation.md#the-protocol)), {arguments.games:,} games
per policy and training seed. ± is a 95% interval over games for scripted policies, over {seeds}
for learners, which have the quick-start budgets and no tuning for any preset but the default
(with inventory, gamma is 1). P&L is in points per game and player. Score and exploitability are
shares of the expected P&L of the exact symmetric equilibrium (alone: of the optimum), score / best
equilibrium of what the best pure equilibrium of every round pays, and joint surplus of the players'
joint optimum. With inventory, the score is of expected P&L less the charge for risk, against the
planner's, and turnover and inventory are in units. The preset `maker`, whose games have two roles,
has [figures of its own](../docs/evaluation.md#the-maker-as-a-player).
[docs/reference.md](../docs/reference.md) defines all metrics.

A learner's row names its configuration's hash and the commit that trained it. Written at commit
{commit}; {versions}; {device["kind"]} ({device["platform"]}).
{left_out}"""


def table(rows: list[tuple[str, str, dict[str, Any]]], kind: str) -> str:
    """Markdown, one row per policy."""
    known = {metric for _, _, entry in rows for metric in entry}
    of_kind = [metric for metric in COLUMNS if kind != "single" or metric not in OF_SEVERAL]
    shown = [metric for metric in of_kind if metric in known]
    lines = [
        "| policy | " + " | ".join(COLUMNS[metric][0] for metric in shown) + " | ± over |",
        "|---|" + "---:|" * len(shown) + "---|",
    ]
    lines += [
        f"| {name} | " + " | ".join(cell(entry, metric) for metric in shown) + f" | {unit} |"
        for name, unit, entry in rows
    ]
    return "\n".join(lines) + "\n"


def cell(entry: dict[str, Any], metric: str) -> str:
    """A figure, ± half its interval."""
    _, factor, digits = COLUMNS[metric]
    value, (low, high) = entry.get(metric), entry.get(f"{metric}_ci95", (None, None))
    if value is None or not np.isfinite(value):
        return "–"
    percent = "%" if factor == 100 else ""
    spread = "" if low is None or high is None else f" ± {(high - low) / 2 * factor:.{digits}f}"
    return f"{value * factor:.{digits}f}{spread}{percent}"


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--train",
        nargs="*",
        choices=presets(),
        metavar="PRESET",
        help="train the learners that have no run yet, on these presets or on all",
    )
    parser.add_argument(
        "--games", type=int, default=GAMES, help=f"per policy and training seed (default {GAMES:,})"
    )
    parser.add_argument("--seeds", type=int, default=6, help="of each learner (default 6)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
