"""Which game people play: its market, its numbers and its seed, checked."""

import dataclasses
from collections.abc import Mapping

from cardjax.config import config_values, make_config, make_market
from cardjax.env import CardMarket, EnvParams, ParameterError
from cardjax.env.maker import AGENT
from cardjax.evaluation.yardsticks import Yardstick, yardstick_of

PLAYED = "lively"
"""The preset that people play unless they choose another: in the default one, passing is nearly
always right.
"""
PLAYED_AS_MAKER = "maker"
"""The same of people who are the maker."""
TAKER, MAKER = ROLES = ("taker", "maker")
"""The seats that people may play."""
MAX_SEED = 2**31 - 1
UNUSED = {
    "env.reward": "a person is paid in points",
    "env.observe_posterior": "it is about what networks read, and a trained one has its own",
}
"""Parameters of the market that change nothing here."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """Which game is played: build it with `make_setup`, which checks."""

    kind: str
    """"single" or "two"."""
    n_players: int
    preset: str
    """a label: `values` has its numbers."""
    seed: int
    market: CardMarket
    """with a player axis, whatever `kind`."""
    params: EnvParams
    values: Mapping[str, object]
    """every env.* value by dotted name, as plain YAML and JSON types; all that a saved game needs.
    """

    @property
    def hides_event(self) -> bool:
        """Whether nobody is told the event."""
        return self.market.hides_event

    @property
    def carries(self) -> bool:
        """Whether units are carried from round to round."""
        return self.market.inventory

    @property
    def has_maker(self) -> bool:
        """Whether the maker is a player: the person who plays."""
        return self.market.has_maker

    @property
    def yardstick(self) -> Yardstick:
        """The exact benchmark, if there is one."""
        return yardstick_of(self.market, self.params)

    @property
    def has_impact(self) -> bool:
        """Whether orders can move the price; where they cannot, depth means nothing."""
        return bool(self.params.flags.enable_impact) and float(self.params.alpha) > 0


def make_setup(
    kind: str = "two",
    preset: str = "default",
    overrides: Mapping[str, object] | None = None,
    seed: int = 0,
    n_players: int | None = None,
    role: str = TAKER,
) -> Setup:
    """A checked Setup.

    Args:
        kind: "single", or "two" for `n_players` takers (2 if None).
        overrides: by dotted name, with or without a leading "env.", such as {"flags.enable_impact":
            False}; "kind", "preset" and "n_players" among them win over the arguments.
        seed: of the market's draws and of the policies' own.
        role: which seat people play: TAKER, or MAKER, which makes env.maker an agent.

    Raises:
        ParameterError: a name or value that is not allowed, in one line.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ParameterError("seed", seed, f"must be a whole number in [0, {MAX_SEED}]")
    changes = {
        f"env.{name.removeprefix('env.')}": value for name, value in (overrides or {}).items()
    }
    for name in changes.keys() & UNUSED:
        raise ParameterError(
            name, changes[name], f"has no part in a game that is played; {UNUSED[name]}"
        )
    named = {"env.kind": kind, "env.preset": preset} | (
        {} if n_players is None else {"env.n_players": n_players}
    )
    if role == MAKER:
        named["env.maker"] = AGENT
    config = make_config(named | changes)
    market = dataclasses.replace(make_market(config.game), squeeze=False)
    if role == TAKER:
        market.refuse_maker("people who take quotes; with the role maker they quote")
    elif not market.has_maker:
        raise ParameterError("env.maker", market.maker, f"must be {AGENT} for people who quote")
    other = {"env.kind", "env.preset", "env.n_players", *UNUSED}
    values = {
        k: v for k, v in config_values(config).items() if k.startswith("env.") and k not in other
    }
    return Setup(
        config.game.kind, market.n_players, config.game.preset, seed, market, config.env, values
    )
