"""Without its library an adapter says what to install, and the library is loaded by its own adapter
alone.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = {
    "gymnasium": ("gymnasium", "gym"),
    "gymnasium_vector": ("gymnasium", "gym"),
    "pettingzoo": ("pettingzoo", "pettingzoo"),
    "gymnax": ("gymnax", "gymnax"),
    "jaxmarl": ("jaxmarl", "jaxmarl"),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_library_is_a_line_that_says_what_to_install(adapter, monkeypatch):
    name, extra = ADAPTERS[adapter]
    for module in [
        m for m in sys.modules if m.split(".")[0] == name or m.startswith("cardjax.adapters.")
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as refused:
        importlib.import_module(f"cardjax.adapters.{adapter}")
    said = str(refused.value)
    assert (
        said.endswith(f": pip install 'cardjax[{extra}]'")
        and name in said.lower()
        and "\n" not in said
    )


def test_nothing_loads_an_optional_library_but_its_adapter():
    libraries = {name for name, _ in ADAPTERS.values()}
    ours = ("adapters.seat", "adapters.slots", "adapters.text", "training.runs")
    modules = ", ".join(["cardjax", *(f"cardjax.{name}" for name in ours)])
    script = f"import sys, {modules}; print(*[name for name in {libraries} if name in sys.modules])"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
