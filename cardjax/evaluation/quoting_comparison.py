"""Makers and takers beside each other, in the very same markets: every maker against all takers,
and what one pair of them earns more than another.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from cardjax.env.maker import MakerView
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.comparison import QUANTITIES, Comparison, compared
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import TEST, Player
from cardjax.evaluation.quoting import Maker, evaluate_quoting, quoted_games
from cardjax.evaluation.quoting_result import QuotingResult
from cardjax.evaluation.tally import Tally
from cardjax.policies.makers import MakerPolicy, prepared_maker
from cardjax.policies.policy import prepared

EARNED = {
    "maker": {"pnl": "maker_pnl", "expected_pnl": "maker_expected_pnl"},
    "takers": {"pnl": "taker_pnl", "expected_pnl": "value"},
}
"""Role → the columns of its QUANTITIES; takers' are of one taker, the mean over them."""


class Pair(NamedTuple):
    """Who quotes and who takes."""

    maker: Maker
    takers: Player


@dataclasses.dataclass(frozen=True)
class OneMaker:
    """Quotes as the one of `policies` that a traced index names, as `decision.OneOf` takes."""

    policies: tuple[MakerPolicy, ...]

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[ArrayTree, ...]:
        """As `MakerPolicy.init`, of each with the same key."""
        return tuple(policy.init(key, batch) for policy in self.policies)

    def act(
        self,
        params: tuple[Array, tuple[ArrayTree, ...]],
        carry: ArrayTree,
        view: MakerView,
        key: Array,
    ) -> tuple[ArrayTree, Array]:
        """As `MakerPolicy.act`; the others' carries stay as they are.

        Args:
            params: (index int32 [], one entry of parameters for each policy).
            carry: all their carries.
            view: leaves [...].
            key: of the one that quotes.
        """
        index, each = params

        def branch(i: int) -> Callable[[tuple[ArrayTree, ...]], tuple[ArrayTree, Array]]:
            def run(carries: tuple[ArrayTree, ...]) -> tuple[ArrayTree, Array]:
                own, choice = self.policies[i].act(each[i], carries[i], view, key)
                return (*carries[:i], own, *carries[i + 1 :]), choice

            return run

        return jax.lax.switch(index, [branch(i) for i in range(len(self.policies))], carry)


def cross_play_roles(
    market: CardMarket,
    env_params: EnvParams,
    makers: Mapping[str, Maker],
    takers: Mapping[str, Player],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> dict[str, dict[str, QuotingResult]]:
    """Every maker against all takers, on the same draws, by one compiled program; training seed i
    of the one meets that of the other.

    Returns:
        By the maker and then the takers. Best replies of makers are not computed.
    """
    quoting, taking = _one_program(makers, takers, env_params, market.n_players)
    table: dict[str, dict[str, QuotingResult]] = {}
    for name, maker in quoting.items():
        table[name] = {}
        for who, player in taking.items():
            table[name][who] = evaluate_quoting(
                market, env_params, maker, player, n_games, seed, domain, with_replies=False
            )
            progress(n_games)
    return table


def compare_roles(
    market: CardMarket,
    env_params: EnvParams,
    first: Pair,
    second: Pair,
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> dict[str, Comparison]:
    """By role, what it earns more in the first pair than in the second, in the very same markets.
    Units are as of `comparison.compare`.

    Raises:
        ValueError: no games.
    """
    kept: dict[str, dict[str, Tally]] = {role: {} for role in EARNED}
    deciding = dict.fromkeys(EARNED, 0)
    n_first = max(len(first.maker.params), len(first.takers.params))
    makers = {"0": first.maker, "1": second.maker}
    takers = {"0": first.takers, "1": second.takers}
    quoting, taking = _one_program(makers, takers, env_params, market.n_players)
    streams = [
        quoted_games(market, env_params, quoting[i], taking[i], n_games, seed, domain)
        for i in ("0", "1")
    ]
    for batches in zip(*streams, strict=True):
        games = [of_seed for side in batches for of_seed in side]
        for role, columns in EARNED.items():
            for name in QUANTITIES:
                tally = Tally.of({str(i): one[columns[name]] for i, one in enumerate(games)})
                old = kept[role].get(name)
                kept[role][name] = tally if old is None else old + tally
            expected = np.stack([one[columns["expected_pnl"]] for one in games])
            mine, theirs = expected[:n_first].mean(0), expected[n_first:].mean(0)
            deciding[role] += int((mine != theirs).sum())
        progress(len(games[0]["value"]))
    return {role: compared(kept[role], n_first, deciding[role]) for role in EARNED}


def _one_program(
    makers: Mapping[str, Maker], takers: Mapping[str, Player], env_params: EnvParams, n_takers: int
) -> tuple[dict[str, Maker], dict[str, Player]]:
    """The same players with policies that are all alike, so that all pairs of them play by one
    compiled program.
    """
    quoting, maker_params = _alike(
        makers, lambda policy: prepared_maker(policy, env_params, n_takers)
    )
    taking, taker_params = _alike(takers, lambda policy: prepared(policy, env_params))
    return (
        {name: Maker(OneMaker(quoting), tuple(own)) for name, own in maker_params.items()},
        {name: Player(OneOf(taking), own) for name, own in taker_params.items()},
    )


def _alike(
    players: Mapping[str, Any], prepare: Callable[[Any], ArrayTree]
) -> tuple[tuple[Any, ...], dict[str, list[ArrayTree]]]:
    """The different policies, and by name and training seed what a choice among them acts on: which
    of them plays, and an entry for each, of which the others' are not looked at.

    Args:
        players: with attributes `policy` and `params`.
        prepare: what a scripted policy acts on.
    """
    policies = tuple(dict.fromkeys(player.policy for player in players.values()))
    each = {
        name: [prepare(player.policy) if own is None else own for own in player.params]
        for name, player in players.items()
    }
    some = {player.policy: each[name][0] for name, player in players.items()}

    def entry(policy: object, own: ArrayTree) -> ArrayTree:
        chosen = tuple(own if one == policy else some[one] for one in policies)
        return np.int32(policies.index(policy)), chosen

    entries = {
        name: [entry(players[name].policy, own) for own in params] for name, params in each.items()
    }
    return policies, entries
