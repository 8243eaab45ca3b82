"""A person as the market maker: the core of the game, what is typed, the terminal, saved files."""

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest

from cardjax.commands.main import main
from cardjax.env import ParameterError
from cardjax.env.events import EVENTS
from cardjax.env.maker import DEPTHS, N_QUOTES, OFFSETS
from cardjax.play import Game, Participant, find_participant, load_game, make_setup, save_game
from cardjax.play.maker.explanation import explain, how_many
from cardjax.play.maker.game import MakerGame, offset_of
from cardjax.play.maker.quotes import choice_of, quote_words, read_quote
from cardjax.play.maker.record import load_any_game, save_maker_game
from cardjax.play.maker.score import compared, quoted_by, score_of, totals_of
from cardjax.play.orders import MisreadError
from cardjax.play.setup import MAKER
from cardjax.policies import Pass, make_policy
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.policy import Memoryless

SEED = 4
QUOTES = [
    (36, 38),
    (0, 59),
    (12, 27),
    (41, 41),
    (59, 0),
    (22, 33),
    (5, 5),
    (48, 13),
    (30, 30),
    (3, 4),
]


@dataclasses.dataclass(frozen=True)
class LikeEquilibrium(Memoryless):
    """The equilibrium, not known as such: what quotes are worth against it has to be worked out."""

    def action_probabilities(self, params, view):
        return Equilibrium().action_probabilities(params, view)


def setup_of(kind="two", preset="maker", seed=SEED, **overrides):
    return make_setup(kind, preset, overrides, seed, role=MAKER)


def played(takers, quotes=QUOTES, **setup):
    setup = setup_of(**setup)
    who = Participant("mine", takers, setup.params) if not isinstance(takers, str) else None
    game = MakerGame(setup, who or find_participant(takers, setup))
    for quote in quotes:
        game.play(quote)
    return game


@pytest.fixture(scope="module")
def game():
    return played(LikeEquilibrium())


def mean_noise(offset, depth, rate=20, decay=0.5):
    """E[min(N, depth)] for N ~ Poisson, term by term."""
    mean = rate * math.exp(-decay * offset)
    chances = [math.exp(-mean) * mean**n / math.factorial(n) for n in range(100)]
    return sum(min(n, depth) * chance for n, chance in enumerate(chances))


def test_the_accounts_of_a_round_add_up(game):
    earned = 0.0
    for record, (ask, bid) in zip(game.records, QUOTES, strict=True):
        assert [side.choice for side in record.quoted] == [ask, bid]
        assert record.earned == pytest.approx(earned, abs=1e-3)
        bought, sold = record.quoted
        assert bought.price == pytest.approx(record.mu + bought.offset, abs=1e-4)
        assert sold.price == pytest.approx(record.mu - sold.offset, abs=1e-4)
        assert bought.takers_units == sum(o.size for o in record.orders if o.side == "buy")
        noise = bought.noise_units * (bought.price - record.S)
        noise += sold.noise_units * (record.S - sold.price)
        assert record.pnl == pytest.approx(noise - sum(o.pnl for o in record.orders), abs=1e-2)
        assert sum(side.pnl for side in record.quoted) == pytest.approx(record.pnl, abs=1e-2)
        mean = sum(s.offset * mean_noise(s.offset, s.depth) for s in record.quoted)
        mean -= sum(order.expected_pnl for order in record.orders)
        assert record.expected_pnl == pytest.approx(mean, abs=1e-2)
        earned += record.pnl
    totals = totals_of(game.records)
    parts = totals.from_noise + totals.paid - totals.information + totals.luck
    assert parts == pytest.approx(totals.pnl, abs=0.1) and totals.pnl == pytest.approx(earned)
    assert totals.information > 0 < totals.paid


def test_what_a_quote_is_worth_is_the_mean_over_what_these_takers_may_know(game):
    for record in game.records:
        assert record.against == pytest.approx(record.worth, abs=1e-3)
        for quote in (record.monopoly, record.competitive):
            assert quote.against == pytest.approx(sum(quote.worth), abs=1e-3)
            assert min(quote.worth) >= 0
        assert sum(record.monopoly.worth) >= max(record.worth, sum(record.competitive.worth))
    known = played("equilibrium", QUOTES[:2]).records
    assert [r.worth for r in known] == [r.worth for r in game.records[:2]]
    assert known[0].against is None is known[0].monopoly.against


