"""Configurations: where a value comes from, how it is read, and what is refused in one line."""

import re

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import cardjax
from cardjax import config as config_module
from cardjax.config import (
    RunConfig,
    config_values,
    configs_folder,
    dump_config,
    load_config,
    make_config,
    parse_override,
    presets_by_name,
    with_overrides,
)
from cardjax.env import REWARD_KINDS, ParameterError
from cardjax.env.declaration import declared
from cardjax.evaluation.protocol import load_protocol

SHIPPED = sorted(configs_folder().glob("*.yaml"))
PARAMETERS = {
    name.replace("game.", "env.", 1): declaration for name, declaration, _ in declared(RunConfig)
}


def value_of(config, name):
    return config_values(config)[name]


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """Two presets of our own in place of the shipped ones."""
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "default.yaml").write_text("env: {}\n")
    (folder / "thin.yaml").write_text("env:\n  alpha: 0.11\n  sigma_q: 0.12\n  hints: 3\n")
    (folder / "training.yaml").write_text("env:\n  alpha: 0.5\ntrain:\n  n_envs: 64\n")
    monkeypatch.setattr(config_module, "configs_folder", lambda: folder)


# How a value is read


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("env.flags.enable_impact=off", False),
        ("env.flags.enable_events=false", False),
        ("env.flags.stop_out=on", True),
        ("env.flags.stop_out=true", True),
        ("train.total_steps=2_000_000", 2_000_000),
        ("train.total_steps=1e6", 1_000_000),
        ("ppo.learning_rate=1e-3", 0.001),
        ("ppo.learning_rate=2.5E-4", 0.00025),
        ("env.alpha=0", 0.0),
        ("env.spread.max=7.5", 7.5),
        ("env.hints=3", [0, 0, 0, 1]),
        ("env.hints=[0.5, 0.5, 0, 0]", [0.5, 0.5, 0, 0]),
        ("env.reward=expected_pnl", "expected_pnl"),
        ("env.kind=single", "single"),
        ("env.n_players=5", 5),
        ("ppo.hidden=[64, 32]", [64, 32]),
        ("name=first", "first"),
        ("name=2024_01", "2024_01"),
        ("name=1e5", "1e5"),
        ("name=", None),
        ("seed=7", 7),
    ],
)
def test_an_override_is_read_as_it_is_meant(argument, value):
    assert value_of(load_config(None, [argument]), argument.partition("=")[0]) == value


def test_a_value_may_hold_an_equals_sign():
    assert parse_override("env.reward=a=b") == ("env.reward", "a=b")


@pytest.mark.parametrize(
    "text",
    [
        "env:\n  spread:\n    s0: 0.9\n  flags:\n    enable_events: off\n",
        "env:\n  spread.s0: 0.9\n  flags.enable_events: off\n",
        "env.spread.s0: 0.9\nenv.flags:\n  enable_events: off\n",
    ],
)
def test_yaml_nests_as_deep_as_it_likes(file, text):
    config = load_config(file(text))
    assert value_of(config, "env.spread.s0") == 0.9
    assert value_of(config, "env.flags.enable_events") is False


@pytest.mark.parametrize("text", ["", "# nothing\n", "env:\ntrain:\n", "name:\n"])
def test_an_empty_file_or_section_leaves_the_defaults(file, text):
    assert config_values(load_config(file(text))) == config_values(RunConfig())


# Where a value comes from


def test_command_line_beats_file_beats_preset_beats_default(file, presets):
    path = file("env:\n  preset: thin\n  sigma_q: 0.22\n  event_persist: 0.23\n")
    config = load_config(path, ["env.event_persist=0.33"])
    assert value_of(config, "env.event_persist") == 0.33
    assert value_of(config, "env.sigma_q") == 0.22
    assert value_of(config, "env.alpha") == 0.11
    assert value_of(config, "env.initial_wealth") == value_of(RunConfig(), "env.initial_wealth")


def test_the_last_of_two_overrides_counts():
    assert value_of(load_config(None, ["seed=1", "seed=2"]), "seed") == 2


def test_a_file_with_other_sections_is_no_preset(presets):
    assert sorted(presets_by_name()) == ["default", "thin"]


