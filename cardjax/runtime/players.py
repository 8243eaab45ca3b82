"""Players by name, by run folder or by file, and the game that each is to play."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from cardjax.config import RunConfig, load_config, make_market, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import OPPONENTS, SELF, Player
from cardjax.policies.protocol import Policy
from cardjax.policies.registry import make_policy
from cardjax.runtime.learners import ALGORITHMS, make_learner
from cardjax.runtime.loading import read_policy


def is_trained(name: str) -> bool:
    """Whether a policy is named by the folder of its run, or by the file that it was exported to."""
    return Path(name).is_dir() or (name.endswith(".npz") and Path(name).is_file())


def find_player(policy: str, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A player by name, run folder or exported file, and the game it is to play.

    Args:
        overrides: `env.*` key=value changes to the run's own game, or for a policy by name to the
            default game; and `ppo.play=…`, how a run's policy plays.

    Raises:
        ParameterError: neither a policy's name nor a run folder; or an override that is not
            allowed.
    """
    is_run = is_trained(policy)
    for text in overrides:
        if not text.startswith("env.") and not (is_run and text.startswith("ppo.play=")):
            allowed = "must be an env.* override, such as env.alpha=0.5, or for a run of PPO ppo.play=greedy or sampled"
            raise ParameterError("argument", text, allowed)
    if is_run:
        return load_player(Path(policy), overrides)
    try:
        scripted = make_policy(policy)
    except ValueError as error:
        raise ParameterError(
            "--policy", policy, f"is neither a run folder nor a policy ({error})"
        ) from None
    config = load_config(None, overrides)
    return Player(scripted, [None]), make_market(config.game), config.env


def load_player(path: Path, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A run's or exported policy, one entry of parameters a seed, with the game that it was trained
    on.

    Args:
        overrides: as of `find_player`.

    Raises:
        ParameterError: neither, or what it holds does not fit its configuration.
    """
    algorithm, config, params = read_policy(path)
    played = replayed(path, algorithm, config, overrides)
    policy = make_learner(algorithm, dataclasses.replace(config, ppo=played.ppo)).policy()
    return Player(policy, list(params.values())), make_market(config.game), played.env


def replayed(path: Path, algorithm: str, config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration that a trained policy is to play by: `overrides` as of `find_player`.

    Raises:
        ParameterError: one that is not allowed, or a game with other observations than it was
            trained on.
    """
    played = with_overrides(config, overrides)
    for text in overrides:
        if text.startswith("ppo.") and ALGORITHMS[algorithm].section != "ppo":
            raise ParameterError(
                "argument", text, f"{path} was trained by {algorithm}, which plays greedily"
            )
    if make_market(played.game) != make_market(config.game):
        raise ParameterError(
            "argument", " ".join(overrides), f"{path} was trained on another game's observations"
        )
    return played


def opponents_for(
    market: CardMarket, names: tuple[str, ...] | None = None
) -> dict[str, Policy | Player]:
    """The named opponents, by default OPPONENTS; alone in the market there is only "self".

    Raises:
        ParameterError: neither a policy's name nor a run folder of this game, or an opponent for a
            single player.
    """
    alone = market.n_players == 1
    names = names or (("self",) if alone else OPPONENTS)
    if alone and set(names) != {"self"}:
        raise ParameterError(
            "--opponent", ", ".join(names), "a single player has none: leave it out"
        )
    return {name: _opponent(market, name) for name in names}


def _opponent(market: CardMarket, name: str) -> Policy | Player:
    if is_trained(name):
        player, own, _ = load_player(Path(name))
        if own.n_players != market.n_players:
            allowed = f"was trained for {own.n_players} player(s), not for {market.n_players}"
            raise ParameterError("--opponent", name, allowed)
        if not getattr(player.policy, "share_params", True):
            allowed = "has weights for each seat (ppo.share_params off), so it cannot take the others' seats alone"
            raise ParameterError("--opponent", name, allowed)
        return player
    try:
        return make_policy("pass" if name == SELF else name)
    except ValueError as error:
        raise ParameterError("--opponent", name, str(error)) from None