def test_an_offer_tells_what_the_maker_knows_and_no_more(game):
    for record in game.records:
        n = len(record.hints)
        assert record.hints == record.cards[:n] and n == max(record.n_shown - 1, 0)
        assert record.n_shown in record.takers_see
        deck = np.repeat(np.arange(13), 4 * EVENTS.eligible[record.event]).tolist()
        for rank in record.hints:
            deck.remove(rank - 2)
        value = EVENTS.value[record.event]
        left = np.array([value[card] for card in deck], float)
        seen = sum(value[rank - 2] for rank in record.hints)
        assert record.mu == pytest.approx(seen + (3 - n) * left.mean(), abs=1e-3)
    hidden = {"S", "cards", "takers_mu", "orders", "n_shown"}
    assert not hidden & {field.name for field in dataclasses.fields(game.offer)}


@pytest.mark.parametrize(
    ("counts", "words"),
    [((1,), "1 card"), ((3,), "3 cards"), ((0, 1), "0 or 1 cards"), ((0, 1, 2, 3), "0 to 3 cards")],
)
def test_what_takers_may_see_is_said(game, counts, words):
    assert how_many(dataclasses.replace(game.offer, takers_see=counts)) == words


def test_the_cards_are_those_of_a_taker_s_game_whatever_is_quoted(game):
    taken = Game(make_setup("two", seed=SEED))
    while not taken.over:
        taken.play([0, 0])
    other = played("pass", [(7, 7)] * 10)
    for records in (taken.records, other.records):
        assert [r.cards for r in records] == [r.cards for r in game.records]
    flows = [dataclasses.astuple(record.last) for record in other.records]
    assert flows[0] == (0, 0, 0, 0)
    for flow, before in zip(flows[1:], other.records, strict=False):
        assert flow == (0, 0, *(side.noise_units for side in before.quoted))


def test_the_yardsticks_score_themselves():
    setup = setup_of()
    takers = find_participant("equilibrium", setup)
    best = score_of(quoted_by(setup, takers, lambda game: game.yardsticks[0], 3))
    assert best.score == pytest.approx(1) and best.markup == pytest.approx(1)
    lowest = score_of(quoted_by(setup, takers, lambda game: game.yardsticks[1], 3))
    assert lowest.totals.worth == pytest.approx(lowest.competitive) and lowest.markup == 0
    assert 0 <= lowest.score < 0.5
    others = compared(setup, takers, quoted_by(setup, takers, lambda game: (0, 0), 3))
    assert others["monopolist"] == best.totals and others["competitive"] == lowest.totals
    assert others["random_quotes"].worth < best.totals.worth and others["random_quotes"].rounds == 3


def test_a_round_is_explained(game):
    texts = [explain(record) for record in game.records]
    for text, record in zip(texts, game.records, strict=True):
        if any(side.takers_units for side in record.quoted):
            lost = sum(side.information for side in record.quoted)
            assert f"{abs(lost):.2f}, and they paid" in text
        assert f"Noise traders paid {sum(s.from_noise for s in record.quoted):.2f}" in text
    assert any("would have been worth" in text for text in texts)


@pytest.mark.parametrize("choice", range(0, N_QUOTES, 7))
def test_a_choice_is_read_by_its_offset_and_depth(choice):
    offset, depth = OFFSETS[choice // len(DEPTHS)], DEPTHS[choice % len(DEPTHS)]
    assert choice_of(float(offset), float(depth)) == choice and offset_of(choice) == offset
    assert read_quote(f"{offset:g} {depth}", None) == (choice, choice)


def test_what_is_typed_is_read_or_refused_in_one_line():
    last = (1, 2)
    assert read_quote(" 2 6 4 8 ", None) == (choice_of(2, 6), choice_of(4, 8))
    assert read_quote("2,6 / 4,8", None) == read_quote("2 6 4 8", None)
    assert read_quote(".25 2", None) == (0, 0) and read_quote("R", last) == last
    for text, said in (
        ("", "No quote yet"),
        ("r", "no quote to repeat"),
        ("3", "is no quote"),
        ("3 8 2", "is no quote"),
        ("-3 8", "is no quote"),
        ("nan 8", "is no quote"),
        ("3 8\x1b[31m", "is no quote"),
        ("2.2 8", "2.2 is no offset: it may be 0.25, 0.5"),
        ("3 7", "7 is no depth: it may be 2, 4, 6, 8, 10."),
        ("3 8 3 1e1", "is no quote"),
    ):
        with pytest.raises(MisreadError, match=re.escape(said)) as refused:
            read_quote(text, None)
        assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value)
    assert quote_words((1, 1), (8, 8)) == "1 point, 8 units"
    assert quote_words((2, 4), (6, 8)) == "ask 2 points, 6 units; bid 4 points, 8 units"


