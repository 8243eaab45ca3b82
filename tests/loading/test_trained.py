"""A trained policy outside of its run: arrays in and orders out, the exported file, and what is
refused.
"""

import functools
import json
import pickle
import re
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.env.declaration import ParameterError
from cardjax.loading import portable
from cardjax.loading.trained import TrainedMaker, TrainedPolicy
from cardjax.run.learners import make_learner

TINY = {
    "train.n_envs": 64,
    "train.total_steps": 12_800,
    "ppo.n_minibatches": 4,
    "ppo.hidden": [8],
    "ppo.play": "greedy",
}
DOC = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text()
GAMES = 5
KINDS = {
    "ippo": ("ippo", {}),
    "ippo in float32": ("ippo", {"ppo.matmul_precision": "float32"}),
    "ippo by seats that sample": (
        "ippo",
        {"ppo.share_params": False, "ppo.play": "sampled", "ppo.normalize_observations": "scale"},
    ),
    "mappo with a memory": ("mappo", {"ppo.memory": "lstm", "ppo.normalize_observations": "none"}),
    "pqn": ("pqn", {"env.kind": "single", "pqn.hidden": [8]}),
    "dqn with a memory": (
        "dqn",
        {
            "env.kind": "single",
            "dqn.hidden": [8],
            "dqn.memory": "gru",
            "dqn.batch_size": 640,
            "dqn.capacity": 6400,
            "dqn.head": "c51",
            "dqn.dueling": True,
        },
    ),
}


MADE = []


@functools.cache
def untrained(kind):
    algorithm, changes = KINDS[kind]
    config = make_config(TINY | changes)
    learner = make_learner(algorithm, config)
    params = jax.jit(lambda key: learner.policy_params(learner.init(key)))(jax.random.key(3))
    MADE.append(TrainedPolicy(algorithm, config, 0, params))
    return MADE[-1]


