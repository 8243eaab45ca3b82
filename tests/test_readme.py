"""The README is true: its Python runs, and so does every command in it, shrunk to seconds by
appended overrides.

The default suite runs them in this process, so that they share what is imported and compiled. Of
docs/commands.md it reads every command without carrying it out, for each has tests of its own;
`make test-slow` runs them all, each in a process of its own.
"""

import argparse
import importlib
import io
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import jax
import pytest

from cardjax.commands import door
from cardjax.commands.main import main
from cardjax.training import runs, sweeps

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = README + (ROOT / "docs" / "commands.md").read_text()
SMALL_RUN = [
    "train.total_steps=1280",
    "train.n_envs=64",
    "train.n_seeds=1",
    "train.n_evals=2",
    "train.eval_games=64",
    "train.final_eval_games=64",
]
SMALL_LEARNER = {
    "dqn": ["dqn.hidden=[8]", "dqn.n_gradient_steps=2", "dqn.batch_size=64", "dqn.capacity=6400"],
    "ippo": ["ppo.hidden=[8]", "ppo.n_minibatches=4"],
    "mappo": ["ppo.hidden=[8]", "ppo.n_minibatches=4"],
}


PLAY_NOTHING = ("eval/report.py", "eval/export.py")
COSTLY = {
    f"eval/{name}.py" for name in ("compare", "cross_play", "ood", "diagnose", "report", "dataset")
} | {"--sweep"}
"""Commands and options that compile for long. Each is tested by itself in the process of the tests.
"""


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text: str = COMMANDS) -> list[list[str]]:
    lines = [
        line.split("#")[0].strip() for block in blocks("bash", text) for line in block.splitlines()
    ]
    return [shlex.split(line) for line in lines if line]


def small(command: list[str]) -> list[str]:
    """The command with the repository's scripts by their paths, and little work."""
    if command[1] == "-m":
        return [sys.executable, *command[1:]]
    script = str(ROOT / command[1])
    arguments = [str(ROOT / a) if a.startswith("configs/") else a for a in command[2:]]
    if command[1].startswith("train/") and "--resume" not in command:
        arguments += SMALL_RUN + SMALL_LEARNER[Path(command[1]).stem]
    if command[1] == "eval/dataset.py":
        arguments[arguments.index("--games") + 1] = "64"
    elif command[1].startswith("eval/") and command[1] not in PLAY_NOTHING:
        arguments += ["--episodes", "64"]
    return [sys.executable, script, *arguments]


TYPED = "p\n\n" * 20
"""What is typed in a game; other commands read nothing."""


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        input=TYPED,
        capture_output=True,
        text=True,
        timeout=300,
    )


def run_here(
    command: list[str],
    patch: pytest.MonkeyPatch,
    carry_out: Callable[[list[str]], None] = main,
) -> None:
    """The command in this process and the current folder: its script is run, up to the door."""
    patch.setattr(door, "enter", lambda *words: carry_out([*words, *sys.argv[1:]]))
    patch.setattr(sys, "stdin", io.StringIO(TYPED))
    if command[1] == "-m":
        patch.setattr(sys, "argv", command[2:])
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)
    else:
        patch.setattr(sys, "argv", command[1:])
        runpy.run_path(command[1], run_name="__main__")


def environment() -> dict[str, str]:
    # Little is computed here, and much compiled: the compiler is told not to optimise.
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    return os.environ | cache | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}


def test_every_python_block_runs() -> None:
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})


def scripts(text: str = COMMANDS) -> list[list[str]]:
    return [command for command in commands(text) if command[0] == "python"]


def is_server(command: list[str]) -> bool:
    return "cardjax.play.web" in command


@pytest.mark.usefixtures("workplace")
def test_the_commands_of_the_readme_run_in_the_order_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = [command for command in scripts(README) if not set(command) & COSTLY]
    assert len(chosen) >= 4
    for command in chosen:
        with monkeypatch.context() as patch:
            if is_server(command):
                serve_here(command, patch)
            else:
                run_here(small(command), patch)


