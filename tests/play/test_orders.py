"""What a person types is read kindly, and never as something else."""

import pytest

from cardjax.play import Game, make_setup
from cardjax.play.orders import MisreadError, StoppedError, ask_order, read_order


@pytest.fixture(scope="module")
def offer():
    """Wealth for a few units alone."""
    return Game(make_setup("two", seed=12, overrides={"initial_wealth": 100.0})).offer


@pytest.mark.parametrize(
    ("typed", "action"),
    [
        ("0", 0),
        ("p", 0),
        ("PASS", 0),
        ("3", 3),
        (" b3 ", 3),
        ("buy 3", 3),
        ("B  2", 2),
        ("15", 15),
        ("s5", 15),
        ("sell 1", 11),
        ("S 1", 11),
        ("03", 3),
    ],
)
def test_an_order_may_be_a_number_or_a_word(offer, typed, action):
    assert read_order(typed, offer, 0) == action


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "No order yet"),
        ("21", "21 is no order"),
        ("999999999", "999999999 is no order"),
        ("9" * 5000, "'that' is no order"),
        ("b0", "0 is no size"),
        ("s11", "11 is no size"),
        ("b", "'b' is no order"),
        ("x3", "'x3' is no order"),
        ("-1", "'-1' is no order"),
        ("1.0", "'1.0' is no order"),
        ("٣", "is no order"),
        ("\x1b[A", "'that' is no order"),
        ("10", "You cannot buy 10: 10 at 24.69 cost 246.9"),
        ("s6", "may cost you 118.1"),
    ],
)
def test_what_is_no_order_is_answered_with_what_is_one(offer, typed, said):
    with pytest.raises(MisreadError) as answer:
        read_order(typed, offer, 0)
    assert said in str(answer.value)


def test_help_and_wrong_keys_ask_again_and_q_stops(offer, monkeypatch):
    told, helped = [], []
    lines = iter(["?", "zz", "b10", "b2", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    assert ask_order("> ", offer, 0, told.append, lambda: helped.append(1)) == 2
    assert len(told) == 2 and helped == [1]
    with pytest.raises(StoppedError):
        ask_order("> ", offer, 0, told.append, lambda: None)


def test_the_end_of_input_stops(offer, monkeypatch):
    def ended(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    with pytest.raises(StoppedError):
        ask_order("> ", offer, 0, print, lambda: None)
