"""Configurations: where a value comes from, how it is read, and what is refused in one line."""

import re

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import cardjax
from cardjax.config import (
    RunConfig,
    config_values,
    configs_folder,
    dump_config,
    load_config,
    make_config,
    parameters,
    parse_override,
    presets_by_name,
    with_overrides,
)
from cardjax.config import presets as presets_module
from cardjax.config.documents import read_yaml
from cardjax.env import REWARD_KINDS, ParameterError
from cardjax.evaluation.protocol import load_protocol

SHIPPED = sorted(configs_folder().glob("*.yaml"))
PARAMETERS = parameters()


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
    monkeypatch.setattr(presets_module, "configs_folder", lambda: folder)
    return folder


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
        ("name=007", "007"),
        ("name=on", "on"),
        ("seed=7", 7),
        ("seed=010", 10),
        ("seed=1_0", 10),
        ("env.alpha=.5", 0.5),
        ("env.alpha=+1.e1", 10),
        ("env.preset=default", "default"),
        ("dqn.opponent=1e5", "1e5"),
        ("ppo.opponents=[007, on, self]", ["007", "on", "self"]),
    ],
)
def test_an_override_is_read_as_it_is_meant(argument, value):
    assert value_of(load_config(None, [argument]), argument.partition("=")[0]) == value


@pytest.mark.parametrize("text", ["1e5", "007", "on", "0x1F", "2020-01-01", "1:30", "'7'", "", "~"])
@pytest.mark.parametrize("name", ["name", "dqn.opponent", "seed", "env.alpha", "env.kind"])
def test_a_file_and_a_command_line_read_alike(file, name, text):
    assert read_yaml(file(f"{name}: {text}\n")) == dict([parse_override(f"{name}={text}")])


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


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "env:\ntrain:\n", "env:\n  spread:\n", "name:\n"]
)
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


@pytest.mark.parametrize("text", ["", "env: [", "env:\n  alp", "[]", "\x00"])
def test_files_that_stand_beside_the_presets_hide_none_of_them(presets, text):
    (presets / "half-written.yaml").write_text(text)
    (presets / ".#thin.yaml").symlink_to("nobody@nowhere.1234")
    assert sorted(presets_by_name()) == ["default", "thin"]
    assert cardjax.make("two", preset="thin")[1].alpha == np.float32(0.11)
    assert cardjax.make("two")[1] == cardjax.make("two", preset="default")[1]


def test_a_damaged_preset_is_refused_when_it_is_asked_for(presets):
    (presets / "thin.yaml").write_text("env: [")
    with pytest.raises(ParameterError, match="is not YAML"):
        cardjax.make("two", preset="thin")
    assert cardjax.make("two")[1].alpha == np.float32(0.3)


