"""How fast PPO trains: beside the bare matrix products of its updates, and beside other libraries'
PPO.

    python benchmarks/train_speed.py [--part floor|peers|all] [--peers rejax,sb3] [--configs ippo]
    [--repeats 7]
                                     [--precisions float32,bfloat16] [--csv FILE] [--plot FILE]

`floor`: the shipped configurations of IPPO and MAPPO, one seed on one device and two on both cores
as train/ spreads them, each beside the matrix products that it cannot do without (matrix_floor.py
says which), in the same precision.

`peers`: the single-player game, sizes as in each IPPO configuration: ours, rejax's PPO on the
gymnax adapter, and Stable-Baselines3's on the Gymnasium adapter, with the same hidden layers
(ReLU), games, rounds, minibatches and epochs. One seed has one device, and with it both cores; two
are ours spread over the cores as train/ spreads them, and rejax's under `vmap`; Stable-Baselines3
trains one. Their critics estimate V and they multiply float32; ours is timed with such a critic in
either precision, and as shipped, where it estimates all 21 action values. Ours masks invalid
actions and whitens its inputs, which theirs do not. What is not installed is skipped with a line
(`pip install rejax stable-baselines3`, beside requirements.txt).

Everything takes turns in one run; figures are medians, (least–greatest), compilation apart.
"""

import argparse
import importlib.util
import itertools
from functools import partial
from pathlib import Path
from typing import NamedTuple

from presenting import write_csv
from timing import Parser, a_count, ratio, some_of, spread, take_turns
from train_programs import Job
from train_report import Row, draw, floor_table, peers_table, row
from workers import Worker

from cardjax.kernels.dense import has_tiles

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATIONS = {"ippo": "ippo", "ippo_quick": "ippo", "mappo": "mappo"}
"""Files of configs/ and the algorithm that each is for."""
PRECISIONS = ("float32", "bfloat16")
PEER_GAME = ["env.kind=single", "train.remap=0"]


class Peer(NamedTuple):
    """A row of the peers' table."""

    label: str
    program: str
    module: str
    """what has to be installed."""
    overrides: list[str]
    seeds: tuple[int, ...] = (1, 2)
    """with how many at once it is timed."""


OURS = (
    Peer("cardjax, critic of V", "cardjax", "cardjax", ["ppo.critic=value"]),
    Peer(
        "… in float32", "cardjax", "cardjax", ["ppo.critic=value", "ppo.matmul_precision=float32"]
    ),
    Peer("cardjax, as shipped", "cardjax", "cardjax", []),
)
PEERS = {
    "rejax": Peer("rejax", "rejax", "rejax", []),
    "sb3-vectorised": Peer("SB3, our VectorEnv", "sb3-vectorised", "stable_baselines3", [], (1,)),
    "sb3": Peer("SB3, its make_vec_env", "sb3", "stable_baselines3", [], (1,)),
}


def main() -> None:
    arguments = parse_arguments()
    rows: list[Row] = []
    if arguments.part != "peers":
        rows += beside_floor(arguments)
        print(floor_table(rows), flush=True)
    if arguments.part != "floor":
        for name in arguments.configs:
            if CONFIGURATIONS[name] == "ippo":
                peers = beside_peers(name, 1, arguments) + beside_peers(name, 2, arguments)
                print("\n" + peers_table(name, peers), flush=True)
                rows += peers
    if arguments.csv is not None:
        write_csv(arguments.csv, rows)
    if arguments.plot is not None:
        draw(arguments.plot, rows)


def beside_floor(arguments: argparse.Namespace) -> list[Row]:
    """One row for each of the configurations, precisions and numbers of seeds."""
    rows = []
    for name, precision, n_seeds in itertools.product(
        arguments.configs, arguments.precisions, (1, 2)
    ):
        overrides = [f"train.n_seeds={n_seeds}", f"ppo.matmul_precision={precision}"]
        config = str(ROOT / "configs" / f"{name}.yaml")
        job = Job(["cardjax", "floor"], CONFIGURATIONS[name], config, overrides, arguments.seconds)
        worker = Worker("train_programs.py", job)
        about = worker.said["about"]
        times = take_turns({p: partial(worker.seconds, p) for p in about}, arguments.repeats)
        worker.close()
        own = spread(times["cardjax"])
        ratios, products = ratio(times["cardjax"], times["floor"]), spread(times["floor"])
        rows.append(
            row("floor", name, own, about["cardjax"], ratios)
            | {
                "precision": precision,
                "seeds": n_seeds,
                "devices": worker.said["devices"],
                "floor_seconds": products.median,
                "floor_low": products.low,
                "floor_high": products.high,
                "floor_gflops_per_second": about["floor"]["flops"] / products.median / 1e9,
            }
        )
    return rows


def beside_peers(name: str, n_seeds: int, arguments: argparse.Namespace) -> list[Row]:
    """One row for each of OURS and of the peers that are installed; ratios are of its update's time
    to OURS[0]'s.
    """
    config, workers = str(ROOT / "configs" / f"{name}.yaml"), {}
    for peer in (*OURS, *(PEERS[key] for key in arguments.peers)):
        if n_seeds not in peer.seeds:
            continue
        if importlib.util.find_spec(peer.module) is None:
            print(f"{peer.label}: {peer.module} is not installed")
            continue
        job = Job(
            [peer.program],
            "ippo",
            config,
            [*PEER_GAME, f"train.n_seeds={n_seeds}", *peer.overrides],
            arguments.seconds,
        )
        workers[peer.label] = Worker("train_programs.py", job), peer.program
    times = take_turns(
        {label: partial(worker.seconds, program) for label, (worker, program) in workers.items()},
        arguments.repeats,
    )
    first = times[OURS[0].label]
    rows = []
    for label, (worker, program) in workers.items():
        worker.close()
        about = worker.said["about"][program]
        faster = ratio(times[label], first)
        rows.append(
            row("peers", name, spread(times[label]), about, faster)
            | {"program": label, "seeds": n_seeds, "devices": worker.said["devices"]}
        )
    return rows


def _worthwhile() -> list[str]:
    return [name for name in PRECISIONS if name == "float32" or has_tiles()]


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="PPO's speed beside its matrix products and other libraries' PPO.")
    parser.add_argument(
        "--part",
        choices=("floor", "peers", "all"),
        default="all",
        help="what to time (default all)",
    )
    parser.add_argument(
        "--configs", type=some_of(CONFIGURATIONS), default=list(CONFIGURATIONS), help="of configs/"
    )
    parser.add_argument(
        "--peers", type=some_of(PEERS), default=list(PEERS), help=f"some of {', '.join(PEERS)}"
    )
    parser.add_argument(
        "--precisions", type=some_of(PRECISIONS), default=_worthwhile(), help="of the part floor"
    )
    parser.add_argument("--repeats", type=a_count, default=7, help="turns (default 7)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of each measurement, at least (default 1)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
