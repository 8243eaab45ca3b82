"""TensorBoard's view of a run: its metrics, the seeds' curves of a metric in one chart.

TensorBoard takes every folder with an events file for a run of its own, and draws what is called
alike in one chart. So the run's folder has the mean over its seeds and, where there are several,
each of them has a folder inside it.

The files are written here and not by tensorboardX's SummaryWriter, which starts a thread and a
queue between processes for every folder and reports a full disk to nobody.
"""

import math
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Board:
    """The events files of a run."""

    def __init__(self, folder: Path, seeds: Sequence[int], keep_rounds: int):
        """Continue after `keep_rounds` rounds: TensorBoard forgets what it has read of later ones.

        Raises:
            OSError: a file cannot be written.
        """
        several = [folder / f"seed_{seed}" for seed in seeds] if len(seeds) > 1 else []
        name = f"events.out.tfevents.{time.time():.0f}.cardjax"
        self._files = [place / name for place in (folder, *several)]
        for file in self._files:
            file.parent.mkdir(exist_ok=True)
            _append(file, file_version="brain.Event:2")
            _append(file, step=keep_rounds + 1, session_log={"status": "START"})

    def add(self, rounds: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Each seed's metrics by name, after so many rounds.

        Raises:
            OSError: a file cannot be written.
        """
        mean = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        for file, row in zip(self._files, (mean, *rows), strict=False):
            values = [
                {"tag": name, "simple_value": value}
                for name, value in row.items()
                if math.isfinite(value)
            ]
            _append(file, step=rounds, summary={"value": values})


def _append(file: Path, **event: object) -> None:
    """Add an event, framed as TFRecord: its length and its bytes, each with a checksum."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data = Event(wall_time=time.time(), **event).SerializeToString()
    length = struct.pack("<Q", len(data))
    checksums = [struct.pack("<I", masked_crc32c(part)) for part in (length, data)]
    with file.open("ab") as stream:
        stream.write(length + checksums[0] + data + checksums[1])
