"""What makers and takers earn in games whose maker is a player, against both roles' yardsticks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import CardMarket, make_params, maker
from cardjax.evaluation import quoting
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import Player
from cardjax.evaluation.match import Seats
from cardjax.evaluation.quote_values import natures, quote_value
from cardjax.evaluation.quoting import Maker, evaluate_quoting
from cardjax.evaluation.quoting_breakdown import break_down_quoting
from cardjax.evaluation.quoting_result import PLAYED, REPLIED, QuotingResult
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.text_tables import quoting_breakdown_table, quoting_table
from cardjax.policies import MAKERS, POLICIES, Equilibrium, RandomQuotes
from cardjax.policies.makers import hand_of, prepared_maker
from cardjax.policies.pricing.profit import competitive, monopolist, profit, terms_of
from cardjax.policies.registry import make_policy

MARKET, PARAMS = CardMarket(2, maker="agent"), make_params()
N_GAMES = 512
pi_of = jax.jit(profit, static_argnums=1)


prepared = jax.jit(prepared_maker, static_argnums=(0, 2))
TAKERS = {name: POLICIES[name] for name in ("equilibrium", "random_valid", "pass")}
TABULATED = MAKERS["monopolist"]
"""Quotes what the table among its parameters says, so that one program plays all tables."""


def makers(*names):
    """The scripted maker of each name, or one that always makes the same choice, as seeds."""
    tables = [
        jnp.full((161, 106, 2), name, jnp.int32)
        if isinstance(name, int)
        else prepared(MAKERS[name], PARAMS, 2)
        for name in names
    ]
    return Maker(TABULATED, tuple(tables))


def takers(name):
    """One of TAKERS, by one program for all."""
    return Player(
        OneOf(tuple(TAKERS.values())), [(jnp.int32(list(TAKERS).index(name)), (PARAMS,) * 3)]
    )


@pytest.fixture(scope="module", autouse=True)
def few_replies():
    """Best replies of the maker in eight games."""
    before, quoting.REPLIED_GAMES = quoting.REPLIED_GAMES, 8
    yield
    quoting.REPLIED_GAMES = before


@pytest.fixture(scope="module")
def met():
    """met(maker, takers) → name → mean, of two takers in the default market."""
    found = {}

    def play(name, who="equilibrium"):
        if (name, who) not in found:
            found[name, who] = evaluate_quoting(MARKET, PARAMS, makers(name), takers(who), N_GAMES)
        return {key: figure.mean for key, figure in found[name, who].metrics.items()}

    return play


@pytest.fixture(scope="module")
def states():
    """Rounds of 64 games before the maker quotes."""
    keys = jax.random.split(jax.random.key(2), 64)
    return jax.jit(jax.vmap(lambda key: MARKET.reset(key, PARAMS)[1]))(keys)


# The scripted makers

views_of = jax.jit(jax.vmap(MARKET.maker_view, (0, None)))


def test_a_tabulated_maker_quotes_what_its_view_is_worth(states):
    view = views_of(states, PARAMS)
    pi = pi_of(terms_of(PARAMS), 2)[view.event, hand_of(view)]
    for name, best in (("monopolist", monopolist), ("competitive", competitive)):
        table = prepared(MAKERS[name], PARAMS, 2)
        _, choice = MAKERS[name].act(table, (), view, jax.random.key(0))
        np.testing.assert_array_equal(choice, best(pi).choice)
        assert choice.dtype == jnp.int32


def test_makers_know_how_many_takers_there_are():
    one, many = (np.asarray(prepared(MAKERS["monopolist"], PARAMS, n)) for n in (1, 2))
    assert (one != many).any()


def test_random_quotes_are_all_alike_and_of_two_sides(states):
    view = views_of(states, PARAMS)
    view = jax.tree.map(lambda leaf: jnp.repeat(leaf, 200, 0), view)
    _, choice = RandomQuotes().act(PARAMS, (), view, jax.random.key(1))
    counts = np.stack([np.bincount(choice[:, side], minlength=60) for side in range(2)])
    expected = len(view.round) / 60
    assert choice.shape == (12800, 2) and (np.abs(counts - expected) < 5 * expected**0.5).all()
    assert abs(np.corrcoef(choice.T)[0, 1]) < 0.05


# What a quote is worth against given takers


def test_natures_are_what_takers_may_see_given_what_the_maker_sees(states):
    for lag in (0, 1, 2):
        params = make_params(maker_lag=lag)
        possible = jax.jit(jax.vmap(lambda game: natures(game, params, lag)))(states)  # noqa: B023
        np.testing.assert_allclose(possible.chance.sum(-1), 1, rtol=1e-5)
        n_seen = np.maximum(states.market.n_hints - lag, 0)
        taken = np.asarray(possible.chance) > 0
        assert (np.maximum(possible.n_hints - lag, 0) == n_seen[:, None])[taken].all()
        shown = np.arange(3) < n_seen[:, None]
        same = possible.ranks == np.asarray(states.market.ranks)[:, None]
        assert (same | ~shown[:, None])[taken].all()
        # In any order, which tells takers nothing.
        true = np.sort(possible.ranks * (np.arange(3) < possible.n_hints[..., None])).tolist()
        own = states.market.ranks * (np.arange(3) < states.market.n_hints[:, None])
        for game, rows in enumerate(true):
            assert np.sort(own[game]).tolist() in [
                row for row, chance in zip(rows, possible.chance[game], strict=True) if chance > 0
            ]


@pytest.mark.parametrize(("n_takers", "lag"), [(2, 1), pytest.param(3, 2, marks=pytest.mark.slow)])
def test_against_takers_in_equilibrium_a_quote_is_worth_pi(n_takers, lag):
    """Two computations of one figure: a table from kinks, and takers' own decisions at every
    nature.
    """
    market, params = CardMarket(n_takers, maker="agent"), make_params(maker_lag=lag)
    keys = jax.random.split(jax.random.key(4), 48)
    choice = jax.random.randint(jax.random.key(5), (48, 2), 0, 60, jnp.int32)

    @jax.jit
    def values(keys, choice):
        state = jax.vmap(lambda key: market.reset(key, params)[1])(keys)
        view = jax.vmap(market.maker_view, (0, None))(state, params)
        takers = Seats(Equilibrium(), params, n_takers)
        value = quote_value(market, takers, (), state, params, jax.random.key(0), lag)
        pi = profit(terms_of(params), n_takers)[view.event, hand_of(view)]
        return value(choice), jnp.take_along_axis(pi, choice[..., None], -1).sum((-1, -2))

    value, pi = values(keys, choice)
    np.testing.assert_allclose(value, pi, atol=2e-3, rtol=1e-4)


def test_what_a_quote_earns_is_from_noise_and_from_takers(met):
    """Against takers who order at random: P&L from the settlement, and from exact values."""
    figures = met(22, "random_valid")
    expected = figures["maker_from_noise"] - 2 * figures["taker_expected_pnl"]
    assert figures["maker_expected_pnl"] == pytest.approx(expected, rel=0.03)
    assert figures["maker_pnl"] == pytest.approx(figures["maker_expected_pnl"], rel=0.06)


# What is reported


def test_the_monopolist_scores_1_and_leaves_nothing_to_gain(met):
    figures = met("monopolist")
    assert figures["maker_score"] == pytest.approx(1, abs=1e-6)
    assert figures["maker_markup"] == pytest.approx(1, abs=1e-6)
    assert abs(figures["maker_exploitability_share"]) < 1e-5


def test_competition_earns_little_and_stands_at_0(met):
    figures = met("competitive")
    assert 0 <= figures["maker_score"] < 0.2
    assert figures["maker_markup"] == pytest.approx(0, abs=1e-6)
    assert figures["maker_offset"] < met("monopolist")["maker_offset"] - 1
    assert figures["maker_exploitability_share"] > 0.7


def test_takers_in_equilibrium_score_1_whoever_quotes(met):
    for name in ("monopolist", "competitive", 22):
        figures = met(name)
        assert figures["taker_score"] == pytest.approx(1, abs=1e-5)
        assert abs(figures["taker_exploitability_share"]) < 1e-5


def test_takers_who_pass_are_worth_noise_alone_to_the_maker(met):
    figures = met("monopolist", "pass")
    assert figures["taker_score"] == 0 and figures["taker_exploitability_share"] > 0.5
    assert figures["maker_to_takers"] == pytest.approx(0, abs=1e-3)
    assert figures["maker_expected_pnl"] == pytest.approx(figures["maker_from_noise"], abs=1e-3)


def test_every_metric_has_its_words():
    assert all(metric.unit and metric.doc for metric in (PLAYED | REPLIED).values())


def test_training_seeds_are_averaged_and_share_their_games(met):
    both = evaluate_quoting(
        MARKET, PARAMS, makers("monopolist", "competitive"), takers("equilibrium"), N_GAMES
    )
    alone = [met(name)["maker_pnl"] for name in ("monopolist", "competitive")]
    assert both.n_seeds == 2 and both.metrics["maker_pnl"].low is None
    assert both.metrics["maker_pnl"].mean == pytest.approx(np.mean(alone), rel=1e-5)
    entry, scores = (
        both.as_json(),
        [met(name)["maker_score"] for name in ("monopolist", "competitive")],
    )
    assert entry["score"] == entry["maker_score"] < entry["taker_score"]
    assert entry["score_by_seed"] == pytest.approx(scores)
    assert entry["score_iqm"] == pytest.approx(np.mean(scores))  # of two seeds


def test_by_the_kind_of_a_round_figures_add_up_to_those_of_the_game(met):
    names = "competitive", "random_valid"
    whole = met(*names)
    bins = break_down_quoting(
        MARKET, PARAMS, makers(names[0]), takers(names[1]), ("event", "hints"), N_GAMES
    )
    seen = [found.figures for found in bins if found.n_rounds]
    assert sum(found.n_rounds for found in bins) == 10 * N_GAMES
    share = np.array([figures["rounds"].mean for figures in seen])
    for name in ("maker_expected_pnl", "taker_expected_pnl"):
        of_bins = np.array([figures[name].mean for figures in seen])
        assert 10 * (share * of_bins).sum() == pytest.approx(whole[name], rel=1e-4)
    for role in ("maker", "taker"):
        loss = np.array([figures[f"{role}_loss"].mean for figures in seen])
        score = np.array([figures[f"{role}_score"].mean for figures in seen])
        known = np.isfinite(score)  # takers have nothing to earn where they know no more
        assert loss[~known] == pytest.approx(np.maximum(loss[~known], 0))
        best = (loss[known] / (1 - score[known])).sum()
        total = 1 - (loss[known].sum() / best)
        assert total == pytest.approx(whole[f"{role}_score"] + loss[~known].sum() / best, rel=1e-3)
    table = quoting_breakdown_table(bins, "a title").splitlines()
    assert table[0] == "a title" and table[2].split()[:3] == ["event", "hints", "rounds"]


def test_the_table_has_a_line_for_every_figure_and_a_column_for_every_market(met):
    figures = {name: Interval(mean, mean - 1, mean + 1) for name, mean in met("monopolist").items()}
    result = QuotingResult(figures, 1, 512, 8)
    table = quoting_table([{"alpha": 1}, {"alpha": 2}], [result, result], "a title")
    assert "alpha = 1" in table and "alpha = 2" in table and "over 512 games" in table
    assert all(f"\n{name} " in table for name in figures)
    assert set(result.as_json()) >= {*figures, "maker_score_ci95", "n_games"}


def test_where_the_oracle_quotes_there_is_no_maker_to_evaluate():
    with pytest.raises(ValueError, match=r"env\.maker = oracle"):
        evaluate_quoting(CardMarket(2), PARAMS, makers(0), takers("pass"), 10)


@pytest.mark.parametrize("name", ["planner:wealth", "planner"])
def test_a_planner_is_refused(name):
    policy = make_policy(name)
    view = jax.eval_shape(MARKET.view, MARKET.reset(jax.random.key(0), PARAMS)[1], PARAMS)
    with pytest.raises(ValueError, match=r"env\.maker = agent: must be oracle for a planner"):
        jax.eval_shape(policy.choose, jax.eval_shape(policy.prepare, PARAMS), view)


def test_the_noise_alone_decides_where_takers_know_no_more():
    """lag 0: the monopolist's offsets are those that are best for noise."""
    params = make_params(maker_lag=0)
    choice = np.asarray(prepared(MAKERS["monopolist"], params, 2))
    assert len(np.unique(choice)) == 1
    offset, depth = maker.OFFSETS[choice.flat[0] // 5], maker.DEPTHS[choice.flat[0] % 5]
    assert (offset, depth) == (2.5, 10)
