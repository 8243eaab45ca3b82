"""Score against training budget: a whole annealed training for every budget, over several seeds each.

    python benchmarks/learning_curve.py [--config configs/ippo.yaml] [--budgets 2e6,5e6,10e6,20e6] [--seeds 6]

Prints a Markdown table and writes it as CSV and as a plot (docs/images/learning_curve.*). Each budget is a run of its
own under runs/, whose summary.json the table is read from; a run that is there already is not trained again.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    arguments = parse_arguments()
    rows = [measure(budget, arguments) for budget in arguments.budgets]
    print("\n| rounds | score (95% over seeds) | lowest bound | P&L a game | seconds a seed, training | rounds/s |")
    print("|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        print(
            "| {rounds:,} | {score:.3f} ± {half:.3f} | {low:.3f} | {pnl:.2f} | {seconds:.0f} | {speed:,} |".format(
                **row
            )
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(arguments.out.with_suffix(".csv"), rows)
    plot(arguments.out.with_suffix(".png"), rows, arguments.seeds)


def measure(budget: int, arguments: argparse.Namespace) -> dict[str, float]:
    """The row of one budget, from its run's summary."""
    name = f"curve-{arguments.config.stem}-{budget}-x{arguments.seeds}"
    folder = Path("runs") / name
    if not (folder / "summary.json").exists():
        resume = ["--resume", str(folder)]
        fresh = ["--config", str(arguments.config), f"train.total_steps={budget}", f"train.n_seeds={arguments.seeds}"]
        options = resume if (folder / "meta.json").exists() else [*fresh, f"name={name}"]
        subprocess.run([sys.executable, str(ROOT / "train" / "ippo.py"), *options], check=True)
    summary = json.loads((folder / "summary.json").read_text())
    own = next(result for result in summary["results"] if result["opponent"] == "self")
    low, high = own["score_ci95"]
    return {
        "rounds": summary["total_steps"],
        "score": own["score"],
        "low": low,
        "high": high,
        "half": (high - low) / 2,
        "pnl": own["mean_expected_pnl"],
        "seconds": summary["train_seconds"] / len(summary["seeds"]),
        "speed": summary["steps_per_second"],
    }


def write_csv(path: Path, rows: list[dict[str, float]]) -> None:
    """The rows as they are."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plot(path: Path, rows: list[dict[str, float]], n_seeds: int) -> None:
    """Score with its interval against rounds, on a logarithmic axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rounds = [row["rounds"] / 1e6 for row in rows]
    figure, axes = plt.subplots(figsize=(7, 4), dpi=150)
    axes.axhline(1, color="0.4", linewidth=1, linestyle="--")
    axes.text(rounds[0], 1.002, "exact equilibrium", color="0.3", va="bottom", fontsize=9)
    axes.fill_between(
        rounds, [r["low"] for r in rows], [r["high"] for r in rows], color="#0072B2", alpha=0.2, linewidth=0
    )
    axes.plot(
        rounds,
        [r["score"] for r in rows],
        "o-",
        color="#0072B2",
        label=f"IPPO, mean of {n_seeds} seeds and 95% interval",
    )
    for x, row in zip(rounds, rows, strict=True):
        axes.annotate(
            f"{row['score']:.3f}", (x, row["score"]), (0, -14), textcoords="offset points", ha="center", fontsize=9
        )
    axes.set(
        xscale="log", xlabel="training budget, million rounds a seed", ylabel="score in self-play", ylim=(None, 1.02)
    )
    axes.set_xticks(rounds, [f"{x:.0f}" for x in rounds])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score against training budget.")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "ippo.yaml")
    parser.add_argument("--budgets", type=lambda text: [int(float(x)) for x in text.split(",")],
                        default=[2_000_000, 5_000_000, 10_000_000, 20_000_000])  # fmt: skip
    parser.add_argument("--seeds", type=int, default=6, help="best a multiple of the number of cores (default 6)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "learning_curve")
    return parser.parse_args()


if __name__ == "__main__":
    main()
