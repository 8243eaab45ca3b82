"""The protocol's file: what is read, what is refused, and the markets that its shifts make."""

import numpy as np
import pytest

from cardjax.config import configs_folder
from cardjax.env import ParameterError, make_params
from cardjax.evaluation.evaluate import TEST, VALIDATION
from cardjax.evaluation.protocol import PUBLISHED_SEED, load_protocol, shifted_markets


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "eval.yaml"
        path.write_text(text)
        return path

    return write


def test_the_shipped_protocol_shifts_what_the_seed_asks_for():
    protocol = load_protocol()
    assert protocol == load_protocol(configs_folder() / "eval.yaml")
    assert (protocol.config.seed, protocol.config.games) == (0, 65_536)
    moved = {name.split(".")[0] for changes in protocol.shifts.values() for name in changes}
    assert {"spread", "alpha", "liquidity", "events"} <= moved
    assert any("liquidity.tau" in changes for changes in protocol.shifts.values())
    assert any("liquidity.kappa" in changes for changes in protocol.shifts.values())


def test_shifted_markets_are_the_given_one_with_the_changes():
    grid, names = shifted_markets(
        make_params(sigma_q=0.7), {"a": {"alpha": 0.9}, "b": {"flags.enable_events": False}}
    )
    assert names == ["as it is", "a", "b"]
    np.testing.assert_allclose(grid.alpha, [0.3, 0.9, 0.3], rtol=1e-6)
    np.testing.assert_allclose(grid.sigma_q, [0.7] * 3, rtol=1e-6)
    assert grid.flags.enable_events.tolist() == [True, True, False]


def test_every_shipped_shift_changes_the_market():
    base = make_params()
    grid, names = shifted_markets(base, load_protocol().shifts)
    import jax

    for i, name in enumerate(names[1:], 1):
        changed = [not np.array_equal(leaf[i], leaf[0]) for leaf in jax.tree.leaves(grid)]
        assert any(changed), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("env: {alpha: 1}\n", "must have one section, eval"),
        ("eval: 3\n", "must have one section, eval"),
        ("eval: {gmaes: 3}\n", r"eval\.gmaes = 3: unknown name; did you mean eval\.games"),
        ("eval: {draws: training}\n", r"eval\.draws = training: must be one of validation, test"),
        ("eval: {games: 0}\n", r"eval\.games = 0: must be a whole number"),
        ("eval: {opponents: self}\n", r"eval\.opponents = self: must be a list"),
        ("eval: {shifts: [alpha]}\n", r"eval\.shifts = .*must map names"),
        ("eval: {shifts: {odd: {alhpa: 1}}}\n", r"eval\.shifts\.odd = alhpa: .*unknown name"),
        ("eval: {shifts: {odd: {alpha: -1}}}\n", r"eval\.shifts\.odd = alpha: .*alpha = -1"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(file, text, message):
    with pytest.raises(ParameterError, match=message) as error:
        load_protocol(file(text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("draws", "domain"), [("validation", VALIDATION), ("test", TEST)])
def test_draws_are_named(file, draws, domain):
    assert load_protocol(file(f"eval: {{draws: {draws}}}\n")).config.domain == domain


def test_published_figures_have_test_draws_of_their_own():
    assert load_protocol().config.seed != PUBLISHED_SEED
    assert load_protocol().config.domain == TEST
