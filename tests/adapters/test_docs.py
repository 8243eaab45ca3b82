"""The Python of docs/adapters.md runs, each block by itself, where its libraries are installed."""

import ast
import importlib.util
import re
import warnings
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "adapters.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def packages_of(block):
    nodes = [
        node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = [
        n
        for node in nodes
        for n in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    ]
    adapters = [
        name.removeprefix("cardjax.adapters.")
        for name in names
        if name.startswith("cardjax.adapters.")
    ]
    return {name.split(".")[0] for name in (*names, *adapters)}


def test_every_adapter_has_an_example():
    named = {name for block in BLOCKS for name in packages_of(block)}
    assert named >= {"gymnasium", "pettingzoo", "gymnax", "jaxmarl", "sb3_contrib", "rejax"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", BLOCKS, ids=lambda block: "-".join(sorted(packages_of(block) - {"cardjax", "jax"}))
)
def test_an_example_runs(block):
    missing = [name for name in packages_of(block) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(
            compile(
                block.replace("20_000", "2_000").replace("200_000", "50_000"),
                "docs/adapters.md",
                "exec",
            ),
            {},
        )
