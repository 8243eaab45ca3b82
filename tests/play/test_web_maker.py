"""A maker's game over HTTP, and how the server keeps both roles apart."""

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from cardjax.play import find_participant, make_setup
from cardjax.play.maker.game import MakerGame
from cardjax.play.maker.record import parse_any_game, save_maker_game
from cardjax.play.maker.score import IN_ITS_PLACE, score_of
from cardjax.play.setup import MAKER
from cardjax.play.web.app import make_app
from cardjax.play.web.players import Roster, ServedPlayer
from cardjax.policies import Pass
from cardjax.policies.registry import POLICIES


def beside(name):
    """The module NAME.py in this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


visitors = beside("visitors")
HIDDEN = {"cards", "S", "n_shown", "takers_mu", "orders", "monopoly", "competitive"}
QUOTES = [(37, 44), (0, 59), *[(36, 36)] * 8]


@pytest.fixture(scope="module")
def visitor():
    learned = ServedPlayer("learned", Pass(), {}, 2, False, False, has_maker=True)
    other = ServedPlayer("other", Pass(), {}, 2, False, False, has_maker=False)
    server, thread, port = visitors.serve(make_app(Roster((learned, other)), capacity=4))
    yield visitors.Client(port)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def quote(visitor, game, ask, bid):
    body = {"round": game["offer"]["round"], "ask": ask, "bid": bid}
    status, after = visitor.ask("POST", f"/api/games/{game['id']}/quotes", body)
    assert status == 200, after
    return after


@pytest.fixture(scope="module")
def finished(visitor):
    """A whole game: (as it stood before each round, as it ended)."""
    game, stood = visitor.new(role="maker", opponent="level1", seed=5), []
    for ask, bid in QUOTES:
        stood.append(game)
        game = quote(visitor, game, ask, bid)
    return stood, game


def test_a_maker_s_game_over_http_is_the_core_s(finished, visitor, tmp_path):
    setup = make_setup("two", "maker", seed=5, role=MAKER)
    table = MakerGame(setup, find_participant("level1", setup))
    stood, end = finished
    for choices, before in zip(QUOTES, stood, strict=True):
        assert before["offer"]["mu"] == table.offer.mu and before["role"] == "maker"
        assert not HIDDEN & set(before["offer"]) and before["summary"] is None
        table.play(choices)
    for shown, record in zip(end["records"], table.records, strict=True):
        assert shown["cards"] == list(record.cards) and shown["pnl"] == record.pnl
        assert shown["worth"] == pytest.approx(record.worth)
        assert sum(side["pnl"] for side in shown["quoted"]) == pytest.approx(record.pnl, abs=1e-2)
        assert "Takers saw" in shown["explain"]
    score = score_of(table.records)
    assert end["over"] and end["offer"] is None
    assert end["summary"]["score"]["score"] == pytest.approx(score.score)
    others = [row["name"] for row in end["summary"]["compared"]]
    assert others == ["monopolist", "competitive", "random_quotes"]
    assert [seat["name"] for seat in end["seats"]] == [
        "You",
        "level1 (seat 2)",
        "level1 (seat 3)",
    ]

    _, headers, saved = visitor.raw("GET", f"/api/games/{end['id']}/saved")
    save_maker_game(tmp_path / "game.json", setup, "level1", table.records)
    assert saved == (tmp_path / "game.json").read_bytes()
    assert 'filename="cardjax-maker-two-seed5.json"' in headers["content-disposition"]
    assert list(parse_any_game(saved.decode()).records) == table.records
    status, replayed = visitor.ask("POST", "/api/replays", json.loads(saved))
    assert status == 200 and replayed["records"] == end["records"]
    assert replayed["summary"] == end["summary"]
    changed = json.loads(saved) | {"quotes": [[0, 0]] * 10}
    status, answer = visitor.ask("POST", "/api/replays", changed)
    assert status == 400 and "round 1: level1 orders otherwise" in answer["error"]


def test_a_scripted_maker_is_watched_from_its_seat(finished, visitor):
    body = {"role": "maker", "maker": "competitive", "opponent": "level1", "seed": 5}
    status, game = visitor.ask("POST", "/api/matches", body)
    assert status == 201 and game["over"] and game["maker"] == "competitive"
    assert [seat["human"] for seat in game["seats"]] == [False] * 3
    assert game["seats"][0]["name"] == "competitive"
    for record, mine in zip(game["records"], finished[1]["records"], strict=True):
        assert record["cards"] == mine["cards"]
        assert [side["offset"] for side in record["quoted"]] == record["competitive"]["offset"]
    own, others = game["summary"]["score"]["totals"], game["summary"]["compared"]
    assert {"name": "competitive"} | own in others
    saved = json.loads(visitor.raw("GET", f"/api/games/{game['id']}/saved")[2])
    assert visitor.ask("POST", "/api/replays", saved)[1]["records"] == game["records"]
    for wrong, said in (
        ({"maker": "oracle"}, "must be one of monopolist, competitive, random_quotes."),
        ({"players": ["pass"]}, '"players": unknown field'),
        ({"opponent": "human"}, "opponent = human"),
    ):
        status, answer = visitor.ask("POST", "/api/matches", body | wrong)
        assert status == 400 and said in answer["error"]


def test_the_options_say_what_a_maker_may_choose(visitor):
    _, options = visitor.ask("GET", "/api/options")
    own = options["maker"]
    assert [maker["name"] for maker in own["makers"]] == [*IN_ITS_PLACE]
    assert own["preset"] == "maker" and "maker" not in options["presets"]
    assert own["presets"] == ["maker", "calm", "commons", "tight_budget"]
    names = {
        mode: [player["name"] for player in own["players"][mode]] for mode in ("two", "single")
    }
    assert names == {"two": ["learned", *POLICIES], "single": [*POLICIES]}
    assert "learned" not in [player["name"] for player in options["players"]["two"]]
    for preset in own["presets"]:
        made = make_setup("two", preset, role=MAKER)
        assert made.has_maker


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"role": "dealer"}, 'role = "dealer": must be one of taker, maker.'),
        ({"role": None}, "role = null"),
        ({"role": "maker", "preset": "hidden_events"}, "env.maker = agent: must be oracle unless"),
        ({"preset": "maker"}, "env.maker = agent: must be oracle for people who take quotes"),
        ({"role": "maker", "opponent": "planner"}, "opponent = planner: must be one of learned"),
        ({"role": "maker", "opponent": "human"}, "opponent = human"),
        ({"role": "maker", "opponent": "other"}, "was trained where the maker is none, and here"),
        ({"role": "taker", "opponent": "learned"}, "was trained where the maker is a player"),
        ({"role": "maker", "quotes": []}, '"quotes": unknown field'),
    ],
)
def test_what_a_maker_may_not_ask_for_is_refused_in_one_line(visitor, body, said):
    status, answer = visitor.ask("POST", "/api/games", body)
    assert status == 400 and said in answer["error"] and "\n" not in answer["error"]


def test_bad_quotes_leave_the_game_as_it_was_and_roles_are_kept_apart(visitor):
    game = visitor.new(role="maker", seed=2)
    path = f"/api/games/{game['id']}"
    for body, status, said in (
        ({}, 400, "ask = null: must be a whole number in [0, 59]."),
        ({"round": 1, "ask": 60, "bid": 0}, 400, "ask = 60"),
        ({"round": 1, "ask": 0, "bid": 1.5}, 400, "bid = 1.5"),
        ({"round": 1, "ask": 0, "bid": True}, 400, "bid = true"),
        ({"round": 2, "ask": 0, "bid": 0}, 409, "round = 2: the game is at round 1"),
        ({"round": 1, "ask": 0, "bid": 0, "depth": 3}, 400, '"depth": unknown field'),
    ):
        answered, answer = visitor.ask("POST", f"{path}/quotes", body)
        assert answered == status and said in answer["error"]
    answered, answer = visitor.ask("POST", f"{path}/orders", {"round": 1, "action": 0})
    assert (answered, answer["error"]) == (409, "This game takes the maker's quotes and no orders.")
    assert visitor.ask("GET", path) == (200, game)
    taken = visitor.new(seed=2)
    body = {"round": 1, "ask": 0, "bid": 0}
    answered, answer = visitor.ask("POST", f"/api/games/{taken['id']}/quotes", body)
    assert (answered, answer["error"]) == (409, "This game takes orders and no quotes.")
    assert visitor.raw("GET", f"{path}/quotes")[0] == 405


def test_a_game_that_is_over_takes_no_quote(finished, visitor):
    body = {"round": 10, "ask": 0, "bid": 0}
    answered, answer = visitor.ask("POST", f"/api/games/{finished[1]['id']}/quotes", body)
    assert (answered, answer["error"]) == (409, "This game is over.")


def test_one_taker_in_a_calm_market(visitor):
    game = visitor.new(role="maker", mode="single", preset="calm", events=False, seed=1)
    game = quote(visitor, game, 36, 36)
    assert len(game["records"][0]["orders"]) == 1 and not game["events"] and not game["impact"]
    assert game["takers"] == "equilibrium" and set(
        visitors.values_of(game["records"], "against")
    ) == {None}