def read(command: list[str], patch: pytest.MonkeyPatch) -> argparse.Namespace:
    """The command's arguments as its script and the command line read them; what it would do with
    them is left out, but that a training's configuration is made.
    """
    given: list[argparse.Namespace] = []
    started: list[str] = []

    def only_read(words: list[str]) -> None:
        module = importlib.import_module(f"cardjax.commands.{words[0].replace('-', '_')}")
        run = module.run
        patch.setattr(module, "run", given.append)
        main(words)
        if words[0] == "train" and not given[0].resume:
            run(given[0])

    for module in (runs, sweeps):
        patch.setattr(module, "start", lambda algorithm, made: started.append(algorithm))
    run_here(command, patch, only_read)
    (arguments,) = given
    assert len(started) == (Path(command[1]).parent.name == "train" and not arguments.resume)
    return arguments


@pytest.mark.parametrize("command", scripts(), ids=shlex.join)
def test_every_command_has_arguments_that_are_understood(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = command if command[1] == "-m" else ["python", str(ROOT / command[1]), *command[2:]]
    assert read(whole, monkeypatch)


@pytest.mark.slow  # a process for each; the default suite has those of the README in its own
def test_every_command_runs_as_a_process_too(tmp_path: Path) -> None:
    for command in [*scripts(), [*recipe(), "name=made"]]:
        result = served(command, tmp_path) if is_server(command) else run(small(command), tmp_path)
        assert result.returncode == 0, f"{shlex.join(command)}\n{result.stderr[-2000:]}"


def served(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A server's command on a free port, stopped by Ctrl-C once it has said where it is."""
    pytest.importorskip("uvicorn")
    whole = [sys.executable, *command[1:], "--port", "0"]
    process = subprocess.Popen(
        whole,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    port = re.search(r"http://127\.0\.0\.1:(\d+)", said)
    assert port is not None, said
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/", timeout=60) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(whole, process.returncode, said + rest, errors)


def serve_here(command: list[str], patch: pytest.MonkeyPatch) -> None:
    """The same in this process: another thread visits the server, and then presses Ctrl-C."""
    pytest.importorskip("uvicorn")
    said, over, statuses = io.StringIO(), threading.Event(), []

    def visit() -> None:
        while not (port := re.search(r"http://127\.0\.0\.1:(\d+)", said.getvalue())):
            if over.is_set():
                return
            time.sleep(0.01)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/", timeout=60) as page:
                statuses.append(page.status)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    patch.setattr(sys, "stdout", said)
    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        run_here([sys.executable, *command[1:], "--port", "0"], patch)
    finally:
        over.set()
        visitor.join()
    assert statuses == [200]
    assert said.getvalue().endswith("stopped\n")


def test_every_other_command_is_a_make_target() -> None:
    others = [c for c in commands() if c[0] != "python"]
    assert ["make", "train"] in others
    assert ["make", "test"] in others
    for command in others:
        assert command[0] == "make", command
        assert re.search(rf"^{command[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command


def recipe() -> list[str]:
    """What `make train` runs."""
    line = re.search(r"^train:.*\n\t\$\(BIN\)/(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line is not None
    return shlex.split(line[1])


def test_make_train_trains_what_the_readme_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    arguments = read(recipe(), monkeypatch)
    assert (arguments.words, arguments.config.stem) == (["ippo"], "ippo_quick")


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link.partition("#")[0]).exists()


@pytest.mark.parametrize("script", re.findall(r"`python (benchmarks/\S+\.py)", README))
def test_every_benchmark_named_is_there_and_says_how_it_is_used(
    script: str, tmp_path: Path
) -> None:
    result = run([sys.executable, str(ROOT / script), "--help"], tmp_path)
    assert result.returncode == 0
    assert "usage" in result.stdout
