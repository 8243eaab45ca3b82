"""The stage game in float64 numpy, by quadrature and enumeration, sharing no formula with
cardjax.policies.
"""

import itertools
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
"""As many as change nothing: with 24, the tables of the tests' markets are the same to 1e-13."""


class Depth(NamedTuple):
    """The parameters that depth's law needs, as Python floats."""

    kappa: float
    tau: float
    min: float
    max: float
    cap: float

    @classmethod
    def of(cls, params):
        return cls(*(float(getattr(params.liquidity, name)) for name in cls._fields))

    def scale(self, sigma, spread):
        sigma, spread = np.asarray(sigma, np.float64), np.asarray(spread, np.float64)
        return self.kappa / (np.maximum(sigma, 1e-6) * (spread + 1e-8))


def overflow_by_depth(displayed, sigma, spread, q, law):
    """E[max(0, q − L) | displayed], scalars: the integral over the normal that draws raw depth,
    given L ≥ cap.
    """
    if displayed < law.cap:
        return max(q - displayed, 0.0)
    scale = law.scale(sigma, spread)
    if law.tau == 0:
        return max(q - min(max(scale, law.min, law.cap), law.max), 0.0)
    centre = np.log(scale) - law.tau**2 / 2

    def z_of(depth):
        return (np.log(depth) - centre) / law.tau if depth > 0 else -np.inf

    start = max(z_of(law.cap), -12.0) if law.cap > law.min else -12.0
    end = max(start, 0.0) + 12.0
    cuts = {start, end, *(np.clip(z_of(depth), start, end) for depth in (law.min, law.max, q))}
    cuts = sorted(cuts | set(np.arange(start, end, 0.5)))
    left, right = np.array(cuts[:-1]), np.array(cuts[1:])
    z = (left + right)[:, None] / 2 + (right - left)[:, None] / 2 * NODES
    weight = (right - left)[:, None] / 2 * WEIGHTS * np.exp((max(start, 0.0) ** 2 - z**2) / 2)
    depth = np.clip(np.exp(np.minimum(centre + law.tau * z, 50)), law.min, law.max)
    return (weight * np.maximum(q - depth, 0)).sum() / weight.sum()


def chance_of_cap(sigma, spread, law):
    """P(L ≥ cap)."""
    if law.cap <= law.min or law.tau == 0:
        return 1.0
    return ndtr((np.log(law.scale(sigma, spread) / law.cap)) / law.tau - law.tau / 2)


def overflow_table(displayed, sigma, spread, law, q_max):
    """E[max(0, q − L) | displayed] at q = 0..q_max, [n, q_max + 1]: P(L ≤ y | displayed) integrated
    over y.
    """
    displayed = np.asarray(displayed, np.float64)
    q = np.arange(q_max + 1.0)
    table = np.maximum(q - displayed[:, None], 0)
    hidden = np.flatnonzero(displayed >= law.cap)
    centre = (np.log(law.scale(sigma, spread)) - law.tau**2 / 2)[hidden][:, None, None]
    edges = np.clip(q, min(max(law.cap, law.min), law.max), law.max)
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + NODES)
    with np.errstate(divide="ignore"):
        z = (np.log(y) - centre) / law.tau
        start = (np.log(law.cap) - centre) / law.tau
    below = 1 - ndtr(-z) / ndtr(-start) if law.cap > law.min else ndtr(z)
    steps = (below * half * WEIGHTS).sum(-1) + np.diff(np.maximum(q - law.max, 0))
    table[hidden, 1:] = np.cumsum(steps, 1)
    return table


def expected_pnl(params, view, probabilities, n_players):
    """[n, 21] of expected pnl if the others draw from `probabilities` [n, 21]; view leaves [n]."""
    alpha = float(params.alpha) * bool(params.flags.enable_impact)
    mu, bid, ask = (np.asarray(x, np.float64) for x in (view.mu, view.bid, view.ask))
    value = np.zeros((len(mu), 21))
    for first, edge, displayed in (
        (1, mu - ask, view.displayed_ask),
        (11, bid - mu, view.displayed_bid),
    ):
        table = overflow_table(displayed, view.sigma, view.spread, Depth.of(params), 10 * n_players)
        orders = np.asarray(probabilities, np.float64)[:, first : first + 10]
        one = np.concatenate([1 - orders.sum(1, keepdims=True), orders], 1)
        flow = np.ones((len(mu), 1))
        for _ in range(n_players - 1):
            flow = sum(np.pad(one[:, [k]] * flow, [(0, 0), (k, 10 - k)]) for k in range(11))
        for i in range(1, 11):
            mean = (flow * table[:, i : i + flow.shape[1]]).sum(1)
            value[:, first + i - 1] = i * (edge - alpha * mean)
    return value


def enumerated_pnl(params, view, probabilities, n_others):
    """The 21 expected pnls of one view in plain loops: own action, the others' joint actions, a
    grid of depths.
    """
    alpha = float(params.alpha) * bool(params.flags.enable_impact)
    mu, bid, ask = float(view.mu), float(view.bid), float(view.ask)
    buyers_meet, sellers_meet = depth_grid(params, view, "ask"), depth_grid(params, view, "bid")
    totals = range(10 * n_others + 11)
    ask_impact = [alpha * np.maximum(q - buyers_meet, 0).mean() for q in totals]
    bid_impact = [alpha * np.maximum(q - sellers_meet, 0).mean() for q in totals]
    value = np.zeros(21)
    for own, *others in itertools.product(range(21), repeat=n_others + 1):
        chance = np.prod([float(probabilities[a]) for a in others])
        bought = sum(a for a in (own, *others) if a <= 10)
        sold = sum(a - 10 for a in (own, *others) if a > 10)
        if own <= 10:
            value[own] += chance * own * (mu - (ask + ask_impact[bought]))
        else:
            value[own] += chance * (own - 10) * (bid - bid_impact[sold] - mu)
    return value


def depth_grid(params, view, side, n=100_000):
    """`n` equally likely values of a side's true depth given what is displayed of it."""
    law = Depth.of(params)
    shown = float(getattr(view, f"displayed_{side}"))
    if shown < law.cap:
        return np.array([shown])
    centre = np.log(law.scale(view.sigma, view.spread)) - law.tau**2 / 2
    start = ndtr((np.log(law.cap) - centre) / law.tau) if law.cap > law.min else 0.0
    quantiles = start + (1 - start) * (np.arange(n) + 0.5) / n
    return np.clip(np.exp(centre + law.tau * ndtri(quantiles)), law.min, law.max)