def test_changing_a_preset_later_replaces_the_markets_numbers_and_keeps_the_rest(presets):
    config = make_config({"env.alpha": 0.9, "env.kind": "single", "ppo.hidden": [8], "seed": 3})
    changed = with_overrides(config, ["env.preset=thin", "env.sigma_q=0.4"])
    assert value_of(changed, "env.alpha") == 0.11
    assert value_of(changed, "env.sigma_q") == 0.4
    assert value_of(changed, "env.kind") == "single"
    assert (changed.ppo, changed.seed) == (config.ppo, 3)


def test_overrides_without_a_preset_change_nothing_else():
    config = make_config({"env.alpha": 0.9, "seed": 3})
    changed = config_values(with_overrides(config, ["env.sigma_q=0.4"]))
    assert changed == config_values(config) | {"env.sigma_q": 0.4}


# What is refused


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("env.alhpa=0.5", "env.alhpa = 0.5: unknown name; did you mean env.alpha"),
        ("env.n_player=2", "env.n_player = 2: unknown name; did you mean env.n_players"),
        ("train.n_env=64", "train.n_env = 64: unknown name; did you mean train.n_envs"),
        ("kind=single", "kind = single: unknown name; did you mean env.kind"),
        ("game.kind=single", "game.kind = single: unknown name; did you mean env.kind"),
        ("zzzz=1", "zzzz = 1: unknown name; did you mean"),
        ("env=3", "env = 3: unknown name"),
        ("env.spread={min: 1}", "env.spread = {'min': 1}: unknown name; did you mean env.spread."),
        ("env.alpha=much", "env.alpha = much: must be a number of at least 0"),
        ("env.alpha=on", "env.alpha = True: must be a number of at least 0"),
        ("env.alpha=[1]", "env.alpha = [1]: must be a number of at least 0"),
        ("env.alpha=", "env.alpha = None: must be a number of at least 0"),
        ("env.alpha=-1", "env.alpha = -1: must be a number of at least 0"),
        ("env.alpha=.nan", "env.alpha = nan: must be a number of at least 0"),
        ("env.alpha=.inf", "env.alpha = inf: must be a number of at least 0"),
        ("env.event_persist=1.5", "env.event_persist = 1.5: must be a number in [0, 1]"),
        ("ppo.clip=0", "ppo.clip = 0: must be a number above 0"),
        ("ppo.gamma=1.1", "ppo.gamma = 1.1: must be a number in [0, 1]"),
        ("ppo.hidden=[]", "ppo.hidden = []: must be a list of whole numbers ≥ 1"),
        ("ppo.hidden=[8, 0]", "ppo.hidden = [8, 0]: must be a list of whole numbers ≥ 1"),
        ("ppo.hidden=8", "ppo.hidden = 8: must be a list of whole numbers ≥ 1"),
        ("train.n_envs=2.5", "train.n_envs = 2.5: must be a whole number of at least 1"),
        ("train.n_envs=0", "train.n_envs = 0: must be a whole number of at least 1"),
        ("train.total_steps=.inf", "train.total_steps = inf: must be a whole number of at least 1"),
        ("train.n_seeds=2000", "train.n_seeds = 2000: must be a whole number in [1, 1024]"),
        ("seed=-1", "seed = -1: must be a whole number in [0, "),
        ("seed=2147483648", "seed = 2147483648: must be a whole number in [0, "),
        ("env.flags.enable_impact=1", "env.flags.enable_impact = 1: must be on or off"),
        ("env.kind=three", "env.kind = three: must be one of single, two"),
        ("env.n_players=17", "env.n_players = 17: must be a whole number in [1, 16]"),
        ("env.n_players=true", "env.n_players = True: must be a whole number in [1, 16]"),
        ("env.reward=profit", "env.reward = profit: must be one of pnl, log_wealth, expected_pnl"),
        ("env.preset=nope", "env.preset = nope: must be one of "),
        ("env.spread.min=9", "env.spread.min = 9.0: must be at most env.spread.max = 3"),
        ("name=a/b", "name = a/b: must be letters, digits"),
        ("name=..", "name = ..: must be letters, digits"),
        ("name=" + "x" * 101, "must be letters, digits"),
        ("env.alpha", "argument = env.alpha: must be key=value"),
        ("=0.5", "argument = =0.5: must be key=value"),
        ("env.hints=[0.5", "env.hints = [0.5: is not a YAML value"),
        ("env.alpha=2020-13-45", "env.alpha = 2020-13-45: is not a YAML value"),
        ("env.alpha=0x_", "env.alpha = 0x_: is not a YAML value"),
        (
            "env.alpha=!!python/name:os.system",
            "env.alpha = !!python/name:os.system: is not a YAML value",
        ),
    ],
)
def test_a_bad_override_is_refused_in_one_line_with_key_value_and_what_is_allowed(
    argument, message
):
    with pytest.raises(ParameterError, match=re.escape(message)) as refusal:
        load_config(None, [argument])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ppo.entropy": 0}, "ppo.entropy = 0.0: must be above 0 for a geometric schedule"),
        (
            {"ppo.clip_schedule": "geometric", "ppo.clip_end": 0.0},
            "ppo.clip_end = 0.0: must be a number above 0",
        ),
        (
            {"ppo.learning_rate_schedule": "geometric"},
            "ppo.learning_rate_end = 0.0: must be above 0 for a geometric",
        ),
        (
            {"env.kind": "single", "env.n_players": 2},
            "env.n_players = 2: must be 1 for env.kind = single",
        ),
        ({"env.events.none": 0.5}, "the frequencies must sum to 1"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(values, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        make_config(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"env: [", "is not YAML"),
        (b"env:\n\t- a", "is not YAML"),
        (b"seed: 2020-13-45\n", "is not YAML"),
        (b"- env\n- train\n", "must be a mapping of names to values"),
        (b"just words\n", "must be a mapping of names to values"),
        (b"\xff\xfe\xfa", "cannot be read"),
    ],
)
def test_a_file_that_says_nothing_sensible_is_refused_by_its_path(tmp_path, content, message):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=re.escape(message)) as refusal:
        load_config(path)
    assert str(refusal.value).startswith("config = ")
    assert "run.yaml" in str(refusal.value) or len(str(path)) > 60  # a long value is cut
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_missing_file_or_a_folder_is_refused(tmp_path, name):
    with pytest.raises(ParameterError, match="cannot be read"):
        load_config(tmp_path / name)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_refuses_nonsense_and_says_what_it_takes(name):
    with pytest.raises(ParameterError, match="must be ") as refusal:
        make_config({name: {"no": "such value"}})
    assert str(refusal.value).startswith(f"{name} = ")
    if name != "env.preset":  # whose names are known only once the folder is read
        assert str(refusal.value).endswith(f"must be {PARAMETERS[name].allowed}")


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_means(name):
    assert len(PARAMETERS[name].doc) > 5
    assert PARAMETERS[name].allowed


