"""What it costs that the event is hidden: rounds per second of the two-player market under random
valid play, with the event known, in the observation `belief`, and `hidden`.

    python benchmarks/hidden_events.py [--sizes 2048,16384,2^18] [--threads 2]

All take turns in one run on the same cores; figures are medians, compilation apart, and ratios are
the medians of each turn's own. One round is one step of one game, and every observation is written
out. It takes about a minute.
"""

from functools import partial

import jax
from presenting import markdown
from rollouts import card_market, compiled_rollout
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

from cardjax.env.observation import EVENT_INFO, KNOWN

SIZES = (2048, 16384, 262144)


def main() -> None:
    parser = Parser(description="What it costs that the event is hidden.")
    parser.add_argument("--sizes", type=counts, default=SIZES, help="games at once")
    parser.add_argument("--repeats", type=a_count, default=7, help="turns (default 7)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="of each measurement at least (default 0.3)"
    )
    parser.add_argument("--threads", type=a_number_of_threads, default=n_cores(), help="cores used")
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    print(f"{arguments.threads} core(s), jax {jax.__version__}, medians of {arguments.repeats}\n")
    rows = [
        row
        for n_games in arguments.sizes
        for row in measure(n_games, arguments.repeats, arguments.seconds)
    ]
    header = ["games", "event", "M rounds/s", "least to most", "of known", "compile, s"]
    print(markdown(header, rows))


def measure(n_games: int, repeats: int, seconds: float) -> list[list[str]]:
    """One row for each of the three."""
    rollouts = {
        info: compiled_rollout(card_market(event_info=info), n_games) for info in EVENT_INFO
    }
    samples = take_turns(
        {
            info: partial(rate, rollout.call, rollout.n_steps, seconds)
            for info, rollout in rollouts.items()
        },
        repeats,
    )
    rows = []
    for info, rollout in rollouts.items():
        speed, of_known = spread(samples[info]), ratio(samples[info], samples[KNOWN])
        rows.append(
            [
                f"{n_games:,}",
                info,
                f"{speed.median:.2f}",
                f"{speed.low:.2f}–{speed.high:.2f}",
                f"{of_known.median:.2f}",
                f"{rollout.compile_seconds:.1f}",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
