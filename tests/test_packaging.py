"""The wheel holds all that is needed, and runs and has its commands outside of the checkout."""

import configparser
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import cardjax
from cardjax.commands.main import main
from cardjax.config import configs_folder, find_config

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(ROOT), *options], check=True, timeout=120
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel's content in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def run(code, installed, cwd):
    environment = os.environ | {"PYTHONPATH": str(installed), "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_wheel_holds_all_that_the_package_reads(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "cardjax", "configs"], cwd=ROOT, capture_output=True, text=True
    )
    assert tracked.returncode == 0
    expected = {
        f"cardjax/{name}" if name.startswith("configs/") else name
        for name in tracked.stdout.split()
    }
    assert {"cardjax/py.typed", "cardjax/configs/ippo.yaml"} <= expected
    assert expected <= inside


def test_it_runs_outside_of_the_checkout_with_the_presets_inside(installed, tmp_path):
    code = "import cardjax; print(cardjax.__file__, cardjax.make('two', preset='commons')[1].alpha)"
    done = run(code, installed, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(str(installed))


def test_its_commands_answer(installed, tmp_path):
    (entries,) = installed.glob("cardjax-*.dist-info/entry_points.txt")
    declared = configparser.ConfigParser()
    declared.read(entries)
    commands = dict(declared["console_scripts"])
    assert set(commands) == {
        "cardjax",
        *(f"cardjax-{name}" for name in ("train", "evaluate", "play", "web")),
    }
    for target in commands.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
    # One after another in one process, which imports their libraries once.
    code = (
        f"import importlib, sys\nfor name, target in {commands!r}.items():"
        + """
    sys.argv = [name, "--help"]
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)()
"""
    )
    done = run(code, installed, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    said = re.findall(r"^usage: (cardjax \w+)", done.stdout, re.MULTILINE)
    assert said == [f"cardjax {name.partition('-')[2] or 'COMMAND'}" for name in commands]


def test_every_place_that_names_the_version_names_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert project["version"] == citation["version"] == cardjax.__version__


def test_every_dependency_has_a_lower_bound_that_the_lanes_can_take():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lanes = re.search(r"^extras=(.+)$", (ROOT / ".ci/versions").read_text(), re.MULTILINE)
    assert set(lanes[1].split(",")) == set(extras) - {"gpu", "browser"}
    for line in sum(extras.values(), project["dependencies"]):
        assert ">=" in line or line.startswith("types-"), line


def test_a_flag_that_xla_does_not_know_is_not_passed():
    spec = importlib.util.spec_from_file_location("conftest", ROOT / "tests" / "conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    assert conftest.known_to_xla("--xla_cpu_multi_thread_eigen=true")
    assert not conftest.known_to_xla("--xla_no_flag_of_this_name=true")


def test_a_shipped_configuration_is_found_by_its_name_and_ones_own_comes_first(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shipped = configs_folder() / "ippo.yaml"
    for name in ("ippo.yaml", "configs/ippo.yaml"):
        assert find_config(Path(name)) == shipped
    for name in ("elsewhere/ippo.yaml", "unknown.yaml"):
        assert find_config(Path(name)) == Path(name)
    Path("ippo.yaml").touch()
    assert find_config(Path("ippo.yaml")) == Path("ippo.yaml")


@pytest.mark.parametrize(
    "arguments", [[], ["sarsa"], ["ippo", "--config", "ippo.yaml", "ppo.clip=-1"]]
)
def test_what_cannot_be_trained_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", *arguments])
    assert stopped.value.code == 2
    assert capsys.readouterr().err