def test_a_preset_is_a_label_where_all_its_values_are_written(presets):
    config = make_config({"env.preset": "thin", "seed": 3})
    (presets / "thin.yaml").unlink()
    again = make_config(config_values(config))
    assert again == config
    assert with_overrides(again, ["env.sigma_q=0.4"]).game.preset == "thin"


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
        ("env.alpha=much", "env.alpha = much: must be a number in [0, 1000000]"),
        ("env.alpha=on", "env.alpha = True: must be a number in [0, 1000000]"),
        ("env.alpha=[1]", "env.alpha = [1]: must be a number in [0, 1000000]"),
        ("env.alpha=", "env.alpha = null: must be a number in [0, 1000000]"),
        ("dqn.takers=null", "dqn.takers = null: must be learned or a policy's name"),
        ("ppo.maker=~", "ppo.maker = null: must be learned or a maker's name"),
        ("env.alpha=-1", "env.alpha = -1: must be a number in [0, 1000000]"),
        ("env.alpha=.nan", "env.alpha = nan: must be a number in [0, 1000000]"),
        ("env.alpha=.inf", "env.alpha = inf: must be a number in [0, 1000000]"),
        ("env.event_persist=1.5", "env.event_persist = 1.5: must be a number in [0, 1]"),
        ("ppo.clip=0", "ppo.clip = 0: must be a number above 0"),
        ("ppo.gamma=1.1", "ppo.gamma = 1.1: must be a number in [0, 1]"),
        ("ppo.hidden=[]", "ppo.hidden = []: must be a list of whole numbers in [1, 65536]"),
        ("ppo.hidden=[8, 0]", "ppo.hidden = [8, 0]: must be a list of whole numbers in [1, 65536]"),
        ("ppo.hidden=8", "ppo.hidden = 8: must be a list of whole numbers in [1, 65536]"),
        ("train.n_envs=2.5", "train.n_envs = 2.5: must be a whole number in [1, 16777216]"),
        ("train.n_envs=0", "train.n_envs = 0: must be a whole number in [1, 16777216]"),
        (
            "train.total_steps=.inf",
            "train.total_steps = inf: must be a whole number in [1, 1000000000000000]",
        ),
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
        ("env.alpha=2020-13-45", "env.alpha = 2020-13-45: must be a number in [0, 1000000]"),
        ("env.alpha=0x_", "env.alpha = 0x_: must be a number in [0, 1000000]"),
        ("env.alpha=1:30", "env.alpha = 1:30: must be a number in [0, 1000000]"),
        (
            "env.alpha=!!python/name:os.system",
            "env.alpha = !!python/name:os.system: is not a YAML value",
        ),
        ("seed=!!bool x", "seed = !!bool x: is not a YAML value (the tag "),
        ("seed=!!int ''", "seed = !!int '': is not a YAML value (the tag "),
        ("seed=! 3", "seed = ! 3: is not a YAML value (the tag ! is not allowed"),
        ("seed=" + "9" * 5000, "9999…: must be a whole number in [0, 2147483647]"),
        ("train.total_steps=1" + "0" * 5000, "must be a whole number in [1, 1000000000000000]"),
        ("env.alpha=1e5000", "env.alpha = inf: must be a number in [0, 1000000]"),
        ("ppo.hidden=[1" + "0" * 30 + "]", "must be a list of whole numbers in [1, 65536]"),
        ("env={alpha: 1, alpha: 2}", ": names alpha twice, in line 1"),
        ("env.preset=\x1b[31mred", "env.preset = \\x1b[31mred: is not a YAML value"),
        ("env.kind=commons", "must be one of single, two; commons is a preset: preset=commons"),
        ("env.preset=../configs/calm", "env.preset = ../configs/calm: must be one of "),
        ("env.preset=ippo", "env.preset = ippo: must be one of "),
        ("algorithm=[ppo]", "algorithm = ['ppo']: must be an algorithm's name"),
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
        (
            b"seed: !!int 3\n",
            "is not YAML (the tag tag:yaml.org,2002:int is not allowed in line 1)",
        ),
        (b"seed: 1\nenv:\n  alpha: 1\n  alpha: 2\n", ": names alpha twice, in line 4"),
        (b"env:\n  alpha: 1\nenv.alpha: 2\n", "names env.alpha twice"),
        (b"? [a, b]\n: 1\n", "is not YAML"),
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
    0, 1e6, width=32, allow_subnormal=False
)  # XLA may flush subnormals in the whole process
VALUES = {
    "name": st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    "seed": st.integers(0, 2**31 - 1),
    "env.kind": st.just("two"),
    "env.n_players": st.none() | st.integers(1, 16),
    "env.observe_posterior": st.booleans(),
    "env.alpha": NUMBERS,
    "env.event_persist": st.floats(0, 1, width=32, allow_subnormal=False),
    "env.liquidity.max": st.floats(2, 1e9, width=32),
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


RUNS = [path for path in SHIPPED if path.stem not in {*presets_by_name(), "eval"}]


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_shipped_run_names_its_algorithm_and_says_only_what_differs_from_the_defaults(path):
    values = read_yaml(path)
    assert values.pop("algorithm")
    written, defaults = config_values(make_config(values)), config_values(RunConfig())
    assert [name for name in values if written[name] == defaults[name]] == []


def test_options_that_are_gone_are_read_where_they_say_what_is_done_anyway():
    gone = {"ppo.critic_hidden": None, "ppo.clip_end": 0.3, "ppo.clip_schedule": "geometric"}
    expected = make_config({"ppo.clip": 0.3})
    assert config_values(make_config({"ppo.clip": 0.3} | gone)) == config_values(expected)
    for name, value in {"ppo.critic_hidden": [32], "ppo.clip_end": 0.1}.items():
        with pytest.raises(ParameterError, match=f"^{name} = .*unknown name"):
            make_config({name: value})


def test_configurations_are_equal_by_value():
    assert load_config(RUNS[0]) == load_config(RUNS[0]) != RunConfig()
    assert hash(make_config({"env.hints": 3})) == hash(make_config({"env.hints": [0, 0, 0, 1]}))


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
