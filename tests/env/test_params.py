"""Parameters: what is refused and how, and what is accepted."""

import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import ParameterError, make_params, params_grid

NAN, INF = float("nan"), float("inf")
REFUSED = [
    # (name, value, what the message allows)
    ("alpha", -0.1, "must be a number in [0, 1000000]"),
    ("alpha", NAN, "must be a number in [0, 1000000]"),
    ("alpha", INF, "must be a number in [0, 1000000]"),
    ("alpha", 3e38, "must be a number in [0, 1000000]"),
    ("alpha", 1e39, "must be a number in [0, 1000000]"),
    ("alpha", "0.3", "must be a number in [0, 1000000]"),
    ("alpha", True, "must be a number in [0, 1000000]"),
    ("alpha", [0.3], "must be a number in [0, 1000000]"),
    ("alpha", None, "must be a number in [0, 1000000]"),
    ("alpha", 10**400, "must be a number in [0, 1000000]"),
    ("sigma_q", -1, "must be a number in [0, 1000000]"),
    ("event_persist", 1.5, "must be a number in [0, 1]"),
    ("event_persist", -0.5, "must be a number in [0, 1]"),
    ("initial_wealth", 0, "must be a number in [0.001, 1000000000]"),
    ("initial_wealth", 1e-14, "must be a number in [0.001, 1000000000]"),
    ("stop_out_level", 2, "must be a number in [0, 1]"),
    ("spread.s0", -1, "must be a number in [0, 1000000]"),
    ("spread.beta", {}, "must be a number in [0, 1000000]"),
    ("liquidity.kappa", 0, "must be a number in [1e-09, 1000000000]"),
    ("liquidity.kappa", 1e30, "must be a number in [1e-09, 1000000000]"),
    ("liquidity.tau", -0.6, "must be a number in [0, 10]"),
    ("liquidity.tau", 11, "must be a number in [0, 10]"),
    ("liquidity.cap", "ten", "must be a number in [0, 1000000000]"),
    ("events.remap", 1.1, "must be a number in [0, 1]"),
    ("events.none", NAN, "must be a number in [0, 1]"),
    ("flags.enable_impact", 1, "must be on or off"),
    ("flags.enable_events", "off", "must be on or off"),
    ("flags.stop_out", None, "must be on or off"),
    ("reward", "profit", "must be one of pnl, log_wealth, expected_pnl"),
    ("reward", 1, "must be one of pnl, log_wealth, expected_pnl"),
    ("reward", True, "must be one of pnl, log_wealth, expected_pnl"),
    ("reward", ["pnl"], "must be one of pnl, log_wealth, expected_pnl"),
    ("hints", 4, "four probabilities that sum to 1"),
    ("hints", -1, "four probabilities that sum to 1"),
    ("hints", True, "four probabilities that sum to 1"),
    ("hints", 1.5, "four probabilities that sum to 1"),
    ("hints", "0123", "four probabilities that sum to 1"),
    ("hints", None, "four probabilities that sum to 1"),
    ("hints", [0.5, 0.5], "four probabilities that sum to 1"),
    ("hints", [0.2] * 5, "four probabilities that sum to 1"),
    ("hints", [0.25, 0.25, 0.25, 0.3], "four probabilities that sum to 1"),
    ("hints", [0.5, 0.5, 0.5, -0.5], "four probabilities that sum to 1"),
    ("hints", [0.5, 0.5, 0, NAN], "four probabilities that sum to 1"),
    ("hints", ["a", "b", "c", "d"], "four probabilities that sum to 1"),
    ("hints", [True, False, False, False], "four probabilities that sum to 1"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), REFUSED)
@pytest.mark.filterwarnings("error")
def test_a_bad_value_is_refused_by_name_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(ParameterError) as refusal:
        make_params(**{name: value})
    message = str(refusal.value)
    assert message.startswith(f"env.{name} = ") and allowed in message and "\n" not in message
    shown = message.removeprefix(f"env.{name} = ").split(": ")[0]
    written = "null" if value is None else str(value)
    assert shown == written[:57] + "…" if len(written) > 60 else shown == written


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spread.min": 4}, "env.spread.min = 4.0: must be at most env.spread.max = 3"),
        ({"spread.max": 0.5}, "env.spread.min = 1.0: must be at most env.spread.max = 0.5"),
        ({"liquidity.min": 30}, "env.liquidity.min = 30.0: must be at most env.liquidity.max = 20"),
        ({"liquidity.max": 1}, "env.liquidity.min = 2.0: must be at most env.liquidity.max = 1"),
    ],
)
def test_bounds_that_cross_are_refused(changes, message):
    with pytest.raises(ParameterError) as refusal:
        make_params(**changes)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "changes",
    [{"events.none": 0.5}, {"events.odd_only": 0.2}, {"events.none": 0, "events.le7_only": 1}],
)
def test_frequencies_that_do_not_sum_to_one_are_refused(changes):
    with pytest.raises(
        ParameterError,
        match=r"^env\.events\.\{none,.*\} = sum [\d.]+: the frequencies must sum to 1$",
    ):
        make_params(**changes)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("alhpa", "env.alpha"),
        ("liquidity.kapa", "env.liquidity.kappa"),
        ("spread.mni", "env.spread.min"),
        ("flags.enable_impacts", "env.flags.enable_impact"),
        ("env.sigmaq", "env.sigma_q"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name, suggestion):
    with pytest.raises(ParameterError, match="unknown name; did you mean") as refusal:
        make_params(**{name: 1})
    message = str(refusal.value)
    assert (
        message.startswith(f"env.{name.removeprefix('env.')} = 1:")
        and suggestion in message
        and "\n" not in message
    )


