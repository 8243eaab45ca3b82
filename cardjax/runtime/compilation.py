"""Compiled programs are kept on disk, so that the second start of the same training compiles
nothing.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import jax


def keep_compiled_programs() -> None:
    """Let JAX keep what it compiles in the user's cache folder, unless the user has chosen a place
    or none.

    JAX_COMPILATION_CACHE_DIR chooses another folder, JAX_ENABLE_COMPILATION_CACHE=false turns it
    off. A folder that cannot be written is no error: there is no cache then.
    """
    config: Any = jax.config
    if config.jax_compilation_cache_dir is not None or not config.jax_enable_compilation_cache:
        return
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home folder
        folder = _cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            jax.config.update("jax_compilation_cache_dir", str(folder))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def _cache_folder() -> Path:
    """One folder a kind of processor: a home folder may be shared by hosts that cannot run each
    other's programs.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cardjax" / f"xla-{_processor()}"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return hashlib.sha256(line.encode()).hexdigest()[:8]
    return "any"