# What is written is read back


NUMBERS = st.floats(
    0, 2**20, width=32, allow_subnormal=False
)  # XLA may flush subnormals in the whole process
VALUES = {
    "name": st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    "seed": st.integers(0, 2**31 - 1),
    "env.kind": st.just("two"),
    "env.n_players": st.none() | st.integers(1, 16),
    "env.observe_posterior": st.booleans(),
    "env.alpha": NUMBERS,
    "env.event_persist": st.floats(0, 1, width=32, allow_subnormal=False),
    "env.liquidity.max": st.floats(2, 2.0**100, width=32),
    "env.hints": st.integers(0, 3)
    | st.sampled_from([[0.1, 0.2, 0.3, 0.4], [1 / 3, 1 / 3, 1 / 3, 0]]),
    "env.flags.stop_out": st.booleans(),
    "env.reward": st.sampled_from(REWARD_KINDS),
    "train.total_steps": st.integers(1, 10**15),
    "ppo.hidden": st.lists(st.integers(1, 4096), min_size=1, max_size=4),
    "ppo.learning_rate": NUMBERS,
    "ppo.normalize_advantages": st.booleans(),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
@example({"name": "1e5"})
@example({"name": "on"})
@example({"name": "0777"})
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_written_configuration_reads_back_the_same(tmp_path, values):
    config = make_config(values)
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config))
    assert config_values(load_config(path)) == config_values(config)


def test_a_written_configuration_holds_every_parameter_as_plain_yaml():
    nested = yaml.safe_load(dump_config(RunConfig()))
    for name in PARAMETERS:
        inner = nested
        for part in name.split("."):
            inner = inner[part]  # a KeyError names what is missing
    assert nested["env"]["reward"] == "pnl"


# What is shipped


def test_there_is_a_default_preset():
    assert "default" in presets_by_name()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_file_builds(path):
    if path.stem in presets_by_name():
        for kind, n_players in (("single", 1), ("two", 2)):
            assert cardjax.make(kind, preset=path.stem)[0].n_players == n_players
    elif path.stem == "eval":
        assert load_protocol(path).shifts
    else:
        config = load_config(path)
        assert config_values(make_config(config_values(config))) == config_values(config)
