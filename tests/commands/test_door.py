"""The process around a command: signals, streams and exit codes, with commands made for it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cardjax.commands.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
FAKE = """
import sys, types
from cardjax.commands import door, main

def run(arguments):
    print("ready", flush=True)
    {body}

command = types.ModuleType("cardjax.commands.fake")
command.add_arguments, command.run = lambda parser: None, run
sys.modules["cardjax.commands.fake"] = command
main.COMMANDS["fake"] = ""
door.enter("fake")
"""
WAITING = "import time\n    while True: time.sleep(0.01)"
COMPUTING = """import jax
    x = jax.numpy.ones((400, 400))
    step = jax.jit(lambda x: jax.lax.fori_loop(0, 200, lambda i, x: x @ x / 400, x))
    while True: x = step(x)"""
DEAF = """import time
    class Deaf:
        def __del__(self): time.sleep(1.5)
    Deaf()
    while True: time.sleep(0.01)"""
ELSEWHERE = """import os, signal, threading, time
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    os.read(os.pipe()[0], 1)"""  # another thread gets the signal while this one waits for input
CLUMSY = """import time
    try:
        while True: time.sleep(0.01)
    except BaseException as error:
        raise RuntimeError("something else") from None"""
EARLY = """import os, signal
from cardjax.commands import door
listen = door.interruption.listen
def listen_and_interrupt(handler):
    listen(handler)
    door.interruption.listen = listen
    os.kill(os.getpid(), signal.SIGINT)
door.interruption.listen = listen_and_interrupt
door.enter("evaluate")"""
LONG = """for _ in range(1000): print("x" * 100)
    open("written", "w").close()"""


def start(body, cwd, before="", **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | pipes.pop("env", {})
    script = FAKE.format(body=body)
    command = ["sh", "-c", f'{before} exec "$0" "$@"', sys.executable, "-c", script]
    return subprocess.Popen(command, cwd=cwd, env=environment, text=True, **pipes)


def catches(pid, signum):
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s*(\w+)", status, re.M)[1], 16)
    return bool(caught >> (signum - 1) & 1)


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize(
    ("body", "signals"),
    [
        (WAITING, SIGNALS),
        (COMPUTING, SIGNALS[:1]),  # and with it JAX
        (DEAF, SIGNALS),
        (ELSEWHERE, SIGNALS),
        (CLUMSY, SIGNALS),
    ],
    ids=["waiting", "computing", "deaf", "elsewhere", "clumsy"],
)
def test_a_signal_ends_a_command_with_its_exit_code_and_one_line(tmp_path, body, signals):
    started = [start(body, tmp_path) for _ in signals]
    for process, signum in zip(started, signals, strict=True):
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signum)
    for process, signum in zip(started, signals, strict=True):
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (128 + signum, "interrupted\n")


@pytest.mark.parametrize(
    ("command", "delays"),
    [
        ([str(ROOT / "eval/evaluate.py"), "--policy", "pass"], (0, 0.3, 0.7, 1.2)),
        (["-m", "cardjax.play"], (0.5,)),
        # Once the server listens, Ctrl-C is how one stops it, and no failure.
        (["-m", "cardjax.play.web", "--port", "0"], (0, 0.15, 0.3)),
    ],
    ids=["evaluate", "play", "web"],
)
def test_ctrl_c_in_the_first_second_is_one_line_too(tmp_path, command, delays):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for delay in delays:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not catches(process.pid, signal.SIGTERM):  # Python itself is still starting
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (130, "interrupted\n"), delay


def test_a_signal_that_comes_as_soon_as_it_is_listened_to_is_one_line_too(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", EARLY],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_an_interrupted_command_leaves_the_cursor_visible(tmp_path):
    (tmp_path / "slow.py").write_text(WAITING.replace("\n    ", "\n"))
    ours, theirs = os.openpty()
    body = r"""import sys; sys.path.insert(0, ".")
    print("\x1b[?25l", flush=True)
    import slow"""
    process = start(body, tmp_path, stdout=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    while b"\x1b[?25l" not in shown:
        shown += os.read(ours, 1024)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert os.read(ours, 1024).endswith(b"\x1b[?25h")
    os.close(ours)


def test_under_nohup_the_terminals_end_is_ignored(tmp_path):
    process = start("import time; time.sleep(2)", tmp_path, before="trap '' HUP;")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0


def test_a_reader_who_goes_away_stops_no_command(tmp_path):
    process = start(LONG, tmp_path)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
    assert (tmp_path / "written").exists()


def test_a_full_disk_behind_the_output_is_one_line(tmp_path):
    with open("/dev/full", "w") as full:
        process = start(LONG, tmp_path, stdout=full)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == "output: cannot be written (No space left on device)\n"
    assert (tmp_path / "written").exists()


def test_closed_streams_do_not_become_the_next_file(tmp_path):
    body = 'open("first", "w").write("mine"); print("x"); import os; os.write(2, b"noise")'
    process = start(body, tmp_path, before="exec <&- >&- 2>&-;")
    assert process.wait(60) == 0
    assert (tmp_path / "first").read_text() == "mine"


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_whatever_the_terminals_encoding_is_a_table_can_be_printed(tmp_path, encoding):
    process = start('print("a ± b")', tmp_path, env=encoding)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines()[1] in ("a ± b", "a ? b")


def test_every_command_has_its_file():
    files = {path.stem for path in (ROOT / "cardjax/commands").glob("*.py")}
    assert {name.replace("-", "_") for name in COMMANDS} == files - {
        "__init__",
        "door",
        "main",
        "roles",
        "shared",
    }