@pytest.fixture(scope="module", autouse=True)
def shapes_once():
    """The shapes that a configuration's policy has are traced once for all files that hold it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portable, "_policy_shapes", functools.cache(portable._policy_shapes))
        yield


@pytest.fixture(autouse=True)
def forgetful():
    """Policies are shared by the tests, their memories are not."""
    yield
    for policy in MADE:
        policy.reset()


@functools.partial(jax.jit, static_argnums=0)
def passed_through(market, params):
    """(views, observations, masks) of the rounds of some games in which all pass, leaves [3,
    GAMES, …].
    """
    first_key, *keys = (jax.random.key(1 + i) for i in range(4))
    observations, games = jax.vmap(market.reset, (0, None))(
        jax.random.split(first_key, GAMES), params
    )
    passes = jnp.zeros(observations.shape[:-1], jnp.int32)

    def play_round(before, key):
        observations, games = before
        view = jax.vmap(market.view, (0, None))(games, params)
        masks = jax.vmap(market.action_mask, (0, None))(games, params)
        after = jax.vmap(market.step, (0, 0, 0, None))(
            jax.random.split(key, GAMES), games, passes, params
        )
        return after[:2], (view, observations, masks)

    return jax.lax.scan(play_round, (observations, games), jnp.stack(keys))[1]


def rounds(policy):
    """(views, observations, masks) of three rounds of some games."""
    played = passed_through(policy.market, policy.env_params)
    for i in range(3):
        view, observations, masks = jax.tree.map(lambda leaf, i=i: leaf[i], played)
        yield view, np.asarray(observations), np.asarray(masks)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind, marks=[pytest.mark.slow] * (kind in ("dqn with a memory", "ippo in float32"))
        )
        for kind in KINDS
    ],
)
def test_what_is_saved_and_loaded_plays_as_before_from_views_and_from_arrays(kind, tmp_path):
    ours = untrained(kind)
    ours.save(tmp_path / "policy.npz")
    loaded = cardjax.load_policy(tmp_path / "policy.npz")
    assert loaded.algorithm == ours.algorithm
    carry = ours.policy.init(jax.random.key(0), next(rounds(ours))[0].bid.shape)
    ours.reset(draws=4)
    loaded.reset(draws=4)
    act = jax.jit(ours.policy.act)
    for i, (view, observations, masks) in enumerate(rounds(ours)):
        carry, expected = act(ours.params, carry, view, jax.random.fold_in(jax.random.key(4), i))
        np.testing.assert_array_equal(ours.act(view), expected)
        np.testing.assert_array_equal(loaded.act(observations, masks), expected)


def test_the_lines_of_numpy_in_the_docs_play_alike(tmp_path):
    ours = untrained("ippo in float32")
    ours.save(tmp_path / "policy.npz")
    names = {}
    exec(re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)[1], names)
    params = names["load"](tmp_path / "policy.npz")
    for _, observations, masks in rounds(ours):
        np.testing.assert_array_equal(
            names["act"](params, observations, masks), ours.act(observations, masks)
        )


# Where the maker is a player

ROLES = {
    "env.preset": "maker",
    "ppo.matmul_precision": "float32",
    "dqn.hidden": [8],
    "dqn.batch_size": 640,
    "dqn.capacity": 6400,
}


@functools.cache
def of_roles(algorithm, **changes):
    """(learner, what `portable.write` takes) of an untrained run whose maker is a player."""
    config = make_config(TINY | ROLES | {name.replace("__", "."): v for name, v in changes.items()})
    learner = make_learner(algorithm, config)
    params = jax.jit(lambda key: learner.policy_params(learner.init(key)))(jax.random.key(3))
    return learner, (algorithm, config, 0, params)


@functools.cache
def known_to_makers():
    """Maker views of 64 games in their first round, and of takers at the untouched quotes."""
    market, params = cardjax.make("two", "maker")

    @jax.jit
    def views(keys):
        _, games = jax.vmap(market.reset, (0, None))(keys, params)
        known = jax.vmap(market.maker_view, (0, None))(games, params)
        return known, jax.vmap(market.view, (0, None))(games, params)

    return market, *views(jax.random.split(jax.random.key(0), 64))


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [("ippo", {}), ("dqn", {"dqn__takers": "equilibrium", "dqn__memory": "gru"})],
)
def test_a_maker_that_is_saved_and_loaded_quotes_as_before(algorithm, changes, tmp_path):
    learner, arguments = of_roles(algorithm, **changes)
    market, known, view = known_to_makers()
    TrainedMaker(*arguments).save(tmp_path / "roles.npz")
    maker = cardjax.load_policy(tmp_path / "roles.npz", role="maker")
    own, policy = arguments[-1].maker, learner.maker()
    carry = policy.init(jax.random.key(0), (64,))
    for i in range(3):
        key = jax.random.fold_in(jax.random.key(0), i)
        now = known._replace(round=known.round + i)
        carry, expected = policy.act(own, carry, now, key)
        given = now if i == 1 else np.asarray(market.encode_maker(now))
        np.testing.assert_array_equal(maker.act(given), expected)
    assert expected.shape == (64, 2)
    with pytest.raises(ParameterError, match=r"observation = .* must have the shape"):
        maker.act(np.asarray(market.encode(view)))
    if algorithm == "dqn":  # whose takers are scripted
        assert type(cardjax.load_policy(tmp_path / "roles.npz")) is type(maker)
        with pytest.raises(ParameterError, match="role = takers: has not learned in this run"):
            cardjax.load_policy(tmp_path / "roles.npz", role="takers")
        return
    takers = cardjax.load_policy(tmp_path / "roles.npz")
    assert takers.act(view).shape == (64, 2) and takers.market == market
    pickled = pickle.loads(pickle.dumps(maker))
    np.testing.assert_array_equal(pickled.act(known), maker.act(known))


def test_the_lines_of_numpy_in_the_docs_quote_alike(tmp_path):
    _, arguments = of_roles("ippo")
    market, known, _ = known_to_makers()
    TrainedPolicy(*arguments).save(tmp_path / "roles.npz")
    names = {}
    for code in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)[1:]:
        exec(code, names)
    params = names["load"](tmp_path / "roles.npz")
    maker = cardjax.load_policy(tmp_path / "roles.npz", role="maker", play="greedy")
    observations = np.asarray(market.encode_maker(known))
    quoted = [names["quote"](params, observation) for observation in observations]
    np.testing.assert_array_equal(quoted, maker.act(observations))


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("maker", "must be takers: the maker is no player there"),
        ("nobody", "must be takers or mak"),
    ],
)
def test_a_role_that_a_game_does_not_have_is_refused(role, said, tmp_path):
    untrained("ippo").save(tmp_path / "policy.npz")
    with pytest.raises(ParameterError, match=f"role = {role}: {said}"):
        cardjax.load_policy(tmp_path / "policy.npz", role=role)


def test_every_array_of_a_file_is_in_the_docs(tmp_path):
    rows = [line for line in DOC.splitlines() if line.startswith("| `")]
    told = {
        name.strip("….") for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    for kind in KINDS:
        untrained(kind).save(tmp_path / "policy.npz")
        for name in np.load(tmp_path / "policy.npz").files:
            parts = name.split(".")
            shorter = {".".join(parts[:i]) for i in range(1, len(parts) + 1)} | {parts[-1]}
            assert shorter & told, name


def test_a_run_is_loaded_exported_and_evaluated_from_its_file(finished, tmp_path, capsys):
    file = tmp_path / "policy.npz"
    main(["export", "--policy", str(finished), "--output", str(file)])
    assert "ippo, training seed 0" in capsys.readouterr().out
    scores = []
    for name in (str(finished), str(file)):
        main(
            [
                "evaluate",
                "--policy",
                name,
                "--opponent",
                "self",
                "--episodes",
                "64",
                "--json",
                str(tmp_path / "r.json"),
            ]
        )
        scores.append(json.loads((tmp_path / "r.json").read_text())[0]["mean_expected_pnl"])
    assert scores[0] == scores[1]
    with pytest.raises(ParameterError, match=r"seed = 5: must be one that .* holds: 0"):
        cardjax.load_policy(finished, seed=5)


def changed(path, **entries):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(
        path, **{name: array for name, array in (arrays | entries).items() if array is not None}
    )


def zipped(path, name, content, how=zipfile.ZIP_STORED):
    """The file with other bytes in place of one array's."""
    with zipfile.ZipFile(path) as file:
        members = {member: file.read(member) for member in file.namelist()}
    with zipfile.ZipFile(path, "w", how) as file:
        for member, own in members.items():
            file.writestr(member, content if member == f"{name}.npy" else own)


