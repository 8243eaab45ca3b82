"""A saved game comes back as the market plays it, and nothing else gets in."""

import json
import os

import pytest

from cardjax.env import ParameterError
from cardjax.play import load_game, make_setup, save_game
from cardjax.play.record import MAX_BYTES, game_json

NAMES = ["human", "level1"]


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
        ({"version": 0}, "no version that is known"),
        ({"version": "1"}, "no version that is known"),
        ({"version": True}, "no version that is known"),
        ({"seed": KeyError}, "missing or unknown"),
        ({"extra": 1}, "missing or unknown"),
        ({"seed": 13}, "the market's figures are not the saved ones"),
        ({"seed": "12"}, "is damaged"),
        ({"seed": -1}, "seed = -1"),
        ({"kind": "three"}, "env.kind = three"),
        ({"n_players": 1_000_000}, "env.n_players"),
        ({"n_players": 3}, "players"),
        ({"players": ["human"]}, "players"),
        ({"players": ["human", "\x1b[2Jgone"]}, "players"),
        ({"players": ["human", "x" * 1000]}, "players"),
        ({"preset": 7}, "is damaged"),
        ({"env": {}}, "other parameters than the market has"),
        ({"env": []}, "is damaged"),
        ({"actions": []}, "is damaged"),
        ({"actions": [[0, 0]] * 11, "figures": [{}] * 11}, "at most 10 rounds"),
        ({"actions": {"0": 1}}, "is damaged"),
        ({"figures": None}, "is damaged"),
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
    document = game_json(game.setup, NAMES, game.records)
    document["env"] |= {key: value}
    (tmp_path / "game").write_text(json.dumps(document))
    assert (
        "figures are not the saved ones" in (said := refusal_of(tmp_path / "game")) or key in said
    )


@pytest.mark.parametrize("order", [21, -1, 1.5, True, "3", None, [1]])
def test_orders_that_are_none_are_refused(duel, saved, order):
    actions = json.loads(saved.read_text())["actions"]
    actions[3][0] = order
    assert "round 4" in refusal_of(changed(saved, actions=actions))


@pytest.mark.parametrize("name", ["pnl", "wealth", "cards", "S", "ask"])
def test_figures_that_the_orders_do_not_lead_to_are_refused(saved, name):
    figures = json.loads(saved.read_text())["figures"]
    value = figures[5][name]
    figures[5][name] = [x + 1 for x in value] if isinstance(value, list) else value + 1
    assert "round 6: the market's figures" in refusal_of(changed(saved, figures=figures))
    figures[5][name] = "much"
    assert "round 6: the market's figures" in refusal_of(changed(saved, figures=figures))


def test_a_game_in_a_folder_that_is_not_there_cannot_be_saved(tmp_path):
    with pytest.raises(ParameterError, match=r"--save = .*cannot be written"):
        save_game(tmp_path / "no" / "game.json", make_setup("single"), ["human"], [])
