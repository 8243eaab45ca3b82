"""A room imports only from the floors below it (docs/architecture.md)."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "kernels": 0,
    "env": 1,
    "files": 1.2,
    "config": 1.5,
    "policies": 2,
    "agents": 3,
    "evaluation": 3,
    "adapters": 3.5,
    "runtime": 4,
    "run": 4.2,
    "datasets": 4.2,
    "loading": 4.4,
    "training": 4.6,
    "reports": 4.6,
    "play": 5,
    "commands": 6,
}
ALLOWED = {"__init__": {"env", "config", "loading"}, "config": {"env", "files"}}
"""Other than the floors say: narrower, and `cardjax.load_policy` fetches a run when it is
first used.
"""
FILES = sorted((ROOT / "cardjax").rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__main__.py"]
ENTRY_POINTS = [
    *sorted([*(ROOT / "train").glob("*.py"), *(ROOT / "eval").glob("*.py")]),
    *(path for path in FILES if path.name == "__main__.py"),
]


def name_of(path):
    return str(path.relative_to(ROOT))


def imports_of(source):
    """Absolute names of what a module imports anywhere in it, inside functions and TYPE_CHECKING
    blocks too.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"line {node.lineno}: a relative import hides which room it reaches"
            )
            # `from cardjax.env import cards` imports a module, `from cardjax.env.cards import deal`
            # a name of one.
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names):
    """The rooms among imported names: "cardjax.env.cards" → "env", and the bare package →
    "__init__".
    """
    paths = [name.split(".") for name in names if name.split(".")[0] == "cardjax"]
    return {path[1] if len(path) > 1 and path[1] in FLOORS else "__init__" for path in paths}


def room_of(path):
    return path.relative_to(ROOT / "cardjax").parts[0].removesuffix(".py")


def may_import(room, other):
    if room == other or (room, other) == ("commands", "__init__"):  # it says the version
        return True
    return (
        other in ALLOWED[room]
        if room in ALLOWED
        else other in FLOORS and FLOORS[other] < FLOORS[room]
    )


def test_every_room_stands_on_a_floor():
    assert {room_of(path) for path in MODULES} - {"__init__"} <= set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_below(path):
    reached = rooms_of(imports_of(path.read_text()))
    wrong = {other for other in reached if not may_import(room_of(path), other)}
    assert not wrong, f"{name_of(path)} imports {', '.join(sorted(wrong))}, which is not below it"


@pytest.mark.parametrize(
    ("room", "line", "allowed"),
    [
        ("env", "from cardjax.env.cards import deal", True),
        ("env", "from cardjax.config import load_config", False),
        ("env", "import cardjax", False),
        ("env", "from cardjax.kernels import threefry", True),
        ("kernels", "from cardjax.env import View", False),
        ("config", "from cardjax.policies import make_policy", False),
        ("policies", "from cardjax.env import View", True),
        ("agents", "from cardjax.evaluation.match import Seats", False),
        ("evaluation", "import cardjax.agents.ppo", False),
        ("agents", "def f():\n    from cardjax.training import runs", False),
        ("run", "from cardjax.agents.ppo import PPO", True),
        ("run", "from cardjax.training.loop import train", False),
        ("__init__", "from cardjax.policies.policy import Policy", False),
    ],
)
def test_the_walk_tells_upward_and_sideways_from_downward(room, line, allowed):
    assert all(may_import(room, other) for other in rooms_of(imports_of(line))) is allowed


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room_of(p) in ("kernels", "env")], ids=name_of
)
def test_the_market_needs_nothing_but_jax_and_numpy(path):
    packages = {name.split(".")[0] for name in imports_of(path.read_text())}
    assert packages <= {"cardjax", "jax", "numpy"} | sys.stdlib_module_names


@pytest.mark.parametrize("path", ENTRY_POINTS, ids=name_of)
def test_an_entry_point_knows_the_door_alone(path):
    names = imports_of(path.read_text())
    ours = {name for name in names if name.split(".")[0] == "cardjax"}
    assert ours
    assert all(name.startswith("cardjax.commands.door") for name in ours)
    assert {name.split(".")[0] for name in names - ours} <= sys.stdlib_module_names


def test_importing_the_market_loads_no_learning_library():
    heavy = ("flax", "optax", "distrax", "orbax", "tensorboardX", "matplotlib", "tqdm")
    script = f"import sys, cardjax.env; print(*[name for name in {heavy} if name in sys.modules])"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


SECTIONS = {
    "The environment": ["env"],
    "The kernels": ["kernels"],
    "The configuration": ["config"],
    "The learners": ["agents"],
    "The evaluation": ["evaluation"],
    "The policies": ["policies", "policies/planning"],
    "The adapters": ["adapters"],
    "The game for people": ["play"],
    "Files that leave": ["files", "datasets", "reports", "loading"],
    "The commands": ["commands"],
    "A training run": ["commands", "training", "run", "runtime", "loading", "agents"],
}
"""The folders whose files a section of docs/architecture.md names by their last part alone."""


def named_in(heading):
    """The files of the package that a section names, and the names that are of no file."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found, unknown = set(), set()
    for name in re.findall(r"[\w/]+\.py\b", section):
        places = [ROOT / "cardjax" / room / name for room in ("", *SECTIONS[heading])]
        files = [place for place in (*places, ROOT / name) if place.is_file()]
        found |= set(files)
        unknown |= set() if files else {name}
    return found, unknown


@pytest.mark.parametrize("heading", SECTIONS)
def test_architecture_names_no_file_that_is_not_there(heading):
    assert named_in(heading)[1] == set()


def test_architecture_names_every_file():
    named = set().union(*(named_in(heading)[0] for heading in SECTIONS))
    files = {path for path in FILES if path.name not in ("__init__.py", "__main__.py")}
    assert {name_of(path) for path in files - named} == set()
