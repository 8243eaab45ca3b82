"""The claims about learning: trainings by group, each over several seeds, and the table that they
come to.

    python benchmarks/learners.py GROUP … [--seeds 6]

The groups are final, budgets, memory, hidden_events, persistence, inventory, inventory_parts,
commons, pnl, ruin and population.

Each training is a run of its own under runs/. A run that is there already is not trained again, one
that was interrupted is resumed, and each is measured once on the published test draws
(docs/evaluation.md#the-protocol; published.json in its folder). The group `final` also prints
what its IPPO earns against others, and `budgets` writes the learning curves, score against rounds
and against seconds, as CSV and as a plot (docs/images/learning_curve.*). `persistence` draws what
a memory is worth (docs/images/worth_of_learned_memory.*).
"""

import argparse
import csv
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

from published import published, train
from timing import Parser

from cardjax.evaluation.evaluate import SELF
from cardjax.reports.page import headline_table

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
IMAGE = IMAGES / "learning_curve"
COLOURS = {"dqn": "#009E73", "pqn": "#CC79A7", "ippo": "#0072B2", "mappo": "#D55E00"}


LOG_WEALTH = (
    "env.reward=log_wealth",
    "ppo.constrain_ruin=off",
    "ppo.entropy=0.1",
    "ppo.entropy_end=0.0003",
)
"""Rewards of a fortieth of a point: whatever is in points goes down with them."""


class Training(NamedTuple):
    """One row of a table."""

    label: str
    algorithm: str
    overrides: tuple[str, ...] = ()
    config: str | None = None
    """under configs/, by default the algorithm's."""


SMALL = ("ppo.hidden=[64,64]", "train.remap=null")
"""What does best on short budgets, where the shipped networks are not yet worth their time."""


def budget(algorithm: str, rounds: int) -> Training:
    small = SMALL if algorithm in ("ippo", "mappo") else ()
    return Training(
        f"{algorithm}, {rounds / 1e6:g} M", algorithm, (*small, f"train.total_steps={rounds}")
    )


def raw(algorithm: str, rounds: int, *overrides: str) -> Training:
    label, _, own, _ = budget(algorithm, rounds)
    told = ", critic sees S" if any("critic_sees_truth" in text for text in overrides) else ""
    return Training(f"{label}, reward pnl{told}", algorithm, (*own, "env.reward=pnl", *overrides))


def commons(label: str, algorithm: str, *overrides: str) -> Training:
    return Training(
        label, algorithm, (*SMALL, "env.preset=commons", "train.total_steps=2_000_000", *overrides)
    )


def hidden(algorithm: str, kind: str, memory: str, rounds: int, *overrides: str) -> Training:
    """Of hidden events: memory is none, gru, lstm, or belief, which is told the exact posterior."""
    told = "belief" if memory == "belief" else "hidden"
    section = "dqn" if algorithm == "dqn" else "ppo"
    market = ("env.preset=hidden_events", f"env.kind={kind}", f"env.event_info={told}")
    own: tuple[str, ...] = (
        f"{section}.memory={'none' if memory == 'belief' else memory}",
        f"{section}.hidden=[64,64]",
    )
    if algorithm == "dqn":
        own = (*own, "dqn.batch_size=2560")
    persist = next((f", persist {text[18:]}" for text in overrides if "event_persist" in text), "")
    label = f"{algorithm}, hidden events, {kind}, {memory}, {rounds / 1e6:g} M{persist}"
    budget = ("train.remap=null", f"train.total_steps={rounds}")
    return Training(label, algorithm, (*market, *own, *budget, *overrides))


def inventory(label: str, config: str, *overrides: str) -> Training:
    """Of the single game with inventory."""
    algorithm = config.split("_")[0]
    return Training(f"{algorithm}, inventory, {label}", algorithm, overrides, config)


def part_of_dqn(label: str, *overrides: str) -> Training:
    """DQN with none of its parts but those that are switched on, on a small budget."""
    plain = ("dqn.double=off", "dqn.dueling=off", "train.total_steps=300_000")
    return inventory(label, "dqn_inventory", *plain, *overrides)


PARTS = {
    "double": ("dqn.double=on",),
    "dueling": ("dqn.dueling=on",),
    "3 steps": ("dqn.n_step=3",),
    "prioritised": ("dqn.prioritised=on",),
}
"""DQN's options, one at a time; the distributional heads cost ten times as much."""


PERSISTENCES = (0, 0.3, 0.7, 0.9)
MEMORIES = {"belief": "told the belief", "none": "no memory", "lstm": "LSTM"}
"""Who learns without the event, and its label in the plot."""


