"""Where the event is hidden, a game shows what all that is public tells of it, and nothing else."""

import dataclasses
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.env import EVENT_KINDS, ParameterError, beliefs
from cardjax.env.events import EVENTS, REMAP
from cardjax.loading import saved
from cardjax.play import (
    Game,
    SeatedGame,
    explain,
    find_participant,
    human,
    load_game,
    make_setup,
    save_game,
    score_of,
)
from cardjax.play.public_belief import MOST_REMAPS, SMALLEST_CHANCE
from cardjax.play.web.players import load_served
from cardjax.play.words import KINDS, percent, remap_words
from cardjax.run import run_folder
from cardjax.run.learners import make_learner

ORDERS = [3, 0, 12, 20, 1, 10, 0, 11, 2, 5]
OFTEN_REMAPPED = {"preset": "hidden_events", "events.remap": 0.9}
"""A market in which most events revalue a rank."""


@pytest.fixture(scope="module")
def setup():
    return make_setup(overrides=OFTEN_REMAPPED, seed=3)


@pytest.fixture(scope="module")
def game(setup):
    table = SeatedGame(setup, [human(), find_participant("equilibrium", setup)])
    for action in ORDERS:
        table.play({0: action})
    return table


def beliefs_from(records, params):
    """The 161 probabilities at every round's orders, from hints, cards and sums alone."""
    b = beliefs.plain_prior(params)
    given_hints, next_round = jax.jit(beliefs.plain_given_hints), jax.jit(beliefs.plain_next_round)
    for record in records:
        hints = np.zeros(3, np.int32)
        hints[: len(record.hints)] = record.hints
        yield np.asarray(given_hints(b, jnp.asarray(hints)), np.float64)
        b = next_round(b, jnp.asarray(record.cards), jnp.float32(record.S), params)


def test_the_belief_shown_is_what_follows_from_cards_and_sums(game, setup):
    named = 0
    for record, chances in zip(game.records, beliefs_from(game.records, setup.params), strict=True):
        assert record.belief.kinds[:-1] == pytest.approx(chances[:REMAP], abs=1e-5)
        assert record.belief.kinds[-1] == pytest.approx(chances[REMAP:].sum(), abs=1e-5)
        likeliest = np.sort(chances[REMAP:])[::-1][:MOST_REMAPS]
        shown = [chance for _, chance in record.belief.remaps]
        assert shown == pytest.approx(likeliest[likeliest >= SMALLEST_CHANCE], abs=1e-5)
        assert shown == pytest.approx(
            [chances[event] for event, _ in record.belief.remaps], abs=1e-5
        )
        named += len(shown)
    assert named > 0


def test_the_last_round_is_on_the_table(game):
    first, *others = game.records
    assert (first.belief.last_cards, first.belief.last_sum) == ((), 0)
    for before, record in zip(game.records, others, strict=False):
        assert (record.belief.last_cards, record.belief.last_sum) == (before.cards, before.S)


def test_no_offer_and_no_record_tells_the_event(game):
    for record in game.records:
        assert record.event is None and record.event_kind is None
        assert record.event_words == "The event is hidden from everybody"
        affordable = record.wealth[0] >= 10 * (42 - record.bid)
        assert (20 in record.valid_actions[0]) is affordable


def test_the_explanation_speaks_of_what_was_public(game):
    told = [explain(record, 0) for record in game.records]
    assert all("the mean" in text and "all that was public" in text for text in told)
    assert not any("fair value" in text for text in told)


def test_the_equilibrium_scores_one(setup):
    equilibrium = find_participant("equilibrium", setup)
    table = SeatedGame(setup, [equilibrium] * 2)
    while not table.over:
        table.play({})
    assert score_of(setup, table.records, 0).score == pytest.approx(1)


