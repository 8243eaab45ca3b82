"""The metrics of self-play that come from exact values (`exploitability.py`), and the columns that
they are computed from.
"""

import numpy as np

from cardjax.evaluation.exploitability import Exact
from cardjax.evaluation.metrics import FOR_FALLS, NAN, SMALLEST_GAIN, Means, Metric, ratio


def against_self(n_players: int, by_seat: bool = False) -> dict[str, Metric]:
    """The metrics of a policy that plays itself, by name; they read the columns of `exact_columns`.

    Args:
        n_players: alone there is only what a best reply gains.
        by_seat: also what it gains at each seat, of policies with weights for each.
    """
    gain = {
        "exploitability": Metric(
            "points per game",
            "a best reply's expected pnl less the policy's own, mean over seats (NashConv / A)",
            lambda m: m["reply"] - m["value"],
            fewest_games=FOR_FALLS,
            deciding=lambda m: m["gains"],
        ),
        "exploitability_share": Metric(
            "share",
            "the same / the equilibrium's payoff",
            lambda m: ratio(m["reply"] - m["value"], m["benchmark"]),
            fewest_games=FOR_FALLS,
            deciding=lambda m: m["gains"],
        ),
    }
    if n_players == 1:
        return gain
    if by_seat:
        gain |= {f"exploitability_seat_{k}": _gain_at(k) for k in range(n_players)}

    def position(m: Means) -> float:
        surplus = m["joint"] - n_players * m["benchmark"]
        # Below float32's rounding, nothing is lost at the equilibrium.
        return (
            NAN
            if surplus <= 1e-5 * m["joint"]
            else n_players * (m["value"] - m["benchmark"]) / surplus
        )

    return gain | {
        "worst_equilibrium": Metric(
            "share",
            "what the worst pure equilibrium of every round pays per player / the symmetric "
            "equilibrium's",
            lambda m: ratio(m["worst"], m["benchmark"]),
            fewest_games=FOR_FALLS,
        ),
        "best_equilibrium": Metric(
            "share",
            "the same of the best pure equilibrium",
            lambda m: ratio(m["best"], m["benchmark"]),
            fewest_games=FOR_FALLS,
        ),
        "score_of_worst_equilibrium": Metric(
            "share",
            "the policy's expected pnl / that of the worst pure equilibrium",
            lambda m: ratio(m["value"], m["worst"]),
            fewest_games=FOR_FALLS,
        ),
        "score_of_best_equilibrium": Metric(
            "share",
            "the policy's expected pnl / that of the best pure equilibrium",
            lambda m: ratio(m["value"], m["best"]),
            fewest_games=FOR_FALLS,
        ),
        "joint_surplus": Metric(
            "share",
            "all players' expected pnl / the joint optimum's",
            lambda m: ratio(n_players * m["value"], m["joint"]),
            fewest_games=FOR_FALLS,
        ),
        "commons_position": Metric(
            "share",
            "(pi − pi_eq) / (pi_joint − pi_eq) of all players together: 0 at the equilibrium, 1 at "
            "the joint optimum; null where these are the same",
            position,
            fewest_games=FOR_FALLS,
            deciding=lambda m: m["strays"],
        ),
    }


def _gain_at(seat: int) -> Metric:
    return Metric(
        "points per game",
        f"the same at seat {seat}",
        lambda m: m[f"reply_{seat}"] - m[f"value_{seat}"],
        fewest_games=FOR_FALLS,
        deciding=lambda m: m[f"gains_{seat}"],
    )


def exact_columns(best: Exact, values: np.ndarray, replies: np.ndarray) -> dict[str, np.ndarray]:
    """The columns that `against_self` reads, float64 [games], in points of expected P&L per game.

    `value` is a player's, `reply` a best replier's, both means over the seats that are replied at;
    `benchmark` is the symmetric equilibrium's per player, `worst` and `best` those of the worst and
    the best pure equilibrium of every round, `joint` all players' together at the joint optimum
    with initial budgets. `gains` is 1 in a game where the reply earns something else than the
    policy, and `strays` where the policy does than the equilibrium. With replies at several seats
    there are also `value_0`, `reply_0`, `gains_0` and so on.

    Args:
        best: the benchmark's games.
        values: of the policy in self-play, [games, A].
        replies: what a best reply earns at the first so many seats, [games, replies].
    """
    columns = {
        "value": values.mean(-1),
        "reply": replies.mean(-1),
        "benchmark": best.value.mean(-1),
        "joint": best.joint,
        "worst": best.pure.worst,
        "best": best.pure.best,
    }
    n_replies, rounding = replies.shape[-1], SMALLEST_GAIN * best.joint
    columns["gains"] = abs(columns["reply"] - columns["value"]) > rounding
    columns["strays"] = abs(columns["value"] - columns["benchmark"]) > rounding
    for k in range(n_replies if n_replies > 1 else 0):
        columns |= {f"value_{k}": values[:, k], f"reply_{k}": replies[:, k]}
        columns[f"gains_{k}"] = abs(replies[:, k] - values[:, k]) > rounding
    return columns