GROUPS: dict[str, list[Training]] = {
    "final": [Training(name, name) for name in ("dqn", "pqn", "ippo", "mappo")],
    "budgets": [
        *(budget("dqn", n) for n in (500_000, 1_000_000, 2_000_000)),
        *(budget("pqn", n) for n in (500_000, 1_000_000, 2_000_000)),
        *(budget("ippo", n) for n in (500_000, 1_000_000, 2_000_000, 4_000_000)),
        budget("mappo", 2_000_000),
    ],
    "memory": [
        Training(
            f"ippo, memory {memory}",
            "ippo",
            (*SMALL, f"ppo.memory={memory}", "train.total_steps=2_000_000"),
        )
        for memory in ("none", "gru", "lstm")
    ],
    "hidden_events": [
        *(
            hidden("ippo", "single", memory, 2_000_000)
            for memory in ("belief", "none", "gru", "lstm")
        ),
        *(hidden("ippo", "two", memory, 2_000_000) for memory in ("belief", "none", "lstm")),
        hidden("mappo", "two", "lstm", 2_000_000),
        *(hidden("dqn", "single", memory, 500_000) for memory in ("belief", "none", "gru")),
    ],
    "persistence": [
        hidden("ippo", "single", memory, 500_000, f"env.event_persist={persist}")
        for persist in PERSISTENCES
        for memory in MEMORIES
    ],
    "inventory": [
        inventory("gamma 0", "dqn_inventory", "dqn.gamma=0", "train.total_steps=500_000"),
        inventory("as shipped", "dqn_inventory"),
        inventory("gamma 0", "ippo_inventory", "ppo.gamma=0", "train.total_steps=2_000_000"),
        inventory("as shipped", "ippo_inventory"),
    ],
    "inventory_parts": [
        part_of_dqn("plain"),
        *(part_of_dqn(f"plain and {part}", *overrides) for part, overrides in PARTS.items()),
        part_of_dqn("plain and all of these", *itertools.chain(*PARTS.values())),
    ],
    "commons": [
        commons("ippo, commons", "ippo"),
        commons("mappo, commons", "mappo"),
        commons("mappo, commons, shared reward", "mappo", "ppo.shared_reward=on"),
    ],
    "pnl": [
        raw("dqn", 2_000_000, "dqn.huber_delta=100"),
        raw("dqn", 2_000_000, "dqn.critic_sees_truth=on"),
        raw("ippo", 8_000_000),
        raw("ippo", 6_000_000, "ppo.critic_sees_truth=on"),
        raw("ippo", 32_000_000, "ppo.critic_sees_truth=on"),
        raw("mappo", 6_000_000, "ppo.critic_sees_truth=on"),
    ],
    "ruin": [
        Training("ippo, ruin free", "ippo", ("ppo.constrain_ruin=off",), "ruin"),
        Training("ippo, ruin bounded", "ippo", (), "ruin"),
        Training("ippo, log wealth", "ippo", LOG_WEALTH, "ruin"),
    ],
    "population": [Training("ippo, against a population", "ippo", (), "population")],
}


HEADINGS = (
    "rounds",
    "score",
    "score / best equilibrium",
    "exploitability",
    "commons position",
    "expected P&L",
    "ruin",
    "s per seed",
    "rounds/s",
)


def main() -> None:
    arguments = parse_arguments()
    for group in arguments.groups:
        rows = [measure(training, arguments.seeds) for training in GROUPS[group]]
        print(f"\n{group}, {arguments.seeds} seeds, self-play, ± 95% over seeds")
        print("| | " + " | ".join(HEADINGS) + " |")
        print("|---|" + "---:|" * len(HEADINGS))
        for row in rows:
            print(table_row(row))
        if group == "final":
            print_opponents(next(row for row in rows if row["algorithm"] == "ippo"))
        if group == "budgets":
            rows += [measure(training, arguments.seeds) for training in GROUPS["final"]]
            draw(rows)
        if group == "persistence":
            draw_persistence(rows)


def measure(training: Training, n_seeds: int) -> dict[str, Any]:
    """A training's figures on the published test draws; trained first if it is not there."""
    folder = folder_of(training, n_seeds)
    overrides = (*training.overrides, f"train.n_seeds={n_seeds}")
    train(training.algorithm, training.config or training.algorithm, folder, overrides)
    summary, results = json.loads((folder / "summary.json").read_text()), published(folder)
    return {
        "label": training.label,
        "algorithm": training.algorithm,
        "rounds": summary["total_steps"],
        "seconds": summary["train_seconds"] / len(summary["seeds"]),
        "speed": summary["steps_per_second"],
        "own": next(result for result in results if result["opponent"] == SELF),
        "results": results,
    }


