"""Where compiled programs are kept, and that nobody's choice is overruled."""

import jax
import pytest

from cardjax.runtime.compilation import keep_compiled_programs

NAMES = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_enable_compilation_cache",
)


@pytest.fixture
def unset():
    """No cache chosen, as in a fresh process; what the tests share comes back after it."""
    before = {name: getattr(jax.config, name) for name in NAMES}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_users_cache_folder_is_taken(unset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_compiled_programs()
    (folder,) = (tmp_path / "cardjax").iterdir()
    assert jax.config.jax_compilation_cache_dir == str(folder)


def test_without_xdg_it_is_in_the_home_folder(unset, tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir.startswith(str(tmp_path / ".cache" / "cardjax"))


def test_a_folder_that_is_chosen_already_stays(unset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not this"))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "chosen"))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "chosen")
    assert not (tmp_path / "not this").exists()


def test_a_folder_that_cannot_be_made_means_no_cache(unset, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir is None


def test_switched_off_it_stays_off(unset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_enable_compilation_cache", False)
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir is None