@pytest.mark.parametrize("wrong", [(0,), (0, 60), (-1, 0), (True, 0), (0.5, 0), "00"])
def test_no_quote_is_refused_and_nothing_has_happened(wrong):
    game = MakerGame(setup_of(), find_participant("pass", setup_of()))
    with pytest.raises(ValueError, match="quote = "):
        game.play(wrong)
    assert not game.records


def test_a_saved_game_is_replayed_with_and_without_its_takers(game, tmp_path):
    path = tmp_path / "game.json"
    scripted = played("level1", QUOTES[:3])
    save_maker_game(path, scripted.setup, "level1", scripted.records)
    saved = load_any_game(path)
    assert list(saved.records) == scripted.records and saved.takers.policy == make_policy("level1")
    save_maker_game(path, game.setup, "run mine", game.records)
    unknown = load_any_game(path)
    assert unknown.takers.policy is None and not compared(unknown.setup, unknown.takers, [])
    assert score_of(unknown.records) == score_of(game.records)

    content = json.loads(path.read_text())
    for change, said in (
        ({"quotes": [[0, 60]] * 10}, "must have two quotes 0..59"),
        ({"quotes": [[0, 0]] * 10}, "figures are not the saved ones"),
        ({"actions": content["actions"][:1]}, "as many quotes and actions as figures"),
        ({"actions": [[0]] * 10}, "an action 0..20 for each taker"),
        ({"takers": "\x1b[31m"}, "takers must be a short name"),
        ({"version": 2}, "newer cardjax"),
        ({"more": 1}, "unknown 'more'"),
        ({"env": content["env"] | {"env.maker": "oracle"}}, "env.maker = oracle: must be agent"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(ParameterError, match=re.escape(said)):
            load_any_game(path)


def test_an_edit_that_leaves_the_money_as_it_was_is_refused_too(game, tmp_path):
    path = tmp_path / "game.json"
    save_maker_game(path, game.setup, "run mine", game.records)
    content = json.loads(path.read_text())
    quotes = [list(quote) for quote in content["quotes"]]
    quotes[1][1] = choice_of(8, 6)  # at which nobody sells, in place of choice_of(8, 10)
    other = MakerGame(game.setup, Participant("somebody"))
    for quote, asked in zip(quotes, content["actions"], strict=True):
        other.play(quote, asked)
    assert [r.pnl for r in other.records] == [r.pnl for r in game.records]
    path.write_text(json.dumps(content | {"quotes": quotes}))
    with pytest.raises(
        ParameterError, match="round 2: the market's figures are not the saved ones"
    ):
        load_any_game(path)

    scripted = played("level1", QUOTES[:3])
    save_maker_game(path, scripted.setup, "level1", scripted.records)
    content = json.loads(path.read_text())
    orders = [[0, 0], *content["actions"][1:]]
    for change, said in (
        ({"takers": "pass"}, "pass orders otherwise"),
        ({"takers": "equilibrium"}, "is damaged, or of other rules"),
        ({"actions": orders}, "level1 orders otherwise"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(ParameterError, match=said):
            load_any_game(path)


def test_either_role_s_file_is_told_from_the_other_s(game, tmp_path):
    mine, theirs = tmp_path / "maker.json", tmp_path / "taker.json"
    save_maker_game(mine, game.setup, "pass", game.records)
    taken = Game(make_setup("two", seed=SEED))
    taken.play([1, 2])
    save_game(theirs, taken.setup, ["human", "pass"], taken.records)
    assert list(load_any_game(theirs).records) == taken.records
    with pytest.raises(ParameterError, match="is not a saved game of cardjax"):
        load_game(mine)


def typed(monkeypatch, *lines, columns=40):
    remaining = iter(lines)
    monkeypatch.setattr("builtins.input", lambda prompt: next(remaining))
    monkeypatch.setenv("COLUMNS", str(columns))


def test_a_game_is_typed_at_40_columns_saved_and_stepped_through_again(
    monkeypatch, capsys, tmp_path
):
    path = tmp_path / "game.json"
    lines = ["?", "zz", "3 7", "3 8", "2 6 4 8", *["r"] * 8]
    typed(monkeypatch, *lines)
    arguments = ["--role", "maker", "--opponent", "level1", "--seed", "5", "--save", str(path)]
    main(["play", *arguments])
    out = capsys.readouterr().out
    shown = " ".join(out.split())
    for words in (
        "you are the market maker, against 2 takers (level1)",
        "Market: maker, seed 5",
        "'zz' is no quote",
        "7 is no depth: it may be 2, 4, 6, 8, 10.",
        "Round 10 of 10",
        "Cards you see: ",
        "Takers see ",
        "Your mean of the sum: ",
        "Last round: takers bought",
        "Takers saw ",
        "against these takers",
        "The monopolist: ",
        "Zero profit: ",
        "information",
        "In the same place",
        "random_quotes",
        "Taker B (level1)",
        "Saved: ",
        "--preset maker --seed 5 --role maker",
    ):
        assert words in shown, words
    assert max(map(len, out.replace(str(path), "").splitlines())) <= 40 and out.isascii()
    quotes = json.loads(path.read_text())["quotes"]
    assert quotes == [[choice_of(3, 8)] * 2, *[[choice_of(2, 6), choice_of(4, 8)]] * 9]
    main(["play", "--replay", str(path)])
    again = " ".join(capsys.readouterr().out.split())
    score = re.search(r"Score \S+: your quotes' worth \S+ divided", shown)[0]
    assert score in again and "A saved game of a maker against level1: 10 rounds" in again


def test_a_game_may_be_stopped_and_its_market_chosen(monkeypatch, capsys):
    typed(monkeypatch, "1 4", "q", columns=80)
    arguments = "--role maker --mode single --preset default --events off env.noise.rate=5"
    main(["play", *arguments.split(), "--opponent", "pass", "--seed", "2"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "against one taker (pass)" in shown and "Event: All ranks" in shown
    assert "The game stops here, after 1 round." in shown and "The taker (pass)" in shown
    assert f"noise traders paid, {2 * mean_noise(1, 4, rate=5):.2f} on average" in shown
    again = "--preset default --seed 2 --role maker --mode single --events off env.noise.rate=5"
    assert again in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "maker"], "env.maker = agent: must be oracle for people who take quotes"),
        (["--role", "maker", "env.maker=oracle"], "env.maker = oracle: must be agent for people"),
        (["--role", "maker", "--preset", "hidden_events"], "env.maker = agent: must be oracle"),
        (["--role", "maker", "--preset", "inventory"], "env.maker = agent: must be oracle unless"),
        (["--role", "maker", "--both-seats"], "--both-seats = on: leaves nobody to quote to"),
        (["--role", "maker", "--opponent", "human"], "--opponent = human: must be a policy"),
        (["--role", "maker", "--opponent", "monopolist"], "is neither a run folder nor a policy"),
        (["--replay", "README.md", "--role", "maker"], "takes no other arguments (role)"),
        (["--role", "maker", "--save", "/nonexistent/game.json"], "--save = /nonexistent"),
        (["--role", "maker", "--save", "x" * 250], "cannot be written (File name too long)"),
    ],
)
def test_what_is_not_allowed_is_one_line_and_exit_code_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(["play", *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_takers_without_a_policy_need_orders():
    setup = setup_of()
    game = MakerGame(setup, Participant("somebody"))
    with pytest.raises(ValueError, match="need orders"):
        game.play((0, 0))
    with pytest.raises(ValueError, match="orders = "):
        game.play((0, 0), [0, 21])
    assert [order.action for order in game.play((40, 40), [3, 0]).orders] == [3, 0]
    for quote in itertools.repeat((0, 0), 9):
        game.play(quote, [0, 0])
    with pytest.raises(ValueError, match="over"):
        game.play((0, 0), [0, 0])


def test_a_policy_is_told_apart_from_one_that_learned_the_other_game():
    from cardjax.play.web.players import ServedPlayer

    setup, other = setup_of(), make_setup("two")
    learned = ServedPlayer("mine", Pass(), {}, 2, False, False, has_maker=True)
    assert not learned.misfit(setup)
    assert "was trained where the maker is a player, and here it is none" in learned.misfit(other)
    back = dataclasses.replace(learned, has_maker=False)
    assert "and here it is a player" in back.misfit(setup) and not back.misfit(other)