def test_nobody_at_the_table_is_told_the_event(setup):
    with pytest.raises(ParameterError, match="knows the hidden event, which nobody at the table"):
        find_participant("clairvoyant", setup)
    assert find_participant("clairvoyant", make_setup()).name == "clairvoyant"
    assert find_participant("forgetful", setup).name == "forgetful"


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory):
    """A run with a memory on hidden events, whose checkpoint is taken to be its first state."""
    config = make_config(
        {"name": "rung", "env.event_info": "hidden", "ppo.memory": "gru", "ppo.hidden": [8]}
    )
    learner = make_learner("ippo", config)
    state = jax.jit(jax.vmap(learner.init))(jax.random.split(jax.random.key(0), 1))
    folder = tmp_path_factory.mktemp("runs") / "rung"
    run_folder.create(folder, config, "ippo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved, "last_state", lambda run: state)
        yield folder


def test_who_has_learned_with_hidden_events_takes_a_seat_there_alone(setup, recurrent):
    table = SeatedGame(setup, [human(), find_participant(str(recurrent), setup)])
    for _ in range(3):
        table.play({0: 0})
    assert not any(record.orders[1].rejected for record in table.records)
    with pytest.raises(ParameterError, match="trained with hidden events, and here they are known"):
        find_participant(str(recurrent), make_setup())
    (served,) = load_served([str(recurrent)])
    assert not served.misfit(setup) and "here they are known" in served.misfit(make_setup())


def test_a_game_is_saved_without_the_event_and_replayed(game, setup, tmp_path):
    path = tmp_path / "game.json"
    save_game(path, setup, game.names, game.records)
    document = json.loads(path.read_text())
    assert {figure["event"] for figure in document["figures"]} == {None}
    assert list(load_game(path).records) == game.records


@pytest.mark.parametrize("hidden", [True, False])
def test_a_file_cannot_change_whether_its_event_is_hidden(tmp_path, hidden):
    path = tmp_path / "game.json"
    played = Game(make_setup("single", overrides={"event_info": "hidden" if hidden else "known"}))
    played.play([0])
    save_game(path, played.setup, ["human"], played.records)
    document = json.loads(path.read_text())
    document["env"]["env.event_info"] = "known" if hidden else "hidden"
    path.write_text(json.dumps(document))
    with pytest.raises(ParameterError, match="the market's figures are not the saved ones"):
        load_game(path)


def test_a_file_with_rules_that_are_not_known_here_is_refused(game, setup, tmp_path):
    path = tmp_path / "game.json"
    save_game(path, setup, game.names, game.records)
    document = json.loads(path.read_text())
    for change, said in (
        ({"env.event_info": "whispered"}, r"env\.event_info = whispered: must be one of"),
        ({"env.of_another_rung": "on"}, "env: other parameters than the market has"),
    ):
        path.write_text(json.dumps(document | {"env": document["env"] | change}))
        with pytest.raises(ParameterError, match=said) as refusal:
            load_game(path)
        assert "\n" not in str(refusal.value)


def test_whoever_types_b_sees_what_could_be_known(monkeypatch, capsys):
    lines = iter(["b", "?", "b2", "belief", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    monkeypatch.setenv("COLUMNS", "40")
    main(["play", "--mode", "single", "--preset", "hidden_events", "--seed", "7"])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 40
    said = " ".join(shown.split())
    assert "The event is hidden from everybody" in said and "Event: " not in said
    assert "b shows what could be known" in said and "given all that is public" in said
    first, second = shown.split("What could be known of the event:")[1:]
    for kind in KINDS:
        assert kind in first and kind in second
    assert "Last round's cards: " in said and "Their sum was" in said


def test_a_saved_game_s_belief_is_shown_where_one_steps_through_it(
    game, setup, tmp_path, monkeypatch, capsys
):
    path, lines, asked = tmp_path / "game.json", iter(["", "b", "q"]), []
    save_game(path, setup, game.names, game.records)
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or next(lines))
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))
    main(["play", "--replay", str(path)])
    assert asked == ["Enter goes on, b shows what could be known, q stops: "] * 3
    shown = capsys.readouterr().out.split("Round 2 of 10")[1]
    assert f"{KINDS[0]} " in shown.split("What could be known of the event:")[1]
    assert "Round 3" not in shown


def test_in_a_game_with_known_events_b_is_no_order(monkeypatch, capsys):
    lines = iter(["b", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    main(["play", "--mode", "single", "--seed", "7"])
    assert "'b' is no order" in capsys.readouterr().out


def test_a_probability_is_said_to_be_certain_only_if_it_is():
    said = {0.0: "0%", 0.0001: "<1%", 0.31: "31%", 0.999: ">99%", 1.0: "100%"}
    assert {chance: percent(chance) for chance in said} == said


def test_every_kind_and_remap_has_its_words(game):
    assert len(KINDS) == len(EVENT_KINDS)
    event = REMAP + int(np.argmax(EVENTS.remap_from[REMAP:] == 7))
    assert remap_words(event) == f"Sevens count as {EVENTS.remap_to[event]}"
    assert json.dumps(dataclasses.asdict(game.records[-1]), allow_nan=False)
