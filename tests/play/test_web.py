"""The web server: real requests over a loopback socket."""

import contextlib
import functools
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")


from cardjax.commands import main as command
from cardjax.env import ParameterError
from cardjax.play import SeatedGame, find_participant, human, make_setup, save_game, score_of
from cardjax.play.record import parse_game
from cardjax.play.web import app as app_module
from cardjax.play.web import connections, requests
from cardjax.play.web.app import make_app
from cardjax.play.web.headers import SECURITY, HostCheck
from cardjax.play.web.players import SCRIPTED, Roster, ServedPlayer, load_served
from cardjax.play.web.sessions import ExpiredError, Sessions
from cardjax.play.words import KINDS, card_name
from cardjax.policies.planning import inventory
from cardjax.policies.registry import POLICIES


def beside(name):
    """The module NAME.py in this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


visitors = beside("visitors")
Client, JSON, serve, values_of = (
    visitors.Client,
    visitors.JSON,
    visitors.serve,
    visitors.values_of,
)
KEPT = 4
ORDERS = [3, 0, 12, 20, 1, 10, 0, 11, 2, 5]
HALF = (
    b"POST /api/games HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 9\r\n\r\n{"
)
HIDDEN = {"cards", "S", "depth_bid", "depth_ask", "orders"}


@pytest.fixture(scope="module")
def visitor():
    level1 = ServedPlayer("mine", POLICIES["level1"], make_setup("two").params, n_players=2)
    server, thread, port = serve(make_app(Roster((level1,)), capacity=KEPT))
    yield Client(port)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def finished(visitor):
    """A whole game over HTTP: (as it stood before each round, as it ended)."""
    game = visitor.new(mode="two", opponent="level1", seed=5)
    stood = []
    for action in ORDERS:
        stood.append(game)
        game = visitor.order(game, action)
    return stood, game


def test_a_game_over_http_is_the_cores_game(finished):
    setup = make_setup("two", "lively", seed=5)
    table = SeatedGame(setup, [human(), find_participant("level1", setup)])
    stood, end = finished
    for action, before in zip(ORDERS, stood, strict=True):
        assert before["offer"]["bid"] == table.offer.bid
        table.play({0: action})
    assert end["over"] and end["offer"] is None
    for shown, record in zip(end["records"], table.records, strict=True):
        assert shown["cards"] == list(record.cards)
        assert [order["pnl"] for order in shown["orders"]] == [order.pnl for order in record.orders]
        assert [order["action"] for order in shown["orders"]] == [
            order.action for order in record.orders
        ]
    score = score_of(setup, table.records, 0)
    assert end["summary"]["scores"][0]["totals"]["pnl"] == pytest.approx(score.totals.pnl)
    assert end["summary"]["scores"][0]["score"] == pytest.approx(score.score)


def test_what_is_hidden_stays_on_the_server_until_the_round_is_settled(finished):
    for played, before in enumerate(finished[0]):
        assert not HIDDEN & set(before["offer"])
        assert len(before["offer"]["hints"]) <= 3 and len(before["records"]) == played
        assert before["summary"] is None


def test_the_fair_value_is_the_one_that_the_record_tells_later(finished):
    stood, end = finished
    for before, record in zip(stood, end["records"], strict=True):
        assert (before["offer"]["mu"], before["offer"]["sigma"]) == (record["mu"], record["sigma"])


def test_a_finished_game_tells_what_others_would_have_earned(finished):
    compared = {row["name"]: row for row in finished[1]["summary"]["compared"]}
    assert list(compared) == [
        "equilibrium instead of you",
        "mine instead of you",
        "ev_oracle instead of you",
        "random_valid instead of you",
        "the equilibrium at every seat",
    ]
    assert (
        compared["equilibrium instead of you"]["expected_pnl"]
        > finished[1]["summary"]["scores"][0]["totals"]["expected_pnl"]
    )
    assert all(row["rounds"] == 10 for row in compared.values())


def test_the_saved_file_is_the_terminals_byte_for_byte(visitor, tmp_path):
    game = visitor.new(mode="two", opponent="mine", seed=6)
    game = visitor.order(game, 3)
    status, headers, content = visitor.raw("GET", f"/api/games/{game['id']}/saved")
    setup = make_setup("two", "lively", seed=6)
    table = SeatedGame(setup, [human(), find_participant("level1", setup)])
    table.play({0: 3})
    save_game(tmp_path / "game.json", setup, ["human", "mine"], table.records)
    assert status == 200 and content == (tmp_path / "game.json").read_bytes()
    assert headers["content-disposition"] == 'attachment; filename="cardjax-two-seed6.json"'


def test_a_saved_game_is_replayed(visitor):
    _, _, content = visitor.raw("POST", "/api/games", json.dumps({"seed": 7, "opponent": "pass"}))
    game = visitor.order(visitor.order(json.loads(content), 4), 0)
    _, _, saved = visitor.raw("GET", f"/api/games/{game['id']}/saved")
    status, _, content = visitor.raw("POST", "/api/replays", saved)
    replayed = json.loads(content)
    assert status == 200 and replayed["records"] == game["records"]
    assert [seat["name"] for seat in replayed["seats"]] == ["You", "pass"]
    assert replayed["summary"]["scores"][0]["totals"]["rounds"] == 2


def test_a_saved_game_whose_figures_were_changed_is_refused(visitor):
    game = visitor.order(visitor.new(seed=8), 4)
    saved = json.loads(visitor.raw("GET", f"/api/games/{game['id']}/saved")[2])
    saved["figures"][0]["wealth"][0] += 100
    status, answer = visitor.ask("POST", "/api/replays", saved)
    assert status == 400
    assert answer["error"] == (
        "The file is damaged, or of other rules "
        "(round 1: the market's figures are not the saved ones)."
    )


def test_a_saved_game_with_figures_beyond_floats_is_refused(visitor):
    game = visitor.order(visitor.new(seed=8), 10)
    saved = json.loads(visitor.raw("GET", f"/api/games/{game['id']}/saved")[2])
    saved["env"]["initial_wealth"] = 3e38
    saved["env"]["alpha"] = 3e38
    text = json.dumps(saved)
    for infinite in ("1e999", "-1e999"):
        changed = json.loads(text)
        changed["figures"][0]["wealth"] = changed["figures"][0]["pnl"] = ["INF", "INF"]
        status, _, content = visitor.raw(
            "POST", "/api/replays", json.dumps(changed).replace('"INF"', infinite)
        )
        assert status == 400 and "error" in json.loads(content)


def test_a_hidden_event_reaches_no_browser_not_even_after_the_game(visitor):
    game = visitor.new(mode="two", preset="hidden_events", seed=5)
    answers = [game]
    for action in ORDERS:
        assert not HIDDEN & set(game["offer"])
        game = visitor.order(game, action)
        answers.append(game)
    saved = json.loads(visitor.raw("GET", f"/api/games/{game['id']}/saved")[2])
    replayed = visitor.ask("POST", "/api/replays", saved)[1]
    watched = visitor.ask(
        "POST", "/api/matches", {"preset": "hidden_events", "players": ["level1", "pass"]}
    )[1]
    assert game["over"] and replayed["records"] == game["records"]
    for answer in [*answers, saved, replayed, watched]:
        assert set(values_of(answer, "event")) == {None}
        assert set(values_of(answer, "event_kind")) <= {None}
        assert set(values_of(answer, "event_words")) <= {"The event is hidden from everybody"}
        for deck in values_of(answer, "deck"):
            assert all(card["value"] == card["rank"] and card["eligible"] for card in deck)


def test_a_hidden_event_s_belief_is_said_in_words(visitor):
    game = visitor.new(mode="single", preset="hidden_events", seed=5)
    first = game["offer"]["belief"]
    game = visitor.order(game, 0)
    second, record = game["offer"]["belief"], game["records"][0]
    assert [kind["words"] for kind in first["kinds"]] == list(KINDS)
    for belief in (first, second):
        assert sum(kind["chance"] for kind in belief["kinds"]) == pytest.approx(1, abs=1e-5)
    assert first["last_cards"] == [] and first != second
    assert second["last_cards"] == [card_name(rank) for rank in record["cards"]]
    assert second["last_sum"] == record["S"]
    assert record["belief"] == first


def test_a_page_is_told_what_is_carried_and_charged(visitor, monkeypatch):
    # How exactly the planner has solved the game is tested elsewhere.
    few = functools.partial(inventory.solve, n_draws=1024)
    monkeypatch.setattr(inventory, "solve", few)
    monkeypatch.setattr(inventory, "_solved_once", functools.lru_cache(inventory._solved))
    game = visitor.new(mode="single", preset="inventory", seed=3)
    assert game["carries"] and game["charged"] and game["offer"]["inventory"] == [0]
    game = visitor.order(game, 3)
    assert game["offer"]["inventory"] == [3] and game["offer"]["inventory_limit"] == 20
    order = game["records"][0]["orders"][0]
    assert order["inventory"] == 3 and order["risk_charge"] == pytest.approx(0.09)
    plain = visitor.new(mode="single", seed=3)
    assert not plain["carries"] and plain["offer"]["inventory"] is None


def test_who_has_learned_with_hidden_events_plays_no_game_with_known_ones(visitor):
    hidden = ServedPlayer("mine", POLICIES["level1"], {}, n_players=2, hides_event=True)
    roster, known = Roster((hidden,)), make_setup("two")
    with pytest.raises(ParameterError, match="was trained with hidden events, and here they are"):
        roster.find("opponent", "mine", known)
    assert "mine" not in [who.name for who in roster.compared(known)]
    own = make_setup("two", preset="hidden_events")
    assert roster.find("opponent", "mine", own).name == "mine"
    assert "mine" in [who.name for who in roster.compared(own)]


def test_policies_play_a_whole_game_that_can_be_saved(visitor):
    match = {"mode": "two", "players": ["mine", "equilibrium"], "seed": 3}
    (status, game), (_, again) = (
        visitor.ask("POST", "/api/matches", match),
        visitor.ask("POST", "/api/matches", match),
    )
    assert status == 201 and game["over"] and len(game["records"]) == 10
    assert game["records"] == again["records"]
    assert all(
        len(order["action_values"]) == 21
        for record in game["records"]
        for order in record["orders"]
    )
    for record in game["records"]:
        best = {action for action, _ in record["orders"][1]["benchmark"]}
        assert record["orders"][1]["action"] in best, (
            "the equilibrium plays what the page calls the equilibrium"
        )
    _, _, saved = visitor.raw("GET", f"/api/games/{game['id']}/saved")
    assert parse_game(saved.decode()).players == ("mine", "equilibrium")
    assert [row["name"] for row in game["summary"]["compared"]] == [
        "the equilibrium at every seat",
        "ev_oracle instead of mine",
        "random_valid instead of mine",
    ], "no line-up is told twice"
    status, answer = visitor.ask(
        "POST", f"/api/games/{game['id']}/orders", {"round": 1, "action": 0}
    )
    assert (status, answer["error"]) == (409, "This game is among policies and takes no orders.")


def test_alone_with_the_market_and_with_switches(visitor):
    game = visitor.new(mode="single", events=False, impact=False, preset="tight_budget", seed=1)
    assert [seat["name"] for seat in game["seats"]] == ["You"]
    assert (game["events"], game["impact"], game["initial_wealth"]) == (False, False, 100.0)
    assert visitor.ask("GET", f"/api/games/{game['id']}") == (200, game)


def test_options_name_who_may_be_met(visitor):
    status, options = visitor.ask("GET", "/api/options")
    two, single = (
        [player["name"] for player in options["players"][mode]] for mode in ("two", "single")
    )
    assert status == 200 and options["preset"] == "lively"
    assert {"default", "lively"} <= set(options["presets"])
    assert two == ["mine", *SCRIPTED] and single == [*SCRIPTED]
    assert all(player["words"] for player in options["players"]["two"])


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("games", {"mode": "three"}, 'mode = "three": must be one of single, two.'),
        ("games", {"mode": ["two"]}, "must be one of single, two."),
        ("games", {"seed": -1}, "seed = -1: must be a whole number in [0, 2147483647]."),
        ("games", {"seed": 2**31}, "seed = 2147483648"),
        ("games", {"seed": 1.0}, "seed = 1.0"),
        ("games", {"seed": True}, "seed = true"),
        ("games", {"seed": "1" * 500}, "…: must be a whole number"),
        ("games", {"events": "off"}, 'events = "off": must be true or false.'),
        ("games", {"impact": 0}, "impact = 0"),
        ("games", {"preset": "../ippo"}, 'preset = "../ippo": must be one of calm, commons'),
        ("games", {"preset": None}, "preset = null"),
        ("games", {"opponent": "/tmp"}, "opponent = /tmp: must be one of mine, pass"),
        ("games", {"opponent": "human"}, "opponent = human"),
        ("games", {"opponent": {"a": 1}}, "opponent = {'a': 1}"),
        ("games", {"opponent": "\u202e\n\x00"}, "opponent ="),
        ("games", {"mode": "single", "opponent": "pass"}, "a single player has none: leave it out"),
        (
            "games",
            {"alpha": 1},
            '"alpha": unknown field; there are mode, preset, seed, events, impact, opponent, role.',
        ),
        ("games", [], "must be a JSON object"),
        ("games", 3, "must be a JSON object"),
        ("matches", {"players": ["pass"]}, 'players = ["pass"]: must be a list of 2 name(s).'),
        ("matches", {"players": "ab"}, 'players = "ab"'),
        ("matches", {}, "players = null"),
        ("matches", {"players": ["pass", "."]}, "players = .: must be one of"),
        (
            "matches",
            {"mode": "single", "players": ["mine"]},
            "was trained for 2 player(s), not for 1",
        ),
        ("matches", {"players": ["pass", "human"]}, "players = human"),
        ("replays", {}, "The file is not a saved game of cardjax."),
        (
            "replays",
            {"n_players": 5},
            "The file has 5 players; games of at most 4 are replayed here.",
        ),
        ("replays", [1], "The file is not a saved game of cardjax."),
    ],
)
def test_bad_fields_are_refused_in_one_line(visitor, path, body, said):
    status, answer = visitor.ask("POST", f"/api/{path}", body)
    assert status == 400 and set(answer) == {"error"}
    assert said in answer["error"] and "\n" not in answer["error"] and len(answer["error"]) < 400


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({}, "round = null"),
        ({"round": 1}, "action = null: must be a whole number in [0, 20]."),
        ({"round": 1, "action": 21}, "action = 21"),
        ({"round": 1, "action": 3.5}, "action = 3.5"),
        ({"round": 1, "action": False}, "action = false"),
        ({"round": 0, "action": 1}, "round = 0"),
        ({"round": 1, "action": 1, "seat": 1}, '"seat": unknown field'),
    ],
)
def test_bad_orders_leave_the_game_as_it_was(visitor, order, said):
    game = visitor.new(seed=2)
    status, answer = visitor.ask("POST", f"/api/games/{game['id']}/orders", order)
    assert status == 400 and said in answer["error"]
    assert visitor.ask("GET", f"/api/games/{game['id']}") == (200, game)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "not valid JSON"),
        (b"{", 400, "not valid JSON"),
        (b'{"seed": NaN}', 400, "NaN is not a JSON number"),
        (b'{"seed": 1, "seed": 2}', 400, "a name comes twice"),
        (b'{"seed": ' + b"1" * 3000 + b"}", 400, "seed = 111"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (rb'{"opponent": "\ud800"}', 400, "half a character"),
        (rb'{"\udfff": 1}', 400, "half a character"),
        (rb'{"mode": ["two", {"preset": "\ud800\ud800"}]}', 400, "half a character"),
        (b"[" * 2000 + b"]" * 2000, 400, "nested too deeply"),
        (b"[" * 13 + b"]" * 13, 400, "12 levels are allowed"),
        (b'{"mode": "' + b"x" * 5000 + b'"}', 413, "4 KiB are allowed"),
    ],
)
def test_bad_bodies_are_refused_in_one_line(visitor, body, status, said):
    answered, headers, content = visitor.raw("POST", "/api/games", body)
    assert answered == status and said in json.loads(content)["error"]
    assert headers["content-type"] == "application/json"


def test_deep_nesting_that_python_itself_gives_up_on_is_refused(visitor):
    status, _, content = visitor.raw("POST", "/api/replays", b"[" * 100_000)
    assert status == 400 and json.loads(content)["error"].startswith(
        "The request is not valid JSON"
    )


def test_a_replay_may_be_longer_than_an_order_but_not_endless(visitor):
    long = b'"' + b"x" * requests.LARGE + b'"'
    assert visitor.raw("POST", "/api/replays", long[:1000] + b'"')[0] == 400
    status, _, content = visitor.raw("POST", "/api/replays", long)
    assert (
        status == 413
        and json.loads(content)["error"] == "The request is too long: 256 KiB are allowed."
    )


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_sites_forms_are_refused(visitor, kind):
    status, _, content = visitor.raw("POST", "/api/games", b"{}", {"Content-Type": kind})
    assert status == 415 and "application/json" in json.loads(content)["error"]


def test_a_body_that_does_not_come_is_not_waited_for(visitor, monkeypatch):
    monkeypatch.setattr(requests, "PATIENCE", 0.2)
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=20) as line:
        line.sendall(HALF)
        assert line.recv(12) == b"HTTP/1.1 408"


def test_a_visitor_who_leaves_half_way_harms_nobody(visitor):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", visitor.port), timeout=20) as line:
            line.sendall(HALF)
    assert visitor.ask("GET", "/api/options")[0] == 200


def test_visitors_who_interleave_do_not_meet(visitor):
    setups = [dict(mode="two", opponent="level1", seed=5), dict(mode="single", seed=9)]
    alone = []
    for setup in setups:
        game = visitor.new(**setup)
        for action in ORDERS[:4]:
            game = visitor.order(game, action)
        alone.append(game["records"])

    def play(setup):
        game = visitor.new(**setup)
        for action in ORDERS[:4]:
            game = visitor.order(game, action)
            time.sleep(0.01)
        return game["records"]

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(play, setups))
    assert together == alone


def test_of_many_orders_for_one_round_one_counts(visitor):
    game = visitor.new(seed=4)
    order = {"round": 1, "action": 2}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: visitor.ask("POST", f"/api/games/{game['id']}/orders", order), range(8)
            )
        )
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    assert len(visitor.ask("GET", f"/api/games/{game['id']}")[1]["records"]) == 1
    late = next(answer for status, answer in answers if status == 409)
    assert late["error"] == "round = 1: the game is at round 2; load it again."


def test_a_game_that_is_over_takes_no_order(visitor):
    game = visitor.new(mode="single", seed=1)
    for _ in range(10):
        game = visitor.order(game, 0)
    status, answer = visitor.ask(
        "POST", f"/api/games/{game['id']}/orders", {"round": 10, "action": 0}
    )
    assert (status, answer["error"]) == (409, "This game is over.")


def test_the_game_untouched_for_longest_makes_room(visitor):
    first, *others = [visitor.new(seed=seed)["id"] for seed in range(KEPT)]
    assert visitor.ask("GET", f"/api/games/{first}")[0] == 200
    newest = visitor.new(seed=9)["id"]
    for path, method in (
        (others[0], "GET"),
        (f"{others[0]}/orders", "POST"),
        (f"{others[0]}/saved", "GET"),
    ):
        body = {"round": 1, "action": 0} if method == "POST" else None
        status, answer = visitor.ask(method, f"/api/games/{path}", body)
        assert status == 404 and answer["error"].startswith("The server no longer has this game")
    assert all(
        visitor.ask("GET", f"/api/games/{name}")[0] == 200 for name in (first, *others[1:], newest)
    )


def test_identifiers_cannot_be_guessed_and_the_oldest_goes():
    sessions = Sessions(3)
    names = [sessions.add(i) for i in range(50)]
    assert len(sessions) == 3 and len(set(names)) == 50 and all(len(name) == 22 for name in names)
    assert [sessions.get(name) for name in names[-3:]] == [47, 48, 49]
    with pytest.raises(ExpiredError):
        sessions.get(names[0])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/app.js", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/api/options", 200),
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/static/..%2fapp.py", 404),
        ("GET", "/static/", 404),
        ("GET", "/api/games", 405),
        ("DELETE", "/api/options", 405),
        ("GET", "/api/games/x", 404),
    ],
)
def test_every_answer_has_the_security_headers(visitor, method, path, status):
    answered, headers, content = visitor.raw(method, path)
    assert answered == status
    assert {name: headers[name] for name in SECURITY} == SECURITY
    if status >= 400:
        assert set(json.loads(content)) == {"error"}


def answer_to(port, sent, heads=1, source="127.0.0.1"):
    """What the server says to raw bytes until it closes the line or has sent `heads` heads."""
    with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as line:
        line.sendall(sent)
        said = b""
        while said.count(b"\r\n\r\n") < heads and (more := line.recv(65536)):
            said += more
    return said.decode()


def has_security_headers(head):
    return all(f"{name}: {value}\r\n" in head for name, value in SECURITY.items())


def test_answers_that_no_endpoint_gives_have_the_security_headers_too(visitor):
    expecting = HALF[:-5].replace(b"Length: 9", b"Length: 2") + b"\r\nExpect: 100-continue\r\n\r\n"
    head = answer_to(visitor.port, expecting)
    assert head.startswith("HTTP/1.1 100") and has_security_headers(head)
    head = answer_to(visitor.port, b"this is not HTTP\r\n\r\n")
    assert head.startswith("HTTP/1.1 400") and has_security_headers(head)


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("game.localhost:80", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
        ("localhost@evil.example", 421),
    ],
)
def test_only_requests_to_this_machine_s_own_names_are_answered(visitor, named, status):
    for path in ("/", "/api/options"):
        said = answer_to(visitor.port, f"GET {path} HTTP/1.1\r\nHost: {named}\r\n\r\n".encode())
        assert said.startswith(f"HTTP/1.1 {status}") and has_security_headers(said)


def test_a_server_is_known_by_its_host_and_the_names_that_it_is_given():
    named = HostCheck(None, "cards.test", ("Proxy.Test",))
    assert named.allows("cards.test:8000") and named.allows("proxy.test")
    assert not named.allows("other.test") and not named.allows("192.0.2.1")
    assert HostCheck(None, "192.0.2.1").allows("192.0.2.1:80")
    for everywhere in (HostCheck(None, "0.0.0.0"), HostCheck(None, "::")):
        assert everywhere.allows("192.0.2.1:8000") and everywhere.allows("[2001:db8::1]")
        assert not everywhere.allows("evil.example")


def test_half_open_connections_shut_nobody_else_out_and_end_by_themselves(visitor, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_PATIENCE", 3.0)
    options = b"GET /api/options HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    lines = [socket.create_connection(("127.0.0.1", visitor.port), 20) for _ in range(300)]
    try:
        for line in lines:
            with contextlib.suppress(OSError):  # refused already
                line.sendall(options[:20])
        assert answer_to(visitor.port, options, source="127.0.0.2").startswith("HTTP/1.1 200")
        head = lines[-1].recv(65536).decode()
        assert head.startswith("HTTP/1.1 503") and has_security_headers(head)
        deadline = time.monotonic() + 20
        while not answer_to(visitor.port, options).startswith("HTTP/1.1 200"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        lines[0].settimeout(20)
        assert lines[0].recv(1) == b"", "half a header is not waited for"
    finally:
        for line in lines:
            line.close()


def test_a_header_that_trickles_in_is_not_waited_for(visitor, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_PATIENCE", 0.5)
    with socket.create_connection(("127.0.0.1", visitor.port), 20) as line:
        whole = b"GET /api/options HTTP/1.1\r\nHost: localhost\r\n\r\n"
        line.sendall(whole)  # a first request that is whole changes nothing for the next
        line.recv(65536)
        closed = time.monotonic() + 20
        with contextlib.suppress(OSError):  # reset, or broken pipe
            while time.monotonic() < closed:
                line.sendall(b"X")
                time.sleep(0.05)
        assert time.monotonic() < closed


def test_the_policy_lets_nothing_in_from_elsewhere():
    rules = dict(
        rule.strip().split(" ", 1) for rule in SECURITY["content-security-policy"].split(";")
    )
    assert rules["default-src"] == "'none'" and rules["script-src"] == "'self'"
    assert (
        "unsafe" not in SECURITY["content-security-policy"]
        and "http" not in SECURITY["content-security-policy"]
    )


def test_the_page_asks_for_nothing_from_elsewhere():
    for file in app_module.STATIC.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "innerHTML" not in text, file.name


def test_a_failure_of_the_server_tells_no_more_than_that(visitor, monkeypatch):
    def fail(*_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(app_module, "read_game", fail)
    status, headers, content = visitor.raw("POST", "/api/games", b"{}")
    assert status == 500 and headers["x-content-type-options"] == "nosniff"
    assert json.loads(content) == {"error": "The server failed at this; its log says more."}


def test_a_port_that_is_taken_is_told_in_one_line(visitor, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["web", "--port", str(visitor.port)])
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(
        f"--port = {visitor.port}: cannot be listened at on 127.0.0.1 (Address already in use)"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "--port = 70000: must be a whole number in [0, 65535]"),
        (["--host", "a" * 300], "--host = aaa"),
        (["--host", "a..b"], "--host = a..b: is no address of this machine"),
        (
            ["--host", "no.such.host.invalid"],
            "--host = no.such.host.invalid: is no address of this machine",
        ),
        (["--host", "203.0.113.1"], "--port = "),
        (
            ["--port", "0", "--policy", "/nonexistent"],
            "--policy = /nonexistent: is neither a run folder nor a policy (",
        ),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(capsys, arguments, said):
    with pytest.raises(SystemExit) as stop:
        command.main(["web", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith(said) and error.count("\n") == 1


@pytest.mark.parametrize("package", ["uvicorn", "starlette"])
def test_without_the_extra_it_says_how_to_install_it(capsys, monkeypatch, package):
    for name in [
        name for name in sys.modules if name.startswith((f"{package}.", "cardjax.play.web.app"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as stop:
        command.main(["web", "--port", "0"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1
    assert "is not installed: pip install 'cardjax[web]'" in said


def test_ctrl_c_stops_the_server_cleanly(compilation_cache):
    process = subprocess.Popen(
        [sys.executable, "-m", "cardjax.play.web", "--port", "0"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(compilation_cache)},
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("cardjax: http://127.0.0.1:") and line.endswith("(Ctrl-C stops)\n")
        client = Client(int(line.split()[1].rsplit(":", 1)[1]))
        assert client.ask("GET", "/api/options")[0] == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "stopped\n", "")
    finally:
        process.kill()


def test_two_players_of_one_name_are_refused(tmp_path):
    (tmp_path / "own.py").write_text("from cardjax.policies import Level1\nlevel1 = Level1()\n")
    name = f"{tmp_path}/own.py:level1"
    with pytest.raises(ParameterError, match="another player is called level1 already"):
        load_served([name])


OWN = """
import dataclasses
import jax.numpy as jnp
from cardjax.policies import Deterministic

