"""Which configuration is for which algorithm."""

import pytest

from cardjax.config import configs_folder, load_config, make_config
from cardjax.env import ParameterError
from cardjax.run.learners import ALGORITHMS, configured_for

RUNS = {
    "dqn": "dqn",
    "ippo": "ippo",
    "mappo": "mappo",
    "pqn": "pqn",
    "ippo_quick": "ippo",
    "ruin": "ippo",
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_shipped_configuration_trains_its_own_algorithm_alone(name, algorithm):
    config = load_config(configs_folder() / f"{name}.yaml")
    if algorithm == RUNS[name]:
        assert configured_for(algorithm, config) == config
    else:
        with pytest.raises(
            ParameterError, match=f"^algorithm = {RUNS[name]}: is not what is to be"
        ):
            configured_for(algorithm, config)


@pytest.mark.parametrize(
    ("algorithm", "values", "message"),
    [
        ("ippo", {"dqn.gamma": 0.5}, "dqn.gamma = 0.5: ippo does not read it"),
        ("mappo", {"dqn.hidden": [8]}, "dqn.hidden = [8]: mappo does not read it"),
        ("dqn", {"ppo.share_params": False}, "ppo.share_params = False: dqn does not read it"),
        ("dqn", {"pqn.td_lambda": 0.5}, "pqn.td_lambda = 0.5: dqn does not read it"),
        ("pqn", {"dqn.capacity": 20_480}, "dqn.capacity = 20480: pqn does not read it"),
    ],
)
def test_what_an_algorithm_does_not_read_is_refused(algorithm, values, message):
    with pytest.raises(ParameterError) as refusal:
        configured_for(algorithm, make_config(values))
    assert str(refusal.value) == message


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_configuration_that_names_none_is_for_any_and_then_names_it(algorithm):
    config = configured_for(algorithm, make_config({"env.alpha": 0.5}))
    assert config == make_config({"env.alpha": 0.5, "algorithm": algorithm})
