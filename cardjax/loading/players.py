"""Players by name, by run folder or by file, and the game that each is to play."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from cardjax.config import RunConfig, load_config, make_market, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import OPPONENTS, SELF, Player
from cardjax.evaluation.quoting import Maker
from cardjax.loading.references import is_reference
from cardjax.loading.saved import maker_of, player_of, read_policy
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy, misfit
from cardjax.policies.registry import MAKERS, make_policy
from cardjax.run.learners import find_algorithm, make_learner
from cardjax.runtime.own import is_own, load_own


class Found(NamedTuple):
    """A player, and the game that it is to play."""

    player: Player
    market: CardMarket
    env_params: EnvParams


class Game(NamedTuple):
    """What is to be played."""

    leader: str | None
    """the run whose game it is, if there is one."""
    market: CardMarket
    env_params: EnvParams


def is_trained(name: str) -> bool:
    """Whether a policy is named by the folder of its run, by the file that it was exported to, or
    as a reference policy that comes with cardjax.

    A policy's own name is no folder's: a folder that is called so is ./NAME.
    """
    path = Path(name)
    if is_reference(path):
        return True
    is_path = (name != "" and path.is_dir()) or (name.endswith(".npz") and path.is_file())
    return is_path and not _is_name(name)


def named_policy(name: str, option: str = "--policy") -> Policy:
    """The policy that no training made: a scripted one by name, or FILE.py:NAME, the user's own
    class (which is called without arguments) or object.

    Args:
        option: what an error calls the argument.

    Raises:
        ParameterError: neither of the two, or no policy.
    """
    if is_own(name):
        return cast(Policy, _own_policy(name, option))
    try:
        return make_policy(name)
    except ValueError as error:
        said = f"is neither a run folder nor a policy ({error})"
        raise ParameterError(option, name, said) from None


def find_maker(name: str, market: CardMarket, option: str = "--maker") -> Maker:
    """A player of the maker's seat: a scripted one by name, a run's, or FILE.py:NAME, one of your
    own.

    Args:
        market: where it is to play.
        option: what an error calls the argument.

    Raises:
        ParameterError: none of these, or a run of another game.
    """
    if is_trained(name):
        algorithm, config, params = read_policy(Path(name))
        if allowed := misfit(make_market(config.game), market):
            raise ParameterError(option, name, allowed)
        return maker_of(make_learner(algorithm, config), list(params.values()))
    if is_own(name):
        return Maker(cast(MakerPolicy, _own_policy(name, option)))
    if name not in MAKERS:
        allowed = f"must be one of {', '.join(MAKERS)}, a run folder, or FILE.py:NAME"
        raise ParameterError(option, name, allowed)
    return Maker(MAKERS[name])


def find_player(policy: str, overrides: Sequence[str] = ()) -> Found:
    """A player and the game that it is to play: (player, market, env_params).

    Args:
        policy: a policy's name, a run folder, an exported file (.npz), or FILE.py:NAME, a policy of
            your own. Of a run, each training seed is an entry of `player.params`.
        overrides: `env.*` key=value changes to the run's own game, or for a policy by name to the
            default game; and such as `ppo.play=greedy`, how a run's policy plays.

    Raises:
        ParameterError: (a ValueError) none of these; or an override that is not allowed.
    """
    is_run = is_trained(policy)
    _check_overrides(overrides, is_run)
    if is_run:
        return load_player(Path(policy), overrides)
    scripted = named_policy(policy)
    config = load_config(None, overrides)
    return Found(Player(scripted, [None]), make_market(config.game), config.env)


def named_game(names: Sequence[str], overrides: Sequence[str] = ()) -> Game:
    """The game that players by these names are to play: that of the first run among them, or the
    default one, with the overrides.

    Args:
        names: as of `find_player` or `find_maker`.
        overrides: as of `find_player`.

    Raises:
        ParameterError: an override that is not allowed, or no run that can be read.
    """
    leader = next((name for name in names if is_trained(name)), None)
    if leader is not None:
        _, market, env_params = find_player(leader, overrides)
        return Game(leader, market, env_params)
    _check_overrides(overrides, is_run=False)
    config = load_config(None, overrides)
    return Game(None, make_market(config.game), config.env)


def load_player(path: Path, overrides: Sequence[str] = ()) -> Found:
    """A run's or exported policy, one entry of parameters a seed, with the game that it was trained
    on.

    Args:
        overrides: as of `find_player`.

    Raises:
        ParameterError: neither, or what it holds does not fit its configuration.
    """
    algorithm, config, params = read_policy(path)
    played = replayed(path, algorithm, config, overrides)
    section = find_algorithm(algorithm).section
    own = dataclasses.replace(config, **{section: getattr(played, section)})
    player = player_of(make_learner(algorithm, own), list(params.values()))
    return Found(player, make_market(config.game), played.env)


def replayed(path: Path, algorithm: str, config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration that a trained policy is to play by: `overrides` as of `find_player`.

    Raises:
        ParameterError: one that is not allowed, or a game with other observations than it was
            trained on.
    """
    section = find_algorithm(algorithm).section
    for text in overrides:
        own = text.startswith(f"{section}.") and hasattr(getattr(config, section), "play")
        if not own and not text.startswith("env."):
            said = f"{path} was trained by {algorithm}, which has no such choice"
            raise ParameterError("argument", text, said)
    played = with_overrides(config, overrides)
    learned, asked = make_market(config.game), make_market(played.game)
    if learned != asked:
        said = misfit(learned, asked) or "was trained on another game's observations"
        raise ParameterError("argument", " ".join(overrides), f"{path} {said}")
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
        if allowed := misfit(own, market):
            raise ParameterError("--opponent", name, allowed)
        if not getattr(player.policy, "share_params", True):
            allowed = (
                "has weights for each seat (ppo.share_params off), so it cannot take the "
                "others' seats alone"
            )
            raise ParameterError("--opponent", name, allowed)
        return player
    return named_policy("pass" if name == SELF else name, "--opponent")


def _check_overrides(overrides: Sequence[str], is_run: bool) -> None:
    """Refuse what is neither of the market nor, of a run, how its policy plays."""
    for text in overrides:
        if not text.startswith("env.") and not (is_run and re.match(r"\w+\.play=", text)):
            allowed = (
                "must be an env.* override, such as env.alpha=0.5, or for a run of PPO "
                "ppo.play=greedy or sampled"
            )
            raise ParameterError("argument", text, allowed)


def _own_policy(name: str, option: str) -> object:
    """FILE.py:NAME, of any role."""
    own = load_own(option, name)
    policy = _called(option, name, own) if isinstance(own, type) else own
    missing = [part for part in ("init", "act") if not callable(getattr(policy, part, None))]
    if missing:
        allowed = (
            "must be a policy, with init(key, batch) and act(params, carry, view, key): "
            f"it has no {missing[0]}"
        )
        raise ParameterError(option, name, allowed)
    if getattr(type(policy), "__hash__", None) is None:
        raise ParameterError(option, name, "must be hashable, such as a frozen dataclass")
    return policy


def _is_name(name: str) -> bool:
    try:
        make_policy(name)
    except ValueError:
        return False
    return True


def _called(option: str, name: str, own: type) -> object:
    try:
        return own()
    except (Exception, SystemExit) as error:
        said = f"cannot be made without arguments ({type(error).__name__}: {error})"
        raise ParameterError(option, name, said) from None
