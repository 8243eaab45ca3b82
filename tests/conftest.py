"""What every floor's tests share."""

import os

# Most tests compute little and compile much, so the compiler is told not to optimise, in their subprocesses too.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import jax
import pytest

LONGEST = ("test_every_training_and_evaluation_command", "test_it_runs_with_small_budgets", "test_make_train")


def pytest_collection_modifyitems(items):
    """The longest tests first, so that parallel workers end together."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    """XLA compiles a program once a run: many tests train or evaluate with the same few, some in subprocesses."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "xla"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    return folder


@pytest.fixture(scope="module")
def optimised():
    """For modules that compute more than they compile: the compiler optimises, as it does by default."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1")