@dataclasses.dataclass(frozen=True)
class Seller(Deterministic):
    def choose(self, params, view):
        return jnp.where(view.action_mask[..., 14], 14, 0)
"""


def test_a_policy_of_ones_own_is_served(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    served = load_served([f"{tmp_path}/own.py:Seller", "ev_oracle:fixed:3"])
    server, thread, port = serve(make_app(Roster(served)))
    visitor = Client(port)
    players = visitor.ask("GET", "/api/options")[1]["players"]
    names = ["Seller", "ev_oracle:fixed:3"]
    for mode in ("single", "two"):
        assert [player["name"] for player in players[mode] if player["served"]] == names
        assert [player["name"] for player in players[mode]] == [*names, *SCRIPTED]
    game = visitor.new(mode="two", opponent="Seller", seed=1)
    (record,) = visitor.order(game, 0)["records"]
    assert [order["action"] for order in record["orders"]] == [0, 14]
    server.should_exit = True
    thread.join(10)


@pytest.mark.slow
def test_a_trained_run_plays(tmp_path, monkeypatch):
    from cardjax.config import make_config
    from cardjax.training import runs

    monkeypatch.chdir(tmp_path)
    tiny = {
        "name": "mine",
        "train.n_envs": 64,
        "train.total_steps": 1280,
        "train.n_evals": 1,
        "train.eval_games": 64,
        "train.final_eval_games": 64,
        "ppo.n_minibatches": 4,
        "ppo.hidden": [8],
    }
    folder = runs.start("ippo", make_config(tiny))
    server, thread, port = serve(make_app(Roster(load_served([str(folder)]))))
    status, game = Client(port).ask(
        "POST", "/api/matches", {"players": ["mine", "mine"], "seed": 1}
    )
    assert status == 201 and [seat["name"] for seat in game["seats"]] == [
        "mine (seat 1)",
        "mine (seat 2)",
    ]
    named = [row["name"] for row in game["summary"]["compared"]]
    assert "ev_oracle instead of mine" in named and "mine instead of mine" not in named
    server.should_exit = True
    thread.join(10)