@pytest.mark.parametrize("name", ["spread", "liquidity", "alpha.beta", "", "qqqqqq"])
def test_what_is_no_parameter_is_an_unknown_name(name):
    with pytest.raises(ParameterError, match="unknown name"):
        make_params(**{name: 1})


def test_a_refusal_is_a_value_error():
    with pytest.raises(ValueError, match=r"env\.alpha"):
        make_params(alpha=-1)


def test_names_may_carry_the_env_prefix():
    with_prefix = make_params(
        **{"env.alpha": 0.5, "env.liquidity.tau": 0.2, "env.flags.stop_out": True}
    )
    without = make_params(alpha=0.5, **{"liquidity.tau": 0.2, "flags.stop_out": True})
    chex.assert_trees_all_equal(with_prefix, without)
    assert with_prefix.alpha == 0.5 and with_prefix.flags.stop_out


def test_the_defaults_are_the_rules():
    p = make_params()
    assert (p.alpha, p.sigma_q, p.event_persist, p.initial_wealth, p.stop_out_level) == tuple(
        np.float32([0.3, 0.5, 0.7, 500, 0.2])
    )
    assert (p.spread.s0, p.spread.beta, p.spread.min, p.spread.max) == tuple(
        np.float32([0.8, 0.25, 1, 3])
    )
    assert (p.liquidity.tau, p.liquidity.min, p.liquidity.max, p.liquidity.cap) == tuple(
        np.float32([0.6, 2, 20, 10])
    )
    e = p.events
    frequencies = (e.none, e.ge10_only, e.le7_only, e.even_only, e.odd_only, e.remap)
    assert frequencies == tuple(np.float32([0.6, 0.1, 0.1, 0.1, 0.1, 0.015]))
    assert (p.flags.enable_events, p.flags.enable_impact, p.flags.stop_out) == (True, True, False)
    assert p.hints.tolist() == [0.25] * 4 and p.reward == 0


def test_overrides_start_from_a_base_and_leave_it_alone():
    base = make_params(alpha=0.5)
    changed = make_params(base, sigma_q=0)
    assert (changed.alpha, changed.sigma_q) == (0.5, 0)
    assert base.sigma_q == 0.5


@pytest.mark.parametrize("n", range(4))
def test_one_number_of_hints_is_that_number_for_certain(n):
    assert make_params(hints=n).hints.tolist() == [float(i == n) for i in range(4)]


def test_edges_of_the_ranges_are_allowed():
    p = make_params(
        alpha=0,
        sigma_q=0,
        event_persist=1,
        **{"spread.min": 3, "liquidity.max": 2, "liquidity.tau": 0},
    )
    assert p.spread.min == p.spread.max and p.liquidity.min == p.liquidity.max


def test_every_parameter_is_a_leaf_of_one_pytree_in_32_bits():
    leaves = jax.tree.leaves(make_params())
    assert {leaf.dtype for leaf in leaves} == {
        np.dtype(np.float32),
        np.dtype(np.int32),
        np.dtype(bool),
    }
    assert len(leaves) == 31


def test_a_grid_lists_every_combination_the_last_axis_fastest():
    grid, combinations = params_grid(
        make_params(), alpha=[0.1, 0.2], **{"liquidity.tau": [0.3, 0.4, 0.5]}
    )
    assert combinations[:4] == [
        {"alpha": 0.1, "liquidity.tau": 0.3},
        {"alpha": 0.1, "liquidity.tau": 0.4},
        {"alpha": 0.1, "liquidity.tau": 0.5},
        {"alpha": 0.2, "liquidity.tau": 0.3},
    ]
    np.testing.assert_allclose(grid.alpha, [0.1] * 3 + [0.2] * 3)
    np.testing.assert_allclose(grid.liquidity.tau, [0.3, 0.4, 0.5] * 2)
    assert grid.hints.shape == (6, 4) and (grid.sigma_q == 0.5).all()


def test_a_grid_refuses_what_make_params_refuses():
    with pytest.raises(ParameterError, match=r"env\.alpha = -1"):
        params_grid(make_params(), alpha=[0.1, -1])


