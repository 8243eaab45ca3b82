"""Data sets: a file holds what was played, all of it, and takes constant memory."""

import dataclasses
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import cardjax
from cardjax.commands import main as command_line
from cardjax.config import load_config
from cardjax.datasets import games
from cardjax.datasets.games import DATASETS, Rollouts
from cardjax.datasets.parquet import schema_table
from cardjax.datasets.writing import write_dataset
from cardjax.env import EVENT_KINDS, CardMarket, beliefs
from cardjax.env import maker as maker_rules
from cardjax.env.events import REMAP
from cardjax.env.execution import N_ACTIONS
from cardjax.evaluation.evaluate import domain_key
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.rollout_columns import COLUMNS, MAKER_COLUMNS, OBSERVATION
from cardjax.loading import saved
from cardjax.policies import EvOracle
from cardjax.run import run_folder
from cardjax.training import runs

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DOCS = Path(__file__).resolve().parents[2] / "docs"
BATCH, GAMES = 64, 150
TWO, PARAMS = cardjax.make("two")


@dataclasses.dataclass(frozen=True)
class Careless:
    """Any action, and actions that do not exist."""

    def init(self, key, batch):
        return ()

    def act(self, params, carry, view, key):
        return carry, jax.random.randint(key, view.wealth.shape, 0, N_ACTIONS + 3)


@pytest.fixture(autouse=True, scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "GAMES_AT_ONCE", BATCH)
        yield


