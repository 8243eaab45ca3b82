"""A process of several that is lost is missed by the others, who say so and end."""

import signal
import socket
import threading
import time

import pytest

from cardjax.runtime import watch
from cardjax.runtime.watch import Watch

SMALL = [
    "train.n_envs=64",
    "train.total_steps=200_000_000",
    "train.n_evals=1000",
    "train.eval_games=64",
    "train.shard_games=always",
    "ppo.hidden=[8]",
    "ppo.n_minibatches=4",
    "name=two",
]


class Store:
    """jax's store, in this process."""

    def __init__(self):
        self.values, self.hangs = {}, False

    def key_value_increment(self, key, by):
        while self.hangs:
            time.sleep(0.01)
        self.values[key] = str(int(self.values.get(key, 0)) + by)

    def key_value_try_get(self, key):
        if key not in self.values:
            raise RuntimeError(f"NOT_FOUND: Config key {key} not found.")
        return self.values[key]

    def key_value_set(self, key, value, allow_overwrite=False):
        self.values[key] = value


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(watch, "BEAT", 0.02)
    monkeypatch.setattr(watch, "PATIENCE", 0.4)
    return Store()


@pytest.fixture
def start(store):
    """start(own, n): a started Watch, and the list of whom it gives up."""
    started = []

    def begin(own, n):
        lost = []
        started.append(Watch(store, own, n, lambda who, note: lost.append((who, note))))
        started[-1].start()
        return started[-1], lost

    yield begin
    for one in started:
        one.stop()


def test_as_long_as_all_are_alive_nobody_is_missed(start):
    watches = [start(i, 3) for i in range(3)]
    time.sleep(1)
    assert [lost for _, lost in watches] == [[], [], []]


def test_who_is_lost_is_known_to_all(start):
    (_, first), (gone, of_gone), (_, third) = (start(i, 3) for i in range(3))
    gone.stop()
    time.sleep(1)
    assert (first, of_gone, third) == ([(1, "")], [], [(1, "")])


def test_a_store_that_fails_or_does_not_answer_is_process_0_lost(start, store, monkeypatch):
    (_, lost) = start(1, 2)
    store.hangs = True
    time.sleep(1)
    assert lost == [(0, "")]
    store.hangs = False

    def gone(*_):
        raise RuntimeError("UNAVAILABLE: failed to connect to all addresses")

    monkeypatch.setattr(store, "key_value_increment", gone)
    (_, lost) = start(1, 2)
    time.sleep(0.5)
    assert lost == [(0, "")]


def test_threads_do_not_outlive_their_training(start):
    before = threading.active_count()
    watching, _ = start(0, 1)
    watching.stop()
    watching.wait()
    assert threading.active_count() <= before + 1  # the pool's thread waits for Python's end


@pytest.mark.slow  # a minute each: compilation, and the patience of the others
@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_other_process_ends_with_a_line_that_says_who_was_lost(tmp_path, script, who, how):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    several = ["--coordinator", address, "--processes", 2]
    started = [
        script("train/ippo.py", *SMALL, *several, "--process-id", i, cwd=tmp_path) for i in (0, 1)
    ]
    metrics, deadline = tmp_path / "runs" / "two" / "metrics.csv", time.monotonic() + 300
    while not metrics.exists() or metrics.read_text().count("\n") < 3:
        assert time.monotonic() < deadline and all(p.poll() is None for p in started)
        time.sleep(0.2)
    lost, other = started[who], started[1 - who]
    lost.send_signal(how)
    _, errors = other.communicate(timeout=60)
    last = errors.replace("\r", "\n").strip().splitlines()[-1]
    assert last == f"process {who} of 2 was lost; continue all with --resume runs/two"
    assert other.returncode == 1
    if how == signal.SIGSTOP:
        lost.send_signal(signal.SIGCONT)
        _, errors = lost.communicate(timeout=120)
        assert lost.returncode == 1
        assert f"process {1 - who} of 2 was lost" in errors
    assert "stack trace" not in errors