@pytest.mark.parametrize("axis", [[], (), np.array([]), 0.5, np.float32(0.5), jnp.ones(()), "0.5"])
def test_an_axis_of_a_grid_is_a_list_with_something_in_it(axis):
    with pytest.raises(ParameterError, match=r"env\.alpha = .*: must be a list or an array of at "):
        params_grid(make_params(), alpha=axis)


@pytest.mark.parametrize("make", [np.linspace, jnp.linspace])
def test_an_axis_of_a_grid_may_be_an_array(make):
    grid, combinations = params_grid(make_params(), alpha=make(0, 1, 3), hints=np.eye(4)[:2])
    assert combinations[0] == {"alpha": 0.0, "hints": [1, 0, 0, 0]}
    assert grid.alpha.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert grid.hints.shape == (6, 4)


# Numbers of any library


@pytest.mark.parametrize("of", [np.float32, np.float64, np.asarray, jnp.float32, jnp.asarray])
def test_scalars_of_numpy_and_jax_are_numbers(of):
    assert make_params(alpha=of(0.5), hints=[of(0.5), 0.5, 0, 0]).alpha == 0.5


@pytest.mark.parametrize("of", [np.int64, np.uint8, np.asarray, jnp.int32, jnp.asarray])
def test_whole_scalars_are_numbers_of_hints_and_of_players(of):
    assert make_params(hints=of(3), alpha=of(2)) == make_params(hints=3, alpha=2)
    assert cardjax.make("two", n_players=of(3))[0].n_players == 3


@pytest.mark.parametrize("of", [np.bool_, np.asarray, jnp.asarray])
def test_truth_values_of_numpy_and_jax_are_switches_and_no_numbers(of):
    assert not make_params(**{"flags.enable_impact": of(False)}).flags.enable_impact
    with pytest.raises(ParameterError, match=r"env\.alpha = True: must be a number"):
        make_params(alpha=of(True))


def test_a_traced_value_is_refused_in_one_line():
    with pytest.raises(ParameterError, match=r"env\.alpha = .*: must be a number"):
        jax.jit(lambda alpha: make_params(alpha=alpha))(0.5)


# Values


def test_parameters_are_equal_and_hash_alike_if_their_values_are():
    same = make_params(hints=3, alpha=0.5), make_params(alpha=np.float32(0.5), hints=[0, 0, 0, 1])
    assert same[0] == same[1] and hash(same[0]) == hash(same[1])
    assert len({*same, make_params(), make_params(alpha=0.5)}) == 3
    grid = params_grid(make_params(), alpha=[0.1, 0.2])[0]
    assert grid == params_grid(make_params(), alpha=[0.1, 0.2])[0] != make_params()
    assert make_params().spread == make_params(alpha=1).spread != make_params().liquidity
    assert make_params() != "params"


def test_parameters_may_be_a_static_argument():
    doubled = jax.jit(lambda params: 2 * params.alpha, static_argnums=0)
    assert doubled(make_params(hints=1, alpha=0.25)) == doubled(make_params(alpha=0.25, hints=1))


@pytest.mark.parametrize("params", [make_params(), make_params(hints=3)], ids=["default", "own"])
def test_what_games_share_cannot_be_written_to(params):
    with pytest.raises(ValueError, match="read-only"):
        params.hints[:] = [0, 0, 0, 1]


def test_parameters_print_as_one_would_write_them():
    text = repr(make_params(alpha=0.1, hints=0, reward="log_wealth"))
    assert text.startswith("EnvParams(alpha=0.1, sigma_q=0.5, event_persist=0.7, ")
    assert "hints=[1.0, 0.0, 0.0, 0.0], reward='log_wealth', " in text
    assert "spread=SpreadParams(s0=0.8," in text
    assert text.endswith("flags=Flags(enable_events=True, enable_impact=True, stop_out=False))")
    seen = []
    jax.jit(lambda params: seen.append(repr(params)))(make_params())
    assert "alpha=" in seen[0]


def test_an_error_carries_its_parts_and_survives_pickling():
    with pytest.raises(ParameterError) as refusal:
        make_params(alpha=-1)
    error = pickle.loads(pickle.dumps(refusal.value))
    assert (error.key, error.value, error.allowed) == (
        "env.alpha",
        -1,
        "must be a number in [0, 1000000]",
    )
    assert str(error) == str(refusal.value)


@pytest.mark.parametrize("value", ["\x1b[31mred\x07", "a\r\nb\u2028c", "\u202egnp.exe", "\x00"])
def test_an_error_shows_control_characters_instead_of_sending_them(value):
    message = str(ParameterError("key\x1b", value, f"not {value}"))
    assert message.isprintable()


def test_a_number_of_too_many_digits_is_refused_without_being_written_out():
    with pytest.raises(ParameterError, match=r"env\.alpha = a number of \d+ bits: must be"):
        make_params(alpha=10**5000)
