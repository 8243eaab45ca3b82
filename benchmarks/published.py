"""Figures that are published: a finished run, asked on the test draws that nothing was tuned on.

See docs/evaluation.md#the-protocol. A training's own summary is on validation draws, so the scripts
that write tables measure each run once more, here, and keep what they measured beside it.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cardjax.evaluation.evaluate import TEST, evaluate
from cardjax.evaluation.protocol import PUBLISHED_SEED
from cardjax.files.writing import write_json
from cardjax.loading.players import find_player, opponents_for

ROOT = Path(__file__).resolve().parent.parent
FILE = "published.json"
GAMES = 65_536
CLOSING_GAMES = 8_192
"""Of a training's closing table, which only says that the training has worked."""


def finished(folder: Path) -> bool:
    """Whether a run has come to its end."""
    file = folder / "summary.json"
    return file.is_file() and not json.loads(file.read_text())["interrupted"]


def train(
    algorithm: str,
    config: str,
    folder: Path,
    overrides: Sequence[str],
    closing_games: int = CLOSING_GAMES,
) -> None:
    """Bring a run to its end: start it, or resume it where it was interrupted."""
    if finished(folder):
        return
    fresh = [
        "--config",
        str(ROOT / "configs" / f"{config}.yaml"),
        *overrides,
        f"name={folder.name}",
        f"train.final_eval_games={closing_games}",
    ]
    options = ["--resume", str(folder)] if (folder / "meta.json").exists() else fresh
    script = ROOT / "train" / f"{algorithm}.py"
    subprocess.run([sys.executable, str(script), *options], check=True)


def published(folder: Path, n_games: int = GAMES) -> list[dict[str, Any]]:
    """A finished run's results against itself and the usual opponents on the published test draws.

    They are measured once and kept in the run's folder.
    """
    file, asked = folder / FILE, {"seed": PUBLISHED_SEED, "games": n_games}
    if file.is_file():
        kept = json.loads(file.read_text())
        if {name: kept[name] for name in asked} == asked:
            return list(kept["results"])
    player, market, env_params = find_player(str(folder))
    results = evaluate(
        market, env_params, player, opponents_for(market), n_games, PUBLISHED_SEED, TEST
    )
    write_json(file, asked | {"results": [result.as_json() for result in results]})
    return list(json.loads(file.read_text())["results"])
