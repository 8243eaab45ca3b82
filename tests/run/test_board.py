"""What TensorBoard makes of a run's events: one chart per metric, the seeds' curves overlaid,
and nothing that a resumed run has played anew.
"""

import math
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c

from cardjax.run.board import Board


def events_of(folder):
    """The folder's events in the order in which TensorBoard reads them; checksums are checked."""
    for file in sorted(folder.glob("events.out.tfevents.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            record = data[12 : 12 + length]
            sums = data[8:12], data[12 + length : 16 + length]
            assert sums == tuple(
                struct.pack("<I", masked_crc32c(part)) for part in (data[:8], record)
            )
            yield Event.FromString(record)
            data = data[16 + length :]


def charts(folder):
    """tag → [(step, value)] as TensorBoard shows it: a start makes it forget what it read of later
    steps (event_accumulator's purge of orphaned data).
    """
    shown = {}
    for event in events_of(folder):
        if event.session_log.status == SessionLog.START:
            shown = {
                tag: [point for point in points if point[0] < event.step]
                for tag, points in shown.items()
            }
        for value in event.summary.value:
            shown.setdefault(value.tag, []).append((event.step, value.simple_value))
    return shown


def test_the_seeds_of_a_run_are_curves_of_one_chart_beside_their_mean(tmp_path):
    Board(tmp_path, [7, 8], 0).add(10, [{"score": 0.25, "loss": 1.0}, {"score": 0.75, "loss": 3.0}])
    assert charts(tmp_path) == {"score": [(10, 0.5)], "loss": [(10, 2.0)]}
    assert charts(tmp_path / "seed_7") == {"score": [(10, 0.25)], "loss": [(10, 1.0)]}
    assert charts(tmp_path / "seed_8") == {"score": [(10, 0.75)], "loss": [(10, 3.0)]}


def test_one_seed_needs_no_folder_of_its_own(tmp_path):
    Board(tmp_path, [7], 0).add(10, [{"score": 0.25, "loss": math.nan, "ruin": math.inf}])
    assert charts(tmp_path) == {"score": [(10, 0.25)]}
    assert [path.is_dir() for path in tmp_path.iterdir()] == [False]


@pytest.mark.parametrize("kept", [0, 10])
def test_a_run_that_starts_again_has_one_history(tmp_path, kept):
    first = Board(tmp_path, [0], 0)
    for rounds in (10, 20, 30):
        first.add(rounds, [{"score": 0.25}])
    Board(tmp_path, [0], kept).add(20, [{"score": 0.5}])
    assert charts(tmp_path)["score"] == [(10, 0.25)] * (kept > 0) + [(20, 0.5)]