def rollouts(
    policy=Careless(), market=TWO, params=PARAMS, n_games=GAMES, observations=True, seed=0
):
    return Rollouts(
        market, params, [Seats(policy, params, market.n_players)], seed, n_games, observations
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file of careless play for two."""
    path = tmp_path_factory.mktemp("dataset") / "careless.parquet"
    assert write_dataset(path, rollouts(), {"policy": "careless"}) == GAMES * 10 * 2
    return path


@pytest.fixture(scope="module")
def table(path):
    return parquet.read_table(path)


@pytest.fixture(scope="module")
def columns(table):
    """name → array [rows]."""
    return {name: table[name].to_numpy(zero_copy_only=False) for name in COLUMNS}


def test_every_batch_is_a_row_group(path):
    meta = parquet.ParquetFile(path).metadata
    sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    assert sizes == [n * 20 for n in (64, 64, 22)]


def test_every_column_has_its_type_unit_and_doc(table):
    assert table.schema.names == [*COLUMNS, OBSERVATION]
    again = json.loads(table.schema.metadata[b"cardjax.columns"])
    for field in table.schema:
        assert not field.nullable
        assert field.metadata[b"doc"]
        assert again[field.name] == {
            key.decode(): text.decode() for key, text in field.metadata.items()
        }
    for name, column in COLUMNS.items():
        kind = table.schema.field(name).type
        assert (kind.index_type if column.names else kind) == pa.from_numpy_dtype(column.dtype)
    assert table.schema.field("event_kind").type.value_type == pa.string()
    assert table.schema.field(OBSERVATION).type == pa.list_(pa.float32(), TWO.observation_size)


def test_the_page_shows_the_columns_as_declared():
    assert schema_table() in (DOCS / "dataset.md").read_text(), (
        "paste what cardjax.datasets.parquet.schema_table() says"
    )


def test_rows_are_games_rounds_and_players_in_order(columns):
    expected = np.stack(np.unravel_index(np.arange(GAMES * 20), (GAMES, 10, 2)))
    assert (np.stack([columns[name] for name in ("game", "round", "player")]) == expected).all()
    assert (columns["terminated"] == (columns["round"] == 9)).all()
    assert not columns["truncated"].any()


def test_settlement_follows_from_the_columns(columns):
    c = columns
    position = np.where(c["action"] > 10, 10 - c["action"], c["action"]).astype(np.float32)
    assert c["pnl"] == pytest.approx(position * (c["S"] - c["exec_price"]), abs=1e-4)
    assert c["expected_pnl"] == pytest.approx(position * (c["mu"] - c["exec_price"]), abs=1e-4)
    assert c["wealth"] == pytest.approx(c["wealth_before"] + c["pnl"], abs=1e-4)
    assert (c["reward"] == c["pnl"]).all()
    wealth, before = (c[name].reshape(GAMES, 10, 2) for name in ("wealth", "wealth_before"))
    assert (before[:, 0] == PARAMS.initial_wealth).all()
    assert (before[:, 1:] == wealth[:, :-1]).all()


def test_orders_follow_from_the_columns(columns):
    c = columns
    traded, sold = c["action"] > 0, c["action"] > 10
    assert 0 < c["rejected"].mean() < 1
    assert not (c["rejected"] & traded).any()
    assert (c["action_mask_bits"] >> c["action"] & 1).all()
    quote = np.where(sold, c["bid"], c["ask"])
    assert np.abs(c["exec_price"] - quote)[traded] == pytest.approx(c["slippage"][traded], abs=1e-5)
    assert c["slippage"].max() > 0
    for name, value in (("exec_price", 0), ("slippage", 0), ("fill_ratio", 1), ("pnl", 0)):
        assert (c[name][~traded] == value).all()


def test_the_market_is_the_same_for_both_players_and_its_columns_agree(columns):
    c = columns
    for name in ("event", "S", "mu", "bid", "ask", "depth_bid", "displayed_ask"):
        assert (c[name][::2] == c[name][1::2]).all()
    assert (c["event_kind"] == np.array(EVENT_KINDS)[np.minimum(c["event"], 5)]).all()
    plain = c["event"] == 0
    assert ((c["card_1"] + c["card_2"] + c["card_3"])[plain] == c["S"][plain]).all()
    known = c["n_hints"] == 3
    assert (c["sigma"][known] == 0).all() and c["mu"][known] == pytest.approx(
        c["S"][known], abs=1e-4
    )
    assert (c["displayed_bid"] <= c["depth_bid"]).all()


def test_observations_are_what_the_columns_say(table, columns):
    seen = np.stack(table[OBSERVATION].to_numpy())
    read = {
        name: seen[:, field.slice] / field.scale for name, field in TWO.observation_fields.items()
    }
    for name in ("bid", "ask", "spread", "displayed_bid"):
        assert read[name][:, 0] == pytest.approx(columns[name], rel=1e-5)
    assert read["wealth"][:, 0] * PARAMS.initial_wealth == pytest.approx(
        columns["wealth_before"], rel=1e-5
    )
    said = json.loads(table.schema.metadata[b"cardjax.observation"])
    assert {name: slice(f["first"], f["stop"]) for name, f in said.items()} == {
        name: field.slice for name, field in TWO.observation_fields.items()
    }


def test_the_games_are_those_of_a_match_with_the_same_key(columns):
    key = jax.random.fold_in(domain_key(0, DATASETS), 0)
    totals = jax.jit(lambda key: play_games(TWO, rollouts().seats, PARAMS, key, BATCH))(key)
    pnl = columns["pnl"].reshape(GAMES, 10, 2).sum(1)[:BATCH]
    assert pnl == pytest.approx(np.asarray(totals.pnl), abs=1e-3)


def test_a_seed_says_what_the_file_holds_and_a_longer_file_begins_with_a_shorter(
    path, table, tmp_path
):
    again, other, shorter = (tmp_path / f"{name}.parquet" for name in ("again", "other", "shorter"))
    write_dataset(again, rollouts(), {"policy": "careless"})
    assert again.read_bytes() == path.read_bytes()
    write_dataset(other, rollouts(seed=1), {"policy": "careless"})
    assert parquet.read_table(other)["S"] != table["S"]
    write_dataset(shorter, rollouts(n_games=70), {"policy": "careless"})
    assert parquet.read_table(shorter).equals(table.slice(0, 70 * 20))


def test_memory_does_not_grow_with_the_number_of_games(tmp_path):
    held = []

    def progress(games):
        held.append(sum(leaf.nbytes for leaf in jax.live_arrays()))

    write_dataset(tmp_path / "x.parquet", rollouts(n_games=8 * BATCH), {}, progress=progress)
    assert len(held) == 8
    assert max(held[1:]) <= held[0]


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    """name → array [games, 10, players]: a file of careless play for two, with hidden events."""
    market, params = cardjax.make("two", preset="hidden_events")
    path = tmp_path_factory.mktemp("dataset") / "hidden.parquet"
    write_dataset(path, rollouts(market=market, params=params, n_games=4), {})
    table = parquet.read_table(path)
    assert all(field.metadata[b"doc"] for field in table.schema)
    assert b"hidden" in table.schema.field("event").metadata[b"doc"]
    assert b"public" in table.schema.field("mu").metadata[b"doc"]
    read = {name: table[name].to_numpy(zero_copy_only=False) for name in table.schema.names}
    return {name: values.reshape(4, 10, 2) for name, values in read.items() if name != OBSERVATION}


def test_the_belief_is_what_follows_from_a_file_s_hints_cards_and_sums(hidden):
    _, params = cardjax.make("two", preset="hidden_events")
    after, given_hints = jax.jit(beliefs.plain_next_round), jax.jit(beliefs.plain_given_hints)
    kinds = np.stack([hidden[f"belief_{kind}"] for kind in EVENT_KINDS], -1)
    assert kinds.sum(-1) == pytest.approx(1, abs=1e-5)
    cards = np.stack([hidden[f"card_{i}"] for i in (1, 2, 3)], -1).astype(np.int32)
    for game in range(4):
        b = beliefs.plain_prior(params)
        for t in range(10):
            ranks, n_hints = cards[game, t, 0], hidden["n_hints"][game, t, 0]
            chances = np.asarray(given_hints(b, np.where(np.arange(3) < n_hints, ranks, 0)))
            own = np.append(chances[:REMAP], chances[REMAP:].sum())
            assert kinds[game, t] == pytest.approx(np.stack([own, own]), abs=1e-5)
            b = after(b, ranks, hidden["S"][game, t, 0], params)


def test_a_file_has_the_belief_only_where_the_event_is_hidden(table, hidden):
    assert hidden.keys() == {*COLUMNS, *(f"belief_{kind}" for kind in EVENT_KINDS)}
    assert not any(name.startswith("belief") for name in table.schema.names)


def test_a_file_of_games_with_inventory_says_what_was_carried_and_charged(tmp_path):
    market, params = cardjax.make("two", preset="inventory", reward="expected_pnl")
    path = tmp_path / "x.parquet"
    write_dataset(path, rollouts(market=market, params=params, n_games=4), {})
    table = parquet.read_table(path)
    names = ["inventory_before", "inventory", "carry_pnl", "risk_charge"]
    assert [name for name in table.schema.names if name not in (*COLUMNS, OBSERVATION)] == names
    assert b"carried" in table.schema.field("pnl").metadata[b"doc"]
    read = {name: table[name].to_numpy(zero_copy_only=False) for name in (*COLUMNS, *names)}
    game = {name: values.reshape(4, 10, 2) for name, values in read.items()}
    action = game["action"].astype(int)
    q = np.where(action > 10, 10 - action, action)
    held = np.cumsum(q, 1)
    np.testing.assert_array_equal(game["inventory"], held)
    np.testing.assert_array_equal(game["inventory_before"], held - q)
    own = q * (game["S"] - game["exec_price"])
    assert game["pnl"] == pytest.approx(own + game["carry_pnl"], abs=1e-3)
    assert game["risk_charge"] == pytest.approx(0.01 * held**2, rel=1e-5)
    paid = game["expected_pnl"] - game["risk_charge"]
    assert game["reward"] == pytest.approx(paid, abs=1e-3) and held.any()


def test_games_that_everyone_has_left_end_there(tmp_path):
    market, params = cardjax.make("two", **{"flags.stop_out": True, "stop_out_level": 0.95})
    n_rows = write_dataset(tmp_path / "x.parquet", rollouts(market=market, params=params), {})
    assert 0 < n_rows < GAMES * 20
    c = {
        name: column.to_numpy()
        for name, column in zip(
            COLUMNS, parquet.read_table(tmp_path / "x.parquet").columns, strict=False
        )
        if name != "event_kind"
    }
    last = np.append(np.diff(c["game"][::2]) > 0, True)
    assert (c["terminated"][::2] == last).all()
    assert (
        c["wealth"].reshape(-1, 2)[last & (c["round"][::2] < 9)] <= 0.95 * params.initial_wealth
    ).all()


@pytest.mark.parametrize("kind", ["log_wealth", "expected_pnl"])
def test_the_reward_is_of_the_kind_asked_for(tmp_path, kind):
    market, params = cardjax.make("single", reward=kind)
    alone = dataclasses.replace(market, squeeze=False)
    assert (
        write_dataset(
            tmp_path / "x.parquet", rollouts(EvOracle(), alone, params, observations=False), {}
        )
        == 1500
    )
    table = parquet.read_table(
        tmp_path / "x.parquet", columns=["reward", "expected_pnl", "wealth", "wealth_before"]
    )
    c = {name: table[name].to_numpy() for name in table.column_names}
    expected = (
        c["expected_pnl"] if kind == "expected_pnl" else np.log(c["wealth"] / c["wealth_before"])
    )
    assert c["reward"] == pytest.approx(expected, abs=1e-5)


def test_pandas_reads_it(path, columns):
    frame = pytest.importorskip("pandas").read_parquet(path)
    assert len(frame) == GAMES * 20
    assert (frame["wealth"].to_numpy() == columns["wealth"]).all()
    assert set(frame["event_kind"].unique()) <= set(EVENT_KINDS)


def test_polars_reads_it(path, columns):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(path)
    assert (frame["wealth"].to_numpy() == columns["wealth"]).all()
    assert frame[OBSERVATION].dtype == polars.Array(polars.Float32, TWO.observation_size)


def test_duckdb_reads_it_and_what_it_says_of_itself(path, columns):
    duckdb = pytest.importorskip("duckdb")
    query = f"select player, sum(pnl)::double from '{path}' group by player order by player"
    assert [pnl for _, pnl in duckdb.sql(query).fetchall()] == pytest.approx(
        [columns["pnl"][seat::2].sum(dtype=float) for seat in range(2)], rel=1e-5
    )
    said = dict(
        duckdb.sql(
            f"select decode(key), decode(value) from parquet_kv_metadata('{path}')"
        ).fetchall()
    )
    assert said["cardjax.policy"] == "careless"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_after_an_interruption_there_is_nothing_new(tmp_path, error):
    path = tmp_path / "x.parquet"

    def fail(games):
        (part,) = (p.name for p in tmp_path.iterdir() if p != path)
        assert part.startswith("x.parquet.") and part.endswith(".part")
        raise error

    for before in (None, b"an older file"):
        if before:
            path.write_bytes(before)
        with pytest.raises(error):
            write_dataset(path, rollouts(), {}, progress=fail)
        assert list(tmp_path.iterdir()) == ([path] if before else [])
    assert path.read_bytes() == b"an older file"


@pytest.fixture
def main(tmp_path, monkeypatch):
    """main(*arguments): the command in an empty folder; ev_oracle, one game, x.parquet unless said
    otherwise.
    """
    monkeypatch.chdir(tmp_path)
    usual = {"--policy": "ev_oracle", "--games": "1", "--out": "x.parquet"}

    def run(*arguments):
        missing = [
            part for option in usual.items() if option[0] not in arguments for part in option
        ]
        command_line.main(["dataset", *missing, *arguments])

    return run


def test_a_file_of_games_with_a_maker_says_what_it_quoted_and_earned(main):
    words = ["--preset", "maker", "--maker", "random_quotes", "--games", "8", "--observations"]
    main(*words, "env.reward=expected_pnl")
    table = parquet.read_table("x.parquet")
    assert table.schema.metadata[b"cardjax.maker"] == b"random_quotes"
    names = [name for name in table.schema.names if name not in (*COLUMNS, OBSERVATION)]
    assert names == [name for name in MAKER_COLUMNS if name not in COLUMNS] and len(names) == 9
    assert b"players see" in table.schema.field("depth_ask").metadata[b"doc"]
    read = {name: table[name].to_numpy(zero_copy_only=False) for name in (*COLUMNS, *names)}
    game = {name: values.reshape(8, 10, 2)[:, :, 0] for name, values in read.items()}
    ask, bid = game["maker_ask"].astype(int), game["maker_bid"].astype(int)
    assert len(np.unique(ask)) > 20 < len(np.unique(bid))
    assert game["ask"] == pytest.approx(game["maker_mu"] + maker_rules.OFFSETS[ask // 5])
    assert game["bid"] == pytest.approx(game["maker_mu"] - maker_rules.OFFSETS[bid // 5])
    np.testing.assert_array_equal(game["depth_ask"], maker_rules.DEPTHS[ask % 5])
    np.testing.assert_array_equal(game["displayed_bid"], maker_rules.DEPTHS[bid % 5])
    np.testing.assert_array_equal(game["maker_n_hints"], np.maximum(game["n_hints"] - 1, 0))
    from_noise = game["noise_bought"] * (game["ask"] - game["S"])
    from_noise += game["noise_sold"] * (game["S"] - game["bid"])
    to_takers = read["pnl"].reshape(8, 10, 2).sum(-1)
    assert game["maker_pnl"] == pytest.approx(from_noise - to_takers, abs=1e-3)
    assert game["maker_reward"] == pytest.approx(game["maker_expected_pnl"], abs=1e-3)
    assert to_takers.any() and from_noise.any()
    assert table[OBSERVATION].type.list_size == TWO.observation_size


def test_ctrl_c_leaves_nothing(main, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(games, "record_games", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "nobody"], "--policy = nobody: is neither a run folder nor a policy"),
        (["--policy", "."], "run = .: is not a run folder"),
        (["--opponent", "nobody"], "--opponent = nobody: "),
        (
            ["--mode", "single", "--opponent", "level1"],
            "--opponent = level1: a single player has none",
        ),
        (["--games", "0"], "--episodes = 0: must be a whole number in [1, 2147483647]"),
        (["--seed", "-1"], "--seed = -1: must be a whole number in [0, 2147483647]"),
        (["--training-seed", "1"], "--training-seed = 1: needs a run's policy"),
        (["--out", "."], "--out = .: must be a file in a folder that exists"),
        (
            ["--out", "absent/x.parquet"],
            "--out = absent/x.parquet: must be a file in a folder that exists",
        ),
        (
            ["--out", "x" * 253],
            "--out = xxxxx",
        ),  # with ".part" behind it, a longer name than file systems take
        (["--maker", "monopolist"], "--maker = monopolist: is for env.maker = agent alone"),
        (
            ["--preset", "maker", "--maker", "oracle"],
            "--maker = oracle: must be one of competitive",
        ),
        (["--preset", "nope"], "env.preset = nope: must be one of"),
        (["seed=3"], "argument = seed=3: must be an env.* override"),
        (["env.alpha=x"], "env.alpha = x: must be a number in [0, 1000000]"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_what_is_not_allowed_ends_with_2_and_one_line(main, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(*arguments)
    assert end.value.code == 2
    output = capsys.readouterr()
    line = output.err.split("\r")[-1].lstrip()  # behind what is left of a progress bar
    assert output.out == "" and line.startswith(message) and line.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("library", "arguments", "extra"),
    [
        ("pyarrow", [], "data"),
        ("minari", ["--minari", "a-v0"], "minari"),
        ("h5py", ["--minari", "a-v0"], "minari"),
    ],
)
def test_a_missing_library_is_one_line_that_names_the_extra(
    main, monkeypatch, capsys, library, arguments, extra
):
    if library == "minari":
        pytest.importorskip("h5py")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SystemExit) as end:
        main(*arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1
        and f"needs {library}, which is not installed: pip install 'cardjax[{extra}]'" in said
    )


@pytest.mark.slow  # the command refuses above, and two scripts do in the default suite
def test_the_script_refuses_in_one_line(tmp_path, script):
    process = script(
        "eval/dataset.py", "--policy", "nobody", "--games", "1", "--out", "x.parquet", cwd=tmp_path
    )
    output, errors = process.communicate()
    assert (process.returncode, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("--policy = nobody: ")


def test_the_command_writes_a_file_that_says_where_it_comes_from(main, tmp_path, capsys):
    main(
        "--opponent",
        "random_valid",
        "--games",
        "3",
        "--impact",
        "off",
        "env.alpha=0.5",
        "--seed",
        "7",
    )
    assert capsys.readouterr().out.startswith("x.parquet: 60 rows, ")
    table = parquet.read_table("x.parquet")
    said = {
        key.decode().removeprefix("cardjax."): text.decode()
        for key, text in table.schema.metadata.items()
    }
    assert {said[key] for key in ("policy", "opponent", "games", "seed", "key_domain")} == {
        "ev_oracle",
        "random_valid",
        "3",
        "7",
        str(DATASETS),
    }
    assert {"jax", "numpy", "pyarrow", "cardjax"} <= json.loads(said["versions"]).keys()
    assert said["env_version"] == CardMarket().version
    assert said["git_commit"] or not (DOCS.parent / ".git").exists()
    (tmp_path / "config.yaml").write_text(said["config"])
    config = load_config(tmp_path / "config.yaml")
    assert (float(config.env.alpha), bool(config.env.flags.enable_impact)) == (0.5, False)
    assert (table["slippage"].to_numpy() == 0).all()
    first, second = (table["action"].to_numpy()[seat::2] for seat in range(2))
    assert (first > 0).mean() < (second > 0).mean()


@pytest.fixture
def untrained(tmp_path_factory, tiny, monkeypatch):
    """A run folder of two seeds whose checkpoint is taken to be their first state."""

    config = tiny("young", seed=4, train__n_seeds=2)
    state = jax.jit(jax.vmap(runs.make_learner("ippo", config).init))(
        jax.random.split(jax.random.key(0), 2)
    )
    monkeypatch.setattr(saved, "last_state", lambda run: state)
    folder = tmp_path_factory.mktemp("runs") / "young"
    run_folder.create(folder, config, "ippo")
    return folder


def test_a_run_plays_with_the_seed_asked_for(main, untrained):
    for i in range(2):
        main(
            "--policy",
            str(untrained),
            "--games",
            "4",
            "--out",
            f"{i}.parquet",
            "--training-seed",
            str(4 + i),
        )
    first, second = (parquet.read_table(f"{i}.parquet") for i in range(2))
    said = second.schema.metadata
    assert (said[b"cardjax.policy"], said[b"cardjax.training_seed"]) == (b"young", b"5")
    assert b"n_envs: 64" in said[b"cardjax.config"]
    assert first["bid"] == second["bid"] and first["action"] != second["action"]


@pytest.fixture
def minari(tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return pytest.importorskip("minari")


def test_each_players_game_is_an_episode_of_minaris(minari, tmp_path):
    path = tmp_path / "x.parquet"
    write_dataset(
        path, rollouts(n_games=70), {"policy": "careless"}, minari_id="cardjax/careless-v0"
    )
    data, table = minari.load_dataset("cardjax/careless-v0"), parquet.read_table(path)
    assert (data.total_episodes, data.total_steps) == (140, 1400)
    assert data.storage.metadata["algorithm_name"] == "careless"
    rows = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    for number in (0, 1, 139):
        game, seat = divmod(number, 2)
        own = (rows["game"] == game) & (rows["player"] == seat)
        episode, (meta,) = data[number], data.storage.get_episode_metadata([number])
        assert meta["options"] == {"game": game, "seat": seat}
        assert (episode.actions == rows["action"][own]).all()
        assert (episode.rewards == rows["reward"][own]).all()
        assert (
            episode.terminations == rows["terminated"][own]
        ).all() and not episode.truncations.any()
        assert (episode.observations[:10] == np.stack(rows[OBSERVATION][own])).all()
        assert all(data.observation_space.contains(seen) for seen in episode.observations)
        wealth = TWO.observation_fields["wealth"].slice.start
        assert episode.observations[10, wealth] * PARAMS.initial_wealth == pytest.approx(
            rows["wealth"][own][-1]
        )
        mask = episode.infos["action_mask"]
        assert (mask[:10] @ (1 << np.arange(N_ACTIONS)) == rows["action_mask_bits"][own]).all()
        assert mask[10].tolist() == [True] + [False] * 20


def test_games_with_hidden_events_go_to_minari_too(minari, tmp_path):
    market, params = cardjax.make("two", event_info="belief")
    own = rollouts(market=market, params=params, n_games=2, observations=False)
    write_dataset(tmp_path / "x.parquet", own, {"policy": "careless"}, minari_id="cardjax/b-v0")
    data, table = minari.load_dataset("cardjax/b-v0"), parquet.read_table(tmp_path / "x.parquet")
    first = data[0].observations[:10, market.observation_fields["event_kind"].slice]
    kinds = np.stack([table[f"belief_{kind}"].to_numpy()[:20:2] for kind in EVENT_KINDS], -1)
    assert (first == kinds).all()
    np.testing.assert_array_equal(data[0].infos["belief"], [*kinds, np.zeros(6)])
    assert data.observation_space.shape == (market.observation_size,)


def test_after_an_interruption_minari_has_nothing_new_either(minari, tmp_path):
    def fail(games):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "x.parquet", rollouts(), {"policy": "p"}, "a-v0", fail)
    assert minari.list_local_datasets() == {}
    assert not (tmp_path / "minari" / "a-v0").exists()


@pytest.mark.parametrize(
    ("name", "message"), [("../a", "must be (NAMESPACE/)NAME-vVERSION"), ("a-v0", "exists")]
)
def test_minari_refuses_a_name_in_one_line(main, minari, tmp_path, capsys, name, message):
    (tmp_path / "minari" / "a-v0").mkdir(parents=True)
    with pytest.raises(SystemExit) as end:
        main("--minari", name)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"--minari = {name}: {message}")
    assert not (tmp_path / "x.parquet").exists()
