"""The depth scale kappa that gives true depth a wanted median, computed exactly.

docs/rules.md#depth has the distribution of true depth.
Every state that the maker can be in (an event and the cards revealed) is enumerated with its
probability. Within a state ln L is normal before it is clipped, so P(L ≤ x) is a finite mixture of
normal distribution functions, and clipping moves no quantile that lies between L_min and L_max.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np

from cardjax.env.cards import N_CARDS
from cardjax.env.events import DECKS, EVENTS, N_EVENTS, N_RANKS, N_REMAPS, NO_EVENT, REMAP, SUITS
from cardjax.env.params import EnvParams

WAYS = np.array([math.comb(SUITS, k) for k in range(SUITS + 1)])
"""In how many ways k cards of one rank can be chosen."""
_ERF = np.vectorize(math.erf, otypes=[float])


def median_depth(params: EnvParams) -> float:
    """The median of true depth over the rounds of a game, one side, in units.

    It is exact, not sampled: every round of a game has the same marginal distribution of events,
    since an event that is kept is distributed as a fresh one.

    Args:
        params: one game's parameters, scalar leaves (not a batch).
    """
    probability, log_scale = _states(params)
    low, high = float(params.liquidity.min), float(params.liquidity.max)
    log_kappa, tau = math.log(float(params.liquidity.kappa)), float(params.liquidity.tau)

    def at_least_half_below(log_depth: float) -> bool:
        return _below(log_depth, log_kappa + log_scale, probability, tau) >= 0.5

    centre = float(log_kappa + np.average(log_scale, weights=probability))
    return min(max(math.exp(_first_true(at_least_half_below, centre)), low), high)


def calibrate_kappa(params: EnvParams, median: float = 7.0) -> float:
    """The kappa for which true depth has this median, all else as in `params`.

    Args:
        params: one game's parameters, scalar leaves (not a batch); its own kappa plays no part.
        median: in units, within [L_min, L_max].

    Returns:
        kappa, above 0; `median_depth` of the parameters with this kappa is `median`.

    Raises:
        ValueError: a median outside [L_min, L_max], or below L_max where half the rounds or more
            reveal the sum (their depth is L_max, whatever kappa is).
    """
    low, high = float(params.liquidity.min), float(params.liquidity.max)
    if not low <= median <= high:
        raise ValueError(
            f"median = {median:g}: must be in [L_min, L_max] = [{low:g}, {high:g}], "
            "where depth is clipped"
        )
    revealed = float(params.hints[N_CARDS]) / float(np.sum(params.hints))
    if revealed >= 0.5 and median < high:
        raise ValueError(
            f"median = {median:g}: no kappa gives it, {revealed:.0%} of the rounds have "
            "sigma = 0 and so L_max"
        )
    probability, log_scale = _states(params)
    tau = float(params.liquidity.tau)

    def at_most_half_below(log_kappa: float) -> bool:
        return _below(math.log(median), log_kappa + log_scale, probability, tau) <= 0.5

    centre = math.log(median) - float(np.average(log_scale, weights=probability))
    return math.exp(_first_true(at_most_half_below, centre))


def _states(params: EnvParams) -> tuple[np.ndarray, np.ndarray]:
    """The probability [N] and ln(L_bar / kappa) [N] of every state that can occur.

    States of the same L_bar count as one.
    """
    chance_of_event = _event_probabilities(params)
    chance_of_hints = np.asarray(params.hints, np.float64) / np.sum(params.hints, dtype=np.float64)
    rule = params.spread
    probability, log_scale = [], []
    for event in np.flatnonzero(chance_of_event):
        chance, sigma = _states_of_event(int(event), chance_of_hints)
        spread = np.clip(
            float(rule.s0) + float(rule.beta) * sigma, float(rule.min), float(rule.max)
        )
        probability.append(chance_of_event[event] * chance)
        log_scale.append(-np.log(np.maximum(sigma, 1e-6) * (spread + 1e-8)))
    distinct, index = np.unique(np.concatenate(log_scale), return_inverse=True)
    return np.bincount(index, np.concatenate(probability)), distinct


def _event_probabilities(params: EnvParams) -> np.ndarray:
    """How often each event is up, in any round: float64 [161]."""
    chance = np.zeros(N_EVENTS)
    if not params.flags.enable_events:
        chance[NO_EVENT] = 1.0
        return chance
    kinds = np.array([float(getattr(params.events, kind)) for kind in DECKS])
    remap = float(params.events.remap)
    chance[:REMAP] = (1 - remap) * kinds / kinds.sum()
    chance[REMAP:] = remap / N_REMAPS
    return chance


def _states_of_event(event: int, chance_of_hints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probability and sigma of each multiset of revealed cards under one event."""
    values = np.asarray(EVENTS.value[event], np.float64)
    eligible = np.flatnonzero(EVENTS.eligible[event])
    deck = SUITS * EVENTS.eligible[event]
    n = int(deck.sum())
    probability, sigma = [], []
    for h in np.flatnonzero(chance_of_hints):
        hands = np.array(list(itertools.combinations_with_replacement(eligible, int(h))), int)
        counts = (hands[:, :, None] == np.arange(N_RANKS)).sum(1)
        ways = WAYS[counts].prod(1)
        left, m = deck - counts, N_CARDS - h
        mean = (left * values).sum(1) / (n - h)
        variance_of_one = (left * (values - mean[:, None]) ** 2).sum(1) / (n - h)
        probability.append(chance_of_hints[h] * ways / math.comb(n, h))
        sigma.append(np.sqrt(m * variance_of_one * (n - h - m) / (n - h - 1)))
    return np.concatenate(probability), np.concatenate(sigma)


def _below(log_depth: float, log_mean: np.ndarray, probability: np.ndarray, tau: float) -> float:
    """P(ln L ≤ log_depth) before clipping, L a mixture of lognormals with means exp(log_mean)."""
    distance = log_depth - (log_mean - tau * tau / 2)
    # Without noise each state's distribution function is a step.
    below = (distance >= 0) if tau == 0 else (1 + _ERF(distance / (tau * math.sqrt(2)))) / 2
    return float(probability @ below / probability.sum())


def _first_true(condition: Callable[[float], bool], near: float) -> float:
    """Where a condition turns true that is false far to the left and true far to the right."""
    low, high, step = near, near, 1.0
    while condition(low):
        low, step = low - step, 2 * step
    while not condition(high):
        high, step = high + step, 2 * step
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if condition(middle) else (middle, high)
    return high
