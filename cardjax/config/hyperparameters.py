"""The hyperparameters of the learners, with one section of the configuration per family of
algorithms.

The defaults are what is shipped and measured. Files in configs/ contain only what differs.
"""

import dataclasses

from cardjax.env.declaration import Number, choice, custom, flag, integer, name_list, number, scalar

MEMORIES = ("none", "gru", "lstm")
NORMALIZERS = ("none", "scale", "whiten")
PRECISIONS = ("auto", "float32", "bfloat16")
SCHEDULES = ("linear", "geometric", "cosine", "constant")
MATMUL_DOC = (
    "The precision of the dense layers' products. auto: bfloat16 on CPUs that have tiles for it "
    "(Intel AMX), float32 elsewhere."
)
LEARNED = "learned"
"""The role's player is the one that is trained."""
SIZES = "a list of whole numbers in [1, 65536]"


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise TypeError
    return tuple(map(_size, value))


def _size(value: object) -> int:
    n = scalar(value)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 65_536:
        raise ValueError
    return n


def _policy_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


@dataclasses.dataclass(frozen=True)
class LearnerConfig:
    """What all learners have in common. Amounts of money are in points."""

    hidden: tuple[int, ...] = custom(
        (128, 128), SIZES, _sizes, doc="The widths of the hidden layers."
    )
    memory: str = choice(
        "none",
        MEMORIES,
        doc="A recurrent cell, in PPO one for the actor and one for the critic. The hidden layers "
        "read its output beside the observation.",
    )
    memory_width: int = integer(
        32, 1, 65_536, doc="The width of the recurrent cell, if there is one."
    )
    gamma: Number = number(
        0.0,
        0,
        1,
        doc="Discount per round. With 0 a round is learned on its own: an order changes later "
        "rounds through the budget alone, which rarely binds. Where units are carried, looking "
        "ahead takes 1.",
    )
    rollout_rounds: int = integer(10, 1, doc="Rounds that each game plays between updates.")
    max_grad_norm: Number = number(
        10.0, 0, doc="Gradients of a larger global norm are scaled down to it.", open_low=True
    )


