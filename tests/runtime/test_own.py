"""Policies of the user's own, FILE.py:NAME, wherever a policy is named."""

import json

import pytest

import cardjax
from cardjax.commands.main import main
from cardjax.policies.policy import Policy

MINE = '''
import dataclasses
import jax.numpy as jnp
from beside import SIZE
from cardjax.policies import Deterministic

@dataclasses.dataclass(frozen=True)
class Buyer(Deterministic):
    """Buys."""
    size: int = SIZE

    def choose(self, params, view):
        return jnp.where(view.action_mask[..., self.size], self.size, 0)

big = Buyer(10)

class Needy(Buyer):
    def __init__(self, what): pass

class Mute:
    def init(self, key, batch): return ()

class Loose(Mute):
    __hash__ = None
    def act(self, params, carry, view, key): return (), view.round
'''


@pytest.fixture
def mine(workplace):
    (workplace / "beside.py").write_text("SIZE = 2\n")
    (workplace / "mine.py").write_text(MINE)
    (workplace / "broken.py").write_text("x = 1\n\nx / 0\n")
    (workplace / "leaving.py").write_text("raise SystemExit(3)\n")
    return workplace


def entries(*words):
    main([*words, "--episodes", "64", "--json", "out.json"])
    with open("out.json") as file:
        return json.load(file)


def test_a_policy_of_ones_own_plays_in_every_command(mine, capsys):
    opponents = ["--opponent", "self", "--opponent", "mine.py:Buyer"]
    alone, big = entries("evaluate", "--policy", "mine.py:big", *opponents)
    assert alone["opponent"] == "self" and 2 < alone["mean_size"] <= 10
    assert big["opponent"] == "mine.py:Buyer" and big["mean_size"] > 2
    rows = entries("cross-play", "--policies", "mine.py:Buyer", str(mine / "mine.py:big"), "pass")
    assert len(rows) == 9
    (difference,) = entries("compare", "--policies", "mine.py:Buyer", "mine.py:Buyer")
    assert difference["expected_pnl"] == 0


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("absent.py:Buyer", "absent.py is not a file"),
        ("mine.py:Seller", "mine.py has no Seller"),
        ("mine.py:Needy", "cannot be made without arguments (TypeError: "),
        ("mine.py:Mute", "must be a policy, with init(key, batch) and act("),
        ("mine.py:Loose", "must be hashable, such as a frozen dataclass"),
        ("mine.py:jnp", "must be a policy, with"),
        ("broken.py:x", "broken.py fails, line 3: ZeroDivisionError: division by zero"),
        ("leaving.py:x", "leaving.py fails, line 1: SystemExit: 3"),
        ("mine.py", "is neither a run folder nor a policy"),
    ],
)
@pytest.mark.parametrize("option", ["--policy", "--opponent"])
def test_what_is_no_policy_is_refused_in_one_line(mine, capsys, option, policy, said):
    words = {"--policy": "pass", "--opponent": "pass"} | {option: policy}
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *(word for pair in words.items() for word in pair)])
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1
    assert error.startswith(f"{option} = {policy}: ") and said in error


def test_a_folder_named_like_a_policy_does_not_hide_it(workplace, finished):
    (workplace / "pass").symlink_to(finished)
    (workplace / "runs").mkdir()
    (workplace / "runs" / "alpha=0.1,x").symlink_to(finished)
    assert not hasattr(cardjax.find_player("pass").player.policy, "network")
    assert cardjax.find_player("./pass").player.params[0] is not None
    # A folder whose name looks like an override is a folder.
    main(["compare", "--policies", "runs/alpha=0.1,x", "pass", "--episodes", "64"])


def test_a_player_is_found_in_a_program_too(mine, finished):
    player, market, env_params = cardjax.find_player(str(finished), ["env.alpha=0.5"])
    assert len(player.params) == 1 and market.n_players == 2 and float(env_params.alpha) == 0.5
    policy: Policy = cardjax.find_player("mine.py:Buyer").player.policy
    assert policy.size == 2
    with pytest.raises(ValueError, match="is neither a run folder nor a policy"):
        cardjax.find_player("nobody")
