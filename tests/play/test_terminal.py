"""The game as a person meets it: typed into a real pseudo-terminal, read off it again."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from cardjax.commands.main import main
from cardjax.play import load_game

ROOT = Path(__file__).resolve().parents[2]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[1-7][0-9;]*m")
PATIENCE = 120
START = """
import os, runpy, sys
# A session's first terminal becomes its controlling one, as Ctrl-C needs.
os.close(os.open(os.ttyname(0), os.O_RDWR))
sys.argv[0] = "cardjax.play"
runpy.run_module("cardjax.play", run_name="__main__")
"""


class Terminal:
    """A program in a pseudo-terminal of a given width."""

    def __init__(self, arguments, columns, cache, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        kept = {
            k: v
            for k, v in os.environ.items()
            if k not in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR")
        }
        env = kept | {
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
        }
        env |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3"} | environment
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, arguments)],
            cwd=ROOT,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.output = ""
        self._read = 0

    def expect(self, text):
        """Wait until `text` has come up since the last one expected; what came before it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output[self._read :]:
            if not self._more(deadline):
                raise AssertionError(f"{text!r} did not come up in:\n{self.output[self._read :]}")
        end = self.output.index(text, self._read) + len(text)
        passed, self._read = self.output[self._read : end], end
        return passed

    def expect_no_echo(self):
        """Wait until what is typed is not shown: getpass turns the echo off after its prompt."""
        deadline = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.master)[3] & termios.ECHO:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def type(self, text):
        os.write(self.master, text.encode())

    def finish(self):
        """The exit code, once the program has ended."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        code = self.process.wait(PATIENCE)
        os.close(self.master)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _more(self, deadline):
        if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        try:
            read = os.read(self.master, 65536)
        except OSError:  # Linux: the program has closed its end
            return False
        self.output += read.decode()
        return bool(read)

    @property
    def lines(self):
        """All that was written from a line's start, without colours; a spinner writes one line many
        times.
        """
        return re.split(r"[\r\n]+", CONTROL.sub("", self.output))


@pytest.fixture
def start(compilation_cache):
    started = []

    def run(*arguments, columns=80, **environment):
        started.append(Terminal(arguments, columns, compilation_cache, **environment))
        return started[-1]

    yield run
    for terminal in started:
        terminal.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("saved")


def test_a_whole_game_is_typed_at_40_columns_and_stepped_through_again(start, folder):
    path = folder / "game.json"
    game = start("--opponent", "ev_oracle", "--seed", 12, "--save", path, columns=40, NO_COLOR="1")
    game.expect("Your order: ")
    for wrong, answer in (
        ("?", "The fair value is the average"),
        ("zz", "is no order"),
        ("b11", "is no size"),
        ("", "No order"),
    ):
        game.type(f"{wrong}\n")
        assert answer in " ".join(game.expect("Your order: ").split())
    for typed in ("s10", "p", "b2", "12", "0", "b1", "pass", "sell 1", "4"):
        game.type(f"{typed}\n")
        game.expect("Why: ")
        game.expect("Your order: ")
    game.type("b10\n")
    assert game.finish() == 0
    shown = " ".join(" ".join(game.lines).split())
    for word in (
        "Round 10 of 10",
        "give or take",
        "slippage",
        "the depth covered",
        "The equilibrium",
        "The best reply",
        "luck",
        "skill",
        "Score ",
        "In the same place",
        "depth 10 or more",
        "--preset lively --seed 12",
    ):
        assert word in shown, word
    assert max(map(len, game.lines)) <= 40
    assert not COLOUR.search(game.output)

    document = json.loads(path.read_text())
    assert [actions[0] for actions in document["actions"]] == [20, 0, 2, 12, 0, 1, 0, 11, 4, 10]
    again = start("--replay", path, columns=40)
    for _ in range(10):
        again.expect("Enter goes on, q stops: ")
        again.type("\n")
    assert again.finish() == 0
    assert max(map(len, again.lines)) <= 40
    score = re.search(r"Score \S+:", shown)[0]
    assert score in " ".join(again.lines)


def test_two_people_do_not_see_each_other_s_orders_and_ctrl_c_leaves_with_130(start, folder):
    path = folder / "unfinished.json"
    game = start("--opponent", "human", "--seed", 12, "--save", path)
    game.expect("Player A (typed unseen): ")
    game.expect_no_echo()
    game.type("b7\n")
    typed = game.expect("Player B (typed unseen): ")
    assert "b7" not in typed and "bought" not in typed and "Player A has decided" in typed
    game.expect_no_echo()
    game.type("s3\n")
    settled = game.expect("Round 2 of 10")
    assert "Player A bought 7" in settled and "Player B sold 3" in settled
    assert settled.count("Why: You") == 2
    game.expect("Player A (typed unseen): ")
    assert COLOUR.search(game.output)
    game.type("\x03")
    assert game.finish() == 130
    assert "Stopped after 1 round" in game.output and "Traceback" not in game.output
    assert len(json.loads(path.read_text())["actions"]) == 1


def test_one_person_at_both_seats_sees_what_is_typed_and_the_end_of_input_ends_the_game(start):
    game = start("--both-seats", "--seed", 12)
    game.expect("Player A: ")
    game.type("b7\n")
    assert "b7" in game.expect("Player B: ")
    game.type("0\n")
    game.expect("Player A: ")
    game.type("\x04")
    assert game.finish() == 0
    shown = "\n".join(game.lines)
    assert "The game stops here, after 1 round." in shown and "Player A: 1 round" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "single", "--both-seats"], "--both-seats = on: needs a game of two"),
        (["--both-seats", "--opponent", "level1"], "leaves no seat to --opponent level1"),
        (
            ["--opponent", "nobody"],
            "--opponent = nobody: is neither a run folder nor a policy",
        ),
        (["--seed", "-1"], "seed = -1"),
        (["alpha=0.5"], "argument = alpha"),
        (["env.alpha=-1"], "env.alpha = -1"),
        (["env.reward=pnl"], "env.reward = pnl: has no part"),
        (["--preset", "nothing"], "env.preset = nothing"),
        (["--save", "/nonexistent/game.json"], "--save = /nonexistent/game.json"),
        (["--save", "x" * 250], "cannot be written (File name too long)"),
        (["--replay", "README.md", "--seed", "0"], "takes no other arguments (seed)"),
        (["--replay", "README.md", "--events", "on"], "takes no other arguments (events)"),
        (["--replay", "README.md"], "saved game = README.md: is damaged"),
    ],
)
def test_what_is_not_allowed_is_one_line_and_exit_code_2(arguments, said, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as end:
        main(["play", *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.slow  # as of any command, of which the door's tests have one
def test_a_reader_that_goes_away_is_no_traceback(compilation_cache):
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(compilation_cache),
    }
    game = subprocess.Popen(
        [sys.executable, "-m", "cardjax.play"],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    game.stdout.close()
    assert game.stderr.read() == ""
    assert game.wait(PATIENCE) == 141


@pytest.fixture
def ascii_alone(compilation_cache):
    """The environment of a process whose text is not UTF-8."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUTF8"} | {
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(compilation_cache),
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    }


