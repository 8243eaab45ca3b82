"""A saved game comes back as the market plays it, and nothing else gets in."""

import json
import math
import os

import pytest

from cardjax.env import ParameterError
from cardjax.play import Game, load_game, make_setup, save_game
from cardjax.play.record import MAX_BYTES, game_text

NAMES = ["human", "level1"]
FIGURES = [
    {"event": 0, "cards": [2, 2, 2], "n_hints": 0, "bid": 1, "ask": 2, "S": 6}
    | {"pnl": [0, 0], "wealth": [500, 500]}
]


@pytest.fixture
def saved(duel, tmp_path):
    path = tmp_path / "game.json"
    save_game(path, duel.setup, NAMES, duel.records)
    return path


def changed(path, **changes):
    document = json.loads(path.read_text())
    for key, value in changes.items():
        if value is KeyError:
            del document[key]
        else:
            document[key] = value
    path.write_text(json.dumps(document))
    return path


def refusal_of(path):
    with pytest.raises(ParameterError) as refusal:
        load_game(path)
    text = str(refusal.value)
    assert "\n" not in text and text.startswith("saved game = ")
    return text


def test_a_game_comes_back_as_it_was_played(duel, saved):
    game = load_game(saved)
    assert list(game.records) == duel.records
    assert game.players == ("human", "level1")
    assert (game.setup.kind, game.setup.preset, game.setup.seed) == (
        "two",
        "default",
        duel.setup.seed,
    )
    assert [path.name for path in saved.parent.iterdir()] == ["game.json"]


def test_a_game_of_other_parameters_and_refused_orders_comes_back(games, tmp_path):
    for kind, played in games.items():
        game = played[2]
        assert any(order.rejected for record in game.records for order in record.orders)
        save_game(tmp_path / kind, game.setup, ["human"] * game.setup.n_players, game.records)
        assert list(load_game(tmp_path / kind).records) == game.records


def test_an_unfinished_game_and_an_unplayed_one_come_back(duel, tmp_path):
    for n in (0, 3):
        save_game(tmp_path / "part.json", duel.setup, NAMES, duel.records[:n])
        assert list(load_game(tmp_path / "part.json").records) == duel.records[:n]


def test_the_numbers_are_the_file_s_own_and_a_preset_s_name_only_a_label(saved):
    assert (
        load_game(changed(saved, preset="one that is no more")).setup.preset
        == "one that is no more"
    )


def test_a_file_says_which_version_of_the_game_it_is_of(duel, saved):
    assert json.loads(saved.read_text())["env_version"] == duel.setup.market.version
    assert list(load_game(changed(saved, env_version=KeyError)).records) == duel.records
    assert "is of version 'v7' of the game" in refusal_of(changed(saved, env_version="v7"))


def test_a_game_says_whether_its_event_was_known(duel, saved):
    env = json.loads(saved.read_text())["env"]
    assert env.pop("env.event_info") == "known"
    assert list(load_game(changed(saved, env=env)).records) == duel.records
    hidden = changed(saved, env=env | {"env.event_info": "hidden"})
    assert "round 1: the market's figures are not the saved ones" in refusal_of(hidden)


def test_a_game_saved_before_there_was_inventory_had_none(duel, saved):
    env = json.loads(saved.read_text())["env"]
    older = {
        key: value for key, value in env.items() if "inventory" not in key and "risk" not in key
    }
    assert len(env) - len(older) == 4
    assert list(load_game(changed(saved, env=older)).records) == duel.records
    later = changed(saved, env=older | {"env.inventory": True})
    assert "the market's figures are not the saved ones" in refusal_of(later)


def test_a_write_that_fails_leaves_the_old_file(duel, saved, monkeypatch):
    before = saved.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ParameterError, match="cannot be written"):
        save_game(saved, duel.setup, NAMES, duel.records[:2])
    assert saved.read_text() == before
    assert [path.name for path in saved.parent.iterdir()] == ["game.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"format": NaN}', "not JSON"),
        ("[]", "is not a saved game of cardjax"),
        ('{"format": "chess"}', "is not a saved game of cardjax"),
        ("[1" + "0" * 5000 + "]", "not JSON"),
    ],
)
def test_files_that_are_something_else_are_refused(tmp_path, text, said):
    path = tmp_path / "other"
    path.write_text(text)
    assert said in refusal_of(path)