@dataclasses.dataclass(frozen=True)
class PPOConfig(LearnerConfig):
    """PPO's hyperparameters (Schulman et al. 2017), for IPPO (de Witt et al. 2020) and MAPPO (Yu et
    al. 2022).

    By default, rewards are in points and advantages are not normalised, so `entropy` has a unit: it
    is the loss, in points, that is accepted for one more nat of entropy. It starts above what
    random orders cost and ends below the smallest edge that is worth taking. If advantages were
    normalised, the noise of bad rounds would decide that trade-off.
    """

    matmul_precision: str = choice("auto", PRECISIONS, doc=MATMUL_DOC)
    share_params: bool = flag(True, doc="Off: every seat has an actor and a critic of its own.")
    critic: str = choice(
        "action_values",
        ("value", "action_values"),
        doc="What the critic estimates: the value V of a state, or the values of all actions, "
        "whose mean under the policy is V.",
    )
    critic_sees_truth: bool = flag(
        False, doc="On: the critic is also told S and both true depths; the actor never is."
    )
    learning_rate: Number = number(4e-3, 0, doc="Adam's step size at the start of the training.")
    learning_rate_end: Number = number(0.0, 0, doc="Adam's step size at the end of the training.")
    learning_rate_schedule: str = choice(
        "linear", SCHEDULES, doc="How learning_rate changes into learning_rate_end."
    )
    entropy: Number = number(
        5.0,
        0,
        doc="The weight of the entropy bonus at the start: by default more than most random orders "
        "cost.",
        unit="points per nat",
    )
    entropy_end: Number = number(
        0.002,
        0,
        doc="The weight of the entropy bonus at the end: by default less than the smallest edge "
        "that is worth taking.",
        unit="points per nat",
    )
    entropy_schedule: str = choice(
        "geometric",
        SCHEDULES,
        doc="How entropy changes into entropy_end; geometric needs both above 0.",
    )
    gae_lambda: Number = number(0.95, 0, 1, doc="λ of generalised advantage estimation.")
    clip: Number = number(
        0.2, 0, doc="How far from 1 the probability ratio may move.", open_low=True
    )
    value_weight: Number = number(0.5, 0, doc="The weight of the critic's loss.")
    n_epochs: int = integer(2, 1, doc="Passes over each batch.")
    n_minibatches: int = integer(
        32, 1, doc="Gradient steps per pass; the number must divide train.n_envs."
    )
    normalize_advantages: bool = flag(
        False,
        doc="On: the advantages of each minibatch are shifted and scaled to mean 0 and "
        "standard deviation 1.",
    )
    normalize_observations: str = choice(
        "whiten",
        NORMALIZERS,
        doc="What is done to the inputs by their running moments: scale brings each to variance 1, "
        "whiten also decorrelates them.",
    )
    normalize_rewards: bool = flag(
        False,
        doc="On: rewards are divided by the running standard deviation of discounted returns.",
    )
    shared_reward: bool = flag(
        False, doc="On: every player is paid the mean of all players' rewards."
    )
    takers: str = custom(
        LEARNED,
        "learned or a policy's name",
        _policy_name,
        doc="Who takes where the maker is a player: learned, or a scripted policy that the maker "
        "learns against.",
    )
    maker: str = custom(
        LEARNED,
        "learned or a maker's name",
        _policy_name,
        doc="Who quotes there: learned, or a scripted maker that the takers learn against.",
    )
    opponents: tuple[str, ...] = name_list(
        ("self",),
        "a list of self, past and scripted players' names",
        doc="Who sits at the other seats, each in an equal share of the games. [self] alone is "
        "self-play, in which all seats learn.",
    )
    past_size: int = integer(8, 1, doc="How many past selves are kept as opponents.")
    past_every: int = integer(50, 1, doc="Updates from one past self to the next.")
    average: Number = number(
        0.98,
        0,
        0.9999,
        doc="The share of a moving average of the actor's weights that is kept from update to "
        "update. The average plays in evaluations; at 0 it is the weights as they stand.",
    )
    play: str = choice(
        "auto",
        ("auto", "greedy", "sampled"),
        doc="How the trained policy plays in evaluations: its most probable action, or a draw from "
        "its distribution as in training. auto: greedy alone, where the optimum needs no chance, "
        "and sampled among others, where the equilibrium mixes sizes and greedy play is easier to "
        "exploit.",
    )
    constrain_ruin: bool = flag(
        False,
        doc="On: a Lagrange multiplier holds the probability of ruin to ruin_bound.",
    )
    ruin_bound: Number = number(
        0.05, 0, 1, doc="The largest probability of ruin per game and player."
    )
    ruin_learning_rate: Number = number(
        10.0,
        0,
        doc="How far the multiplier moves in an update, per unit that the probability is too high.",
        unit="points",
    )


@dataclasses.dataclass(frozen=True)
class QLearnerConfig(LearnerConfig):
    """What DQN and PQN have in common. Values and errors are in points, as rewards are."""

    opponent: str = custom(
        "equilibrium",
        "self or a policy's name",
        _policy_name,
        doc="Who plays the other seats, if there are any: a scripted policy, or self, the greedy "
        "policy as it stands.",
        as_typed=True,
    )
    seat: int = integer(0, 0, 15, doc="The learner's seat, if there are others.")
    q_scale: Number = number(
        10.0,
        0,
        doc="The value that a network output of 1 stands for; DQN's head c51 does not use it.",
        unit="points",
        open_low=True,
    )
    loss: str = choice(
        "huber", ("huber", "squared"), doc="The loss of an error; in DQN, of head mean's errors."
    )
    huber_delta: Number = number(
        0.3,
        0,
        doc="Larger errors count linearly (loss huber, and DQN's head qr). Most orders lose tens "
        "of points, and the edges that are to be found are of the size of the default.",
        unit="points",
        open_low=True,
    )
    epsilon: Number = number(
        1.0, 0, 1, doc="The share of exploring actions at the start of the training."
    )
    epsilon_end: Number = number(
        0.1, 0, 1, doc="The share of exploring actions at the end; it falls linearly."
    )
    exploration_fraction: Number = number(
        0.5,
        0,
        1,
        doc="The part of the training after which epsilon has reached epsilon_end.",
        open_low=True,
    )