def with_meta(path, **entries):
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
    changed(path, meta=np.array(json.dumps(meta | entries)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes()[:2000]),
            "is not a policy that cardjax exported",
        ),
        (lambda path: path.write_text("logit_scale: 3"), "is not a policy that cardjax exported"),
        (lambda path: changed(path, meta=None), "is not a policy that cardjax exported"),
        (
            lambda path: changed(path, more=np.array([{}], dtype=object)),
            "more is one too many",
        ),
        (lambda path: with_meta(path, format="another"), "has the format 'another'"),
        (lambda path: with_meta(path, version=1), "is of version 1; this cardjax reads 2"),
        (lambda path: with_meta(path, algorithm="sarsa"), "does not name an algorithm"),
        (lambda path: with_meta(path, algorithm=None), "algorithm must be text"),
        (lambda path: with_meta(path, seed="0"), "seed must be a whole number"),
        (lambda path: with_meta(path, sha256="0" * 64), "its content is not what was written"),
        (
            lambda path: changed(path, logit_scale=np.float32(2)),
            "its content is not what was written",
        ),
        (lambda path: changed(path, meta=np.array("[" * 10_000)), "is not a policy"),
        (lambda path: changed(path, meta=np.array("[]")), "must be a mapping"),
        (lambda path: zipped(path, "logit_scale", bytes(2**22)), "is compressed, or larger"),
        (
            lambda path: zipped(path, "logit_scale", bytes(2**28), zipfile.ZIP_DEFLATED),
            "is compressed, or larger",
        ),
        (lambda path: with_meta(path, config={"ppo.clipp": 1}), "ppo.clipp = 1"),
        (
            lambda path: changed(path, logit_scale=np.float64(1)),
            r"logit_scale is float64\[\], not float32\[\]",
        ),
        (lambda path: changed(path, logit_scale=None), "logit_scale is missing"),
        (lambda path: changed(path, spare=np.float32(1)), "spare is one too many"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_in_one_line(damage, message, tmp_path):
    path = tmp_path / "policy.npz"
    untrained("ippo").save(path)
    damage(path)
    with pytest.raises(ParameterError, match=message) as caught:
        cardjax.load_policy(path)
    assert "\n" not in str(caught.value)


def test_no_flipped_bit_of_a_file_goes_unnoticed(tmp_path):
    path = tmp_path / "policy.npz"
    untrained("ippo").save(path)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    with zipfile.ZipFile(path) as file:  # half of the flips in the zip's own fields
        directory = file.start_dir
    places = [*generator.integers(len(whole), size=60), *range(directory, len(whole), 9)]
    expected = jax.tree.leaves(untrained("ippo").params)
    assert portable.read(path)[0] == "ippo"
    n_refused = 0
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:
            params = portable.read(path)[3]
        except ParameterError as error:
            n_refused += "\n" not in str(error)
        else:  # a date, say
            for ours, theirs in zip(expected, jax.tree.leaves(params), strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert n_refused > len(places) / 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_neither_written_nor_read(value, tmp_path, monkeypatch):
    path, ours = tmp_path / "policy.npz", untrained("ippo")
    params = ours.params._replace(logit_scale=jnp.float32(value))
    with pytest.raises(ParameterError, match="logit_scale holds values that are not finite"):
        portable.write(path, ours.algorithm, ours.config, 0, params)
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(portable, "_refuse_infinite", lambda path, arrays: None)
        portable.write(path, ours.algorithm, ours.config, 0, params)
    with pytest.raises(ParameterError, match="logit_scale holds values that are not finite"):
        cardjax.load_policy(path)


def test_a_learner_of_ones_own_is_not_exported(tmp_path):
    ours = untrained("ippo")
    policy = TrainedPolicy(ours.algorithm, ours.config, 0, ours.params)
    policy.algorithm = "mine.py:MINE"
    with pytest.raises(ParameterError) as refusal:
        policy.save(tmp_path / "policy.npz")
    assert str(refusal.value).endswith(
        "trained by mine.py:MINE: only policies of cardjax's own algorithms are exported"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch_has_no_orders(kind):
    observations, masks = next(rounds(untrained(kind)))[1:]
    untrained(kind).reset()
    actions = untrained(kind).act(observations[:0], masks[:0])
    assert actions.shape == (0, *observations.shape[1:-1]) and actions.dtype == np.int32


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_policy_goes_on_where_it_was(kind):
    ours = untrained(kind)
    first, *rest = rounds(ours)
    ours.act(*first[1:])
    copied = pickle.loads(pickle.dumps(ours))
    for _, observations, masks in rest:
        np.testing.assert_array_equal(
            ours.act(observations, masks), copied.act(observations, masks)
        )


def test_arrays_of_another_shape_are_refused(tmp_path):
    policy = untrained("mappo with a memory")
    _, observations, masks = next(rounds(policy))
    for arrays, message in (
        ((observations[..., 1:], masks), "observation = .* must have the shape"),
        ((observations, masks[..., 1:]), "mask = .* must have the shape"),
        ((observations,), "mask = None: must be given"),
    ):
        with pytest.raises(ParameterError, match=message):
            policy.act(*arrays)
    policy.act(observations, masks)
    with pytest.raises(ParameterError, match=r"must be a batch of \(5, 2\) until reset"):
        policy.act(observations[1:], masks[1:])
    policy.reset()
    assert policy.act(observations[1:], masks[1:]).shape == (4, 2)
    for name in ("policy.bin", "there/is/no/folder.npz"):
        with pytest.raises(ParameterError, match="output = "):
            policy.save(tmp_path / name)
