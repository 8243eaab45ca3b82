"""What a single player earns where the event is hidden, and what a memory and the event are worth.

    python benchmarks/worth_of_memory.py [--games 16_384] [--persist 0,0.7] [env.KEY=VALUE …]

The preset is `hidden_events`; one row for each chance that an event stays. All three players meet
the same test draws; ± is a 95% interval over games. A few minutes on two cores.
"""

import argparse

from presenting import markdown
from timing import Parser

from cardjax.config import load_config
from cardjax.env import make_params
from cardjax.evaluation.information import Worth, worth_of_information
from cardjax.evaluation.text_tables import with_half_width


def main() -> None:
    """The table."""
    arguments = parse_arguments()
    config = load_config(None, ["env.preset=hidden_events", *arguments.overrides])
    rows = []
    for persist in arguments.persist:
        params = make_params(config.env, event_persist=persist)
        worth = worth_of_information(params, arguments.games)
        rows.append((f"{persist:g}", *(with_half_width(figure, 2) for figure in worth)))
    print(f"expected P&L, points per game; {arguments.games:,} games each, test draws\n")
    print(markdown(("event_persist", *Worth._fields), rows))


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "overrides", nargs="*", metavar="env.KEY=VALUE", help="changes to the preset"
    )
    parser.add_argument("--games", type=int, default=16_384, help="per player (default 16,384)")
    parser.add_argument(
        "--persist",
        type=lambda text: [float(part) for part in text.split(",")],
        default=[0.0, 0.3, 0.7, 0.9],
        help="chances that an event stays (default 0,0.3,0.7,0.9)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
