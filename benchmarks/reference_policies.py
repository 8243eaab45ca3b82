"""Make the reference policies that come with cardjax anew.

    python benchmarks/reference_policies.py [NAME …] [--seeds 2]

Each is trained by the shipped configuration of its name, as a run under runs/ that is resumed where
it was interrupted. Of its seeds, the one with the best score on validation draws is exported to
cardjax/loading/references, and its score on the published test draws is printed.
"""

import argparse
import json
from pathlib import Path

from published import published, train
from timing import Parser, a_count

from cardjax.evaluation.evaluate import SELF
from cardjax.loading import references
from cardjax.loading.trained import load_policy

NAMES = ("dqn", "ippo")


def main() -> None:
    arguments = parse_arguments()
    for name in arguments.names or NAMES:
        folder = Path("runs") / f"reference-{name}"
        train(name, name, folder, [f"train.n_seeds={arguments.seeds}"])
        file = references.FOLDER / f"{name}.npz"
        references.FOLDER.mkdir(exist_ok=True)
        own, tested = by_seed(folder, validation=True), by_seed(folder, validation=False)
        seed = max(own, key=lambda seed: own[seed])
        load_policy(folder, seed=seed).save(file)
        size = f"{file.stat().st_size:,} bytes"
        print(f"{name}: seed {seed}, score {tested[seed]:.3f} on test draws, {size}")


def by_seed(folder: Path, validation: bool) -> dict[int, float]:
    """Training seed → its score in self-play, on validation draws or on the published ones."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    results = summary["results"] if validation else published(folder)
    own = next(result for result in results if result["opponent"] == SELF)
    return dict(zip(summary["seeds"], own["score_by_seed"], strict=True))


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="The reference policies that cardjax comes with.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--seeds", type=a_count, default=2, help="to choose from (default 2)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return arguments


if __name__ == "__main__":
    main()
