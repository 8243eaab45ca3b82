"""A player's decision together with the probabilities that it was drawn with, and a player that is
one of several.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.execution import N_ACTIONS, PASS
from cardjax.env.observation import View
from cardjax.env.quotes import posterior
from cardjax.env.sampling import sample_categorical
from cardjax.env.trees import ArrayTree
from cardjax.policies.policy import Deterministic, Memoryless, Policy

Chosen: TypeAlias = tuple[Array, tuple[ArrayTree, ...]]
"""Which policy of several plays, int32 [], and one entry of parameters for each."""


class Decision(NamedTuple):
    """What a player does with a batch of views [...]."""

    carry: ArrayTree
    action: Array
    """int32 [...]."""
    probabilities: Array
    """float32 [..., 21]: the probabilities that the action was drawn from, 0 for invalid actions.
    """


def decide(policy: Policy, params: Any, carry: Any, view: View, key: Array) -> Decision:
    """As `Policy.act`, with its probabilities.

    A memoryless scripted player tells its probabilities, and so does a player with `greedy = False`
    and a method `action_probabilities(params, carry, view)`. Any other's is taken to be a point
    mass on its action. That is exact for one that decides without chance, such as a greedy network.
    One that samples and keeps its probabilities to itself is seen as if its draw were known, so
    that what a reply gains over it bounds from above what a reply to its probabilities would.
    """
    if isinstance(policy, OneOf):
        return policy.decide(params, carry, view, key)
    view = seen_by(policy, view)
    if isinstance(policy, Memoryless) and not isinstance(policy, Deterministic):
        probabilities = policy.action_probabilities(params, view)
        return Decision(carry, sample_categorical(key, probabilities), probabilities)
    after, action = policy.act(params, carry, view, key)
    if not getattr(policy, "greedy", True):
        told = getattr(policy, "action_probabilities", None)
        if told is not None:
            return Decision(after, action, told(params, carry, view))
    valid = jnp.take_along_axis(view.action_mask, action[..., None], -1)[..., 0]
    return Decision(
        after, action, jax.nn.one_hot(jnp.where(valid, action, PASS), N_ACTIONS, dtype=jnp.float32)
    )


def is_told(policy: Policy, params: ArrayTree) -> Array | bool:
    """Whether a policy is told a hidden event, which it asks for by an attribute `sees_event`; of
    `OneOf`, whether the one that plays is.
    """
    if not isinstance(policy, OneOf):
        return bool(getattr(policy, "sees_event", False))
    index, each = cast(Chosen, params)
    told = [is_told(one, own) for one, own in zip(policy.policies, each, strict=True)]
    return jnp.array(told)[index] if any(told) else False


def tell(view: View, event: Array, told: Array | bool) -> View:
    """The views with the hidden event in them and, for those who are told, with the mean of S that
    it means. Nobody should read the event but by `seen_by`. Where it is known, nothing changes.

    Args:
        view: leaves [games, A].
        event: int32 [games].
        told: bool [A], or False if nobody is.
    """
    if told is False or view.event is not None:
        return view
    event = jnp.broadcast_to(event[:, None], view.mu.shape)
    mu, _ = posterior(event, view.hint_counts)
    return view._replace(event=event, mu=jnp.where(told, mu, view.mu))


def seen_by(policy: Policy, view: View) -> View:
    """The view as the policy may see it: without a hidden event, unless it is told."""
    allowed = view.belief is None or getattr(policy, "sees_event", False)
    return view if allowed else view._replace(event=None)


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Plays as the one of `policies` that a traced index names, so that one compiled program serves
    all of them.

    Its `params` are `Chosen`; its carry is all their carries.
    """

    policies: tuple[Policy, ...]

    @property
    def sees_event(self) -> bool:
        """Whether a hidden event is told to one of them; `decide` keeps it from the others."""
        return any(getattr(policy, "sees_event", False) for policy in self.policies)

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[ArrayTree, ...]:
        """As `Policy.init`, of each with the same key."""
        return tuple(policy.init(key, batch) for policy in self.policies)

    def act(
        self, params: Chosen, carry: ArrayTree, view: View, key: Array
    ) -> tuple[ArrayTree, Array]:
        """As `Policy.act`."""
        decision = self.decide(params, carry, view, key)
        return decision.carry, decision.action

    def decide(self, params: Chosen, carry: ArrayTree, view: View, key: Array) -> Decision:
        """As `decide`, of the policy that the index names; the others' carries stay as they are."""
        index, each = params

        def branch(i: int) -> Callable[[tuple[ArrayTree, ...]], Decision]:
            def run(carries: tuple[ArrayTree, ...]) -> Decision:
                own = decide(self.policies[i], each[i], carries[i], view, key)
                return own._replace(carry=(*carries[:i], own.carry, *carries[i + 1 :]))

            return run

        return jax.lax.switch(index, [branch(i) for i in range(len(self.policies))], carry)