def folder_of(training: Training, n_seeds: int) -> Path:
    """Where its run is: a label is a training's alone."""
    label = "".join(c for c in training.label.replace(" ", "-") if c.isalnum() or c in "-.")
    return Path("runs") / f"learners-{label}-x{n_seeds}"


def table_row(row: dict[str, Any]) -> str:
    own = row["own"]

    def cell(name: str, interval: str, scale: float = 1, digits: int = 3, unit: str = "") -> str:
        if own.get(name) is None:
            return "–"
        low, high = own[interval]
        spread = "" if low is None else f" ± {(high - low) / 2 * scale:.{digits}f}"
        return f"{own[name] * scale:.{digits}f}{spread}{unit}"

    cells = [
        row["label"],
        f"{row['rounds']:,}",
        cell("score", "score_ci95"),
        cell("score_of_best_equilibrium", "score_of_best_equilibrium_ci95"),
        cell("exploitability_share", "exploitability_share_ci95", 100, 1, "%"),
        cell("commons_position", "commons_position_ci95", digits=2),
        cell("mean_expected_pnl", "mean_expected_pnl_ci95"),
        f"{own['ruin_probability']:.4f}",
        f"{row['seconds']:.0f}",
        f"{row['speed']:,}",
    ]
    return "| " + " | ".join(cells) + " |"


def print_opponents(row: dict[str, Any]) -> None:
    """What one training's policies earn against each opponent."""
    print(f"\n{row['label']}, against each opponent")
    names = [result["opponent"] for result in row["results"]]
    table = headline_table(row["results"], "opponent", names)
    for line in (table.headings, ["---:"] * len(table.headings), *table.rows):
        print("| " + " | ".join(line) + " |")


def draw(rows: list[dict[str, Any]]) -> None:
    """The learning curves, as CSV and as a plot."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import ticker

    points = [
        [
            row["algorithm"],
            row["rounds"],
            row["seconds"],
            row["own"]["score"],
            *row["own"]["score_ci95"],
        ]
        for row in rows
    ]
    points.sort()
    with IMAGE.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["algorithm", "rounds", "seconds_a_seed", "score", "low", "high"], *points]
        )
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), dpi=150, sharey=True)
    labels = ("training, million rounds a seed", "training, seconds a seed on two CPU cores")
    for axes, column, label in zip(panels, (1, 2), labels, strict=True):
        axes.axhline(1, color="0.4", linewidth=1, linestyle="--")
        for name, colour in COLOURS.items():
            own = [point for point in points if point[0] == name]
            x = [point[column] / (1e6 if column == 1 else 1) for point in own]
            axes.fill_between(
                x, [p[4] for p in own], [p[5] for p in own], color=colour, alpha=0.2, linewidth=0
            )
            axes.plot(x, [p[3] for p in own], "o-", color=colour, markersize=4, label=name.upper())
        axes.set(xscale="log", xlabel=label)
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.grid(axis="y", color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("score (1: exact optimum or equilibrium)")
    panels[0].legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(IMAGE.with_suffix(".png"))


def draw_persistence(rows: list[dict[str, Any]]) -> None:
    """Scores against `event_persist`, as CSV and as a plot; rows are in the group's order."""
    from presenting import Line, plot, write_csv

    settings = itertools.product(PERSISTENCES, MEMORIES)
    points = [
        {
            "event_persist": persist,
            "memory": memory,
            "score": row["own"]["score"],
            "low": row["own"]["score_ci95"][0],
            "high": row["own"]["score_ci95"][1],
        }
        for (persist, memory), row in zip(settings, rows, strict=True)
    ]
    image = IMAGES / "worth_of_learned_memory"
    write_csv(image.with_suffix(".csv"), points)
    lines = {
        label: Line(
            *(
                [point[name] for point in points if point["memory"] == memory]
                for name in ("event_persist", "score", "low", "high")
            )
        )
        for memory, label in MEMORIES.items()
    }
    plot(
        image.with_suffix(".png"),
        {"hidden events, 0.5 M rounds": lines},
        ["event_persist"],
        "score",
        scales=("linear", "linear"),
    )


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("groups", nargs="+", choices=list(GROUPS))
    parser.add_argument(
        "--seeds", type=int, default=6, help="best a multiple of the number of cores (default 6)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