@dataclasses.dataclass(frozen=True)
class DQNConfig(QLearnerConfig):
    """DQN's hyperparameters (Mnih et al. 2015; Hessel et al. 2018)."""

    takers: str = custom(
        LEARNED,
        "learned or a policy's name",
        _policy_name,
        doc="Who takes where the maker is a player: learned, or a scripted policy at all seats, "
        "that the maker learns against.",
    )
    maker: str = custom(
        LEARNED,
        "learned or a maker's name",
        _policy_name,
        doc="Who quotes there: learned, or a scripted maker that one taker learns against. One of "
        "the two roles learns, and the other is named.",
    )
    matmul_precision: str = choice("float32", PRECISIONS, doc=MATMUL_DOC)
    burn_in: int = integer(
        0, 0, doc="Rounds before each replayed block that only warm the memory up."
    )
    head: str = choice(
        "mean",
        ("mean", "c51", "qr"),
        doc="What the network estimates: the value alone, or its distribution by the atoms of C51 "
        "or the quantiles of QR-DQN.",
    )
    n_atoms: int = integer(
        51, 2, 2**16, doc="The number of atoms of head c51, or of quantiles of head qr."
    )
    v_min: Number = number(-20.0, doc="The lowest atom of c51.", unit="points")
    v_max: Number = number(20.0, doc="The highest atom of c51.", unit="points")
    double: bool = flag(
        True,
        doc="On: the learning network chooses the bootstrapped action, and the target network "
        "values it.",
    )
    dueling: bool = flag(
        False, doc="On: the network estimates a state's value and the actions' advantages apart."
    )
    critic_sees_truth: bool = flag(
        False,
        doc="On: a second network, which is told S and both true depths, learns what actions are "
        "worth, and the player's network learns from its values of all of them, by squared errors. "
        "The player itself never sees them.",
    )
    n_step: int = integer(
        1,
        1,
        doc="Rounds of reward before the bootstrapped value; fewer at the end of a rollout.",
    )
    target_update: str = choice(
        "hard",
        ("hard", "polyak"),
        doc="How the target network follows: copied now and then, or moved a little each step.",
    )
    target_period: int = integer(250, 1, doc="Gradient steps between copies (target_update hard).")
    target_tau: Number = number(
        0.005,
        0,
        1,
        doc="The share of the distance that the target network moves per gradient step "
        "(target_update polyak).",
    )
    capacity: int = integer(
        1_000_000,
        1,
        2**30,
        doc="Rounds that are kept for replay, rounded down to whole rollouts of all games.",
    )
    prioritised: bool = flag(
        False,
        doc="On: rounds are replayed in proportion to (error + 0.001) ** priority_exponent.",
    )
    priority_exponent: Number = number(
        0.6, 0, doc="How much the error counts in prioritised replay; 0 is uniform."
    )
    beta: Number = number(
        0.4,
        0,
        1,
        doc="The exponent of the importance weights at the start; it rises linearly to 1.",
    )
    n_gradient_steps: int = integer(60, 1, doc="Batches that are learned from after each rollout.")
    batch_size: int = integer(
        2048, 1, doc="Rounds per batch; with a memory, a multiple of rollout_rounds."
    )
    learning_rate: Number = number(4e-3, 0, doc="Adam's step size at the start of the training.")
    learning_rate_end: Number = number(
        0.0, 0, doc="Adam's step size at the end; it falls linearly."
    )


@dataclasses.dataclass(frozen=True)
class PQNConfig(QLearnerConfig):
    """PQN's hyperparameters (Gallici et al. 2024)."""

    layer_norm: bool = flag(
        True,
        doc="On: each hidden layer is normalised, which takes the place of a target network.",
    )
    td_lambda: Number = number(
        0.65,
        0,
        1,
        doc="λ of the returns: 0 bootstraps after each round, 1 at the end of a rollout alone. "
        "Without a discount it makes no difference.",
    )
    n_epochs: int = integer(8, 1, doc="Passes over each rollout.")
    n_minibatches: int = integer(
        16, 1, doc="Gradient steps per pass; the number must divide train.n_envs."
    )
    learning_rate: Number = number(1e-2, 0, doc="RAdam's step size at the start of the training.")
    learning_rate_end: Number = number(
        0.0, 0, doc="RAdam's step size at the end; it falls linearly."
    )
