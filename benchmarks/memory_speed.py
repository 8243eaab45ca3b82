"""What a memory costs: the time of one update of IPPO with a GRU or an LSTM beside one without.

    python benchmarks/memory_speed.py [--widths 64,128] [--repeats 7] [env.KEY=VALUE …]

The game is that of one player with hidden events, on one core. All take turns in one run; figures
are medians, compilation apart, and ratios are the medians of each turn's own. About two minutes.
"""

import time
from collections.abc import Callable

import jax
from presenting import markdown
from timing import Parser, a_count, counts, ratio, spread, take_turns, use_threads

from cardjax.config import MEMORIES, load_config
from cardjax.run.learners import make_learner

GAME = ("env.kind=single", "env.preset=hidden_events", "train.remap=null")


def main() -> None:
    """The table."""
    parser = Parser(description="What a memory costs.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="changes to the run")
    parser.add_argument(
        "--widths", type=counts, default=(64, 128), help="of the hidden layers (default 64,128)"
    )
    parser.add_argument("--repeats", type=a_count, default=7, help="turns (default 7)")
    arguments = parser.parse_args()
    use_threads(1)
    print(f"one core, jax {jax.__version__}, medians of {arguments.repeats}\n")
    rows = [
        row
        for width in arguments.widths
        for row in measure(width, arguments.overrides, arguments.repeats)
    ]
    print(markdown(["hidden layers", "memory", "ms per update", "of none"], rows))


def measure(width: int, overrides: list[str], repeats: int) -> list[list[str]]:
    """One row for each memory."""
    updates = {memory: update_of(memory, width, overrides) for memory in MEMORIES}
    samples = take_turns(updates, repeats)
    return [
        [
            f"2 × {width}",
            memory,
            f"{1e3 * spread(samples[memory]).median:.0f}",
            "{:.2f} ({:.2f}–{:.2f})".format(*ratio(samples[memory], samples["none"])),
        ]
        for memory in MEMORIES
    ]


def update_of(memory: str, width: int, overrides: list[str]) -> Callable[[], float]:
    """A function that trains on by one compiled update and says how many seconds that took."""
    own = [*GAME, f"ppo.hidden=[{width},{width}]", f"ppo.memory={memory}", *overrides]
    learner = make_learner("ippo", load_config(None, own))
    update = jax.jit(learner.update, donate_argnums=0)
    state = jax.jit(learner.init)(jax.random.key(0))

    def seconds() -> float:
        nonlocal state
        start = time.perf_counter()
        state, _ = update(state)
        jax.block_until_ready(state)
        return time.perf_counter() - start

    seconds()
    return seconds


if __name__ == "__main__":
    main()