PLAY = [sys.executable, "-m", "cardjax.play", "--seed", "12", "--opponent", "pass"]
PLAIN = ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"})


@pytest.mark.parametrize("plain", [PLAIN[0], pytest.param(PLAIN[1], marks=pytest.mark.slow)])
def test_a_terminal_that_knows_ascii_alone_is_enough(ascii_alone, tmp_path, plain):
    played = subprocess.run(
        [*PLAY, "--save", str(tmp_path / "game.json")],
        cwd=ROOT,
        env=ascii_alone | plain,
        input="?\nb\u00fc\nb10\nq\n".encode(),
        capture_output=True,
        timeout=PATIENCE,
    )
    assert played.returncode == 0 and not played.stderr
    shown = played.stdout.decode("ascii")
    assert "The game stops here, after 1 round." in shown and "Why: You" in shown
    assert list(load_game(tmp_path / "game.json").records)


@pytest.mark.slow  # the door's tests print in such a terminal, and others refuse in one line
@pytest.mark.parametrize("plain", PLAIN)
def test_what_is_refused_there_is_one_line_too(ascii_alone, plain):
    refused = subprocess.run(
        [*PLAY, "env.alpha=\u221e"], cwd=ROOT, env=ascii_alone | plain, capture_output=True
    )
    assert refused.returncode == 2 and refused.stderr.count(b"\n") == 1


def test_a_saved_game_is_not_written_over(tmp_path, capsys):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(SystemExit):
        main(["play", "--save", str(tmp_path / "mine")])
    assert "must be a new file" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "precious"


def typed(monkeypatch, *lines):
    remaining = iter(lines)
    monkeypatch.setattr("builtins.input", lambda prompt: next(remaining))
    monkeypatch.setenv("COLUMNS", "80")


def test_the_options_reach_the_game(monkeypatch, capsys):
    typed(monkeypatch, "20", "q")
    main(
        [
            "play",
            "--opponent",
            "pass",
            "--seed",
            "12",
            "--impact",
            "off",
            "--preset",
            "commons",
            "env.initial_wealth=1000",
        ]
    )
    shown = capsys.readouterr().out
    assert "Market: commons, seed 12" in shown
    assert "Your bankroll: 1000.00" in shown
    assert "The other player (pass) passed." in shown
    assert "depth" not in shown.lower() and "slippage" not in shown, (
        "without impact it means nothing"
    )


def test_the_same_cards_again_takes_every_argument_that_deals_them(monkeypatch, capsys):
    typed(monkeypatch, "p", "q")
    given = "--seed 3 --mode single --preset commons --impact off"
    main(["play", *given.split(), "env.hints=[1, 0, 0, 0]", "env.preset=calm"])
    shown = " ".join(capsys.readouterr().out.split())
    again = "--preset commons --seed 3 --mode single --impact off 'env.hints=[1, 0, 0, 0]'"
    assert f"To play the same cards again: {again}" in shown


def test_alone_one_is_compared_with_the_optimum_and_with_whom_one_asks_for(monkeypatch, capsys):
    typed(monkeypatch, "b1", "q")
    main(["play", "--mode", "single", "--opponent", "pass", "--seed", "5", "--events", "off"])
    shown = capsys.readouterr().out
    assert (
        "cardjax: you alone" in shown and "Event: All ranks" in shown and "The optimum: " in shown
    )
    compared = shown.split("In the same place")[1]
    assert re.search(r"the optimum +[+-]\d", compared) and re.search(r"pass +\+0.00", compared)
