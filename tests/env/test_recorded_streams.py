import numpy as np
import pytest

from tests.env import recorded_streams


@pytest.mark.parametrize("setting", recorded_streams.SETTINGS)
def test_the_base_game_is_the_one_that_was_recorded(setting):
    kind, overrides = recorded_streams.SETTINGS[setting]
    played = recorded_streams.play(kind, overrides)
    with np.load(recorded_streams.FILE) as file:
        names = {name.split("/")[1] for name in file.files if name.split("/")[0] == setting}
        assert names <= played.keys()
        for name in names:
            recorded = file[f"{setting}/{name}"]
            assert played[name].dtype == recorded.dtype, name
            if np.issubdtype(recorded.dtype, np.floating):
                # Another processor or compiler may round the last bit of a logarithm differently.
                np.testing.assert_allclose(played[name], recorded, 3e-6, 3e-5, err_msg=name)
            else:
                np.testing.assert_array_equal(played[name], recorded, err_msg=name)
