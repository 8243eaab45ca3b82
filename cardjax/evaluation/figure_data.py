"""The numbers behind a figure: a table with units, and intervals as three columns."""

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cardjax.evaluation.statistics import Estimate, Interval, delta_estimate, over_seeds
from cardjax.evaluation.tally import Tally


@dataclasses.dataclass(frozen=True)
class FigureData:
    """The numbers behind one figure."""

    units: Mapping[str, str]
    """column → unit ("" for none), in order."""
    rows: Sequence[Mapping[str, float | str]]
    """a number that is not known is NaN."""
    about: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """words for legends and labels; not in the CSV."""

    def __getitem__(self, name: str) -> np.ndarray:
        """A column, [rows]."""
        return np.array([row[name] for row in self.rows])

    def where(self, **equal: float | str) -> "FigureData":
        """The rows in which columns have these values."""
        return dataclasses.replace(
            self, rows=[row for row in self.rows if all(row[k] == v for k, v in equal.items())]
        )

    @property
    def header(self) -> list[str]:
        """Column names, with units in brackets."""
        return [f"{name} [{unit}]" if unit else name for name, unit in self.units.items()]

    def as_csv(self) -> str:
        """A line of `header`, then the rows; NaN is left blank."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([printed(row[name]) for name in self.units] for row in self.rows)
        return file.getvalue()


def interval_over(of: Callable[[Mapping[str, float]], float], tallies: Sequence[Tally]) -> Interval:
    """Of a function of means: over games for one training seed, else over seeds and the draws that
    they share; `tallies` as `interval_of_all` takes estimates.
    """
    return interval_of_all([delta_estimate(of, tally) for tally in tallies])


def interval_of_all(estimates: Sequence[Estimate]) -> Interval:
    """From the only training seed's estimate, or from each seed's with that of all of them together
    as the last.
    """
    return over_seeds(estimates[: max(1, len(estimates) - 1)], estimates[-1])


def with_bounds(name: str) -> tuple[str, str, str]:
    """The columns of a figure and its interval."""
    return name, f"{name}_low", f"{name}_high"


def bounds(name: str, interval: Interval) -> dict[str, float]:
    """The three columns of an interval."""
    values = (math.nan if value is None else value for value in interval)
    return dict(zip(with_bounds(name), values, strict=True))


def printed(value: float | str) -> str:
    """Eight digits; nothing for NaN."""
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.8g}"