def test_bytes_folders_devices_and_nothing_are_refused(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\x80\x04\x95\xff")
    assert "not text" in refusal_of(tmp_path / "bytes")
    (tmp_path / "large").write_text(" " * (MAX_BYTES + 1))
    assert "is larger than" in refusal_of(tmp_path / "large")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        assert "is not a file" in refusal_of(tmp_path / path)
    assert "cannot be read" in refusal_of(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "was saved by a newer cardjax"),
        ({"version": 0}, "is damaged (version 0 has never been)"),
        ({"version": "1"}, "is damaged (version must be a whole number, not '1')"),
        ({"version": True}, "is damaged (version must be a whole number, not 'True')"),
        ({"version": KeyError}, "is damaged (has no version)"),
        ({"seed": KeyError}, "is damaged (has no seed)"),
        ({"extra": 1}, "is damaged (it has an unknown 'extra')"),
        ({"\x1b[2J\ud800": 1}, "is damaged (it has an unknown '\\x1b[2J\\ud800')"),
        ({"seed": 13}, "the market's figures are not the saved ones"),
        ({"seed": "12"}, "is damaged (seed must be a whole number, not '12')"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 10**400}, "is damaged (seed must be a whole number"),
        ({"kind": "three"}, "env.kind = three"),
        ({"kind": ["two"]}, "is damaged (kind must be text"),
        ({"n_players": 1_000_000}, "env.n_players"),
        ({"n_players": 3}, "players"),
        ({"players": ["human"]}, "players"),
        ({"players": ["human", "\x1b[2Jgone"]}, "players"),
        ({"players": ["human", "x" * 1000]}, "players"),
        ({"players": ["human", 7]}, "is damaged (players[1] must be text, not '7')"),
        ({"preset": 7}, "is damaged (preset must be text"),
        ({"preset": ""}, "is damaged (preset must be a short name)"),
        ({"env": {}}, "other parameters than the market has"),
        ({"env": []}, "is damaged (env must be a mapping"),
        ({"actions": []}, "as many actions as figures"),
        ({"actions": [[0, 0]] * 11, "figures": FIGURES * 11}, "at most 10 rounds"),
        ({"actions": {"0": 1}}, "is damaged (actions must be a list"),
        ({"actions": [[0], [0, 0]]}, "as many actions as figures"),
        ({"figures": None}, "is damaged (figures must be a list"),
        ({"figures": [{}]}, "is damaged (has no figures[0].event)"),
    ],
)
def test_damaged_games_are_refused(saved, changes, said):
    assert said in refusal_of(changed(saved, **changes))


@pytest.mark.parametrize(
    ("key", "value"),
    [("env.alpha", 0.31), ("env.sigma_q", 0.51), ("env.flags.enable_impact", "yes")],
)
def test_other_parameters_than_were_played_are_refused(games, tmp_path, key, value):
    game = games["two"][0]
    document = json.loads(game_text(game.setup, NAMES, game.records))
    document["env"] |= {key: value}
    (tmp_path / "game").write_text(json.dumps(document))
    assert (
        "figures are not the saved ones" in (said := refusal_of(tmp_path / "game")) or key in said
    )


@pytest.mark.parametrize("order", [21, -1, 1.5, True, "3", None, [1]])
def test_orders_that_are_none_are_refused(duel, saved, order):
    actions = json.loads(saved.read_text())["actions"]
    actions[3][0] = order
    said = refusal_of(changed(saved, actions=actions))
    assert "round 4 must have an action 0..20" in said or "actions[3][0] must be a whole" in said


@pytest.mark.parametrize("name", ["pnl", "wealth", "cards", "S", "ask"])
def test_figures_that_the_orders_do_not_lead_to_are_refused(saved, name):
    figures = json.loads(saved.read_text())["figures"]
    value = figures[5][name]
    figures[5][name] = [x + 1 for x in value] if isinstance(value, list) else value + 1
    assert "round 6: the market's figures" in refusal_of(changed(saved, figures=figures))
    figures[5][name] = "much"
    assert f"figures[5].{name} must be" in refusal_of(changed(saved, figures=figures))


@pytest.mark.parametrize("figure", [10**400, -(10**400), 1e300, None, [], {}, True])
def test_figures_beyond_all_floats_are_refused_like_others(saved, figure):
    figures = json.loads(saved.read_text())["figures"]
    figures[5]["wealth"][0] = figure
    said = refusal_of(changed(saved, figures=figures))
    if figure in (1e300, None):
        assert "round 6: the market's figures" in said
    else:
        assert "figures[5].wealth[0] must be a number" in said


def test_a_game_whose_money_leaves_the_floats_comes_back(tmp_path):
    """Where the market allows a slippage that no float holds, its figures are null in the file."""
    try:
        setup = make_setup("two", seed=5, overrides={"alpha": 3e38, "liquidity.kappa": 0.01})
    except ParameterError:
        pytest.skip("such a market is not allowed")
    game = Game(setup)
    for _ in range(3):
        game.play([10, 10])
    assert not math.isfinite(game.records[0].orders[0].wealth_after)
    save_game(tmp_path / "game.json", setup, NAMES, game.records)
    text = (tmp_path / "game.json").read_text()
    assert "Infinity" not in text and "NaN" not in text
    again = load_game(tmp_path / "game.json").records
    assert game_text(setup, NAMES, again) == game_text(setup, NAMES, game.records)


def test_a_game_in_a_folder_that_is_not_there_cannot_be_saved(tmp_path):
    with pytest.raises(ParameterError, match=r"--save = .*cannot be written"):
        save_game(tmp_path / "no" / "game.json", make_setup("single"), ["human"], [])
