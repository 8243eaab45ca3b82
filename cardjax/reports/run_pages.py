"""`eval/report.py`: one HTML and one Markdown page about one run or several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cardjax.agents.roles import MAKER, ROLES, TAKERS
from cardjax.config import RunConfig, config_values, load_config, make_market
from cardjax.config.hyperparameters import LEARNED
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.differences import improvement_probability
from cardjax.evaluation.statistics import FEWEST_SEEDS
from cardjax.files.writing import write_text
from cardjax.loading import saved
from cardjax.reports.exports import write_marl_eval, write_rliable
from cardjax.reports.page import (
    PageTable,
    Picture,
    Section,
    as_html,
    as_markdown,
    headline_table,
    interval,
    metrics_table,
    number,
)
from cardjax.run import run_folder
from cardjax.run.learners import find_algorithm


def write_report(folders: Sequence[Path], out: Path) -> None:
    """report.html and report.md about the runs in `folders`, into the folder `out`."""
    summaries = {folder: _summary(folder) for folder in folders}
    sections = [
        *([_comparison(summaries)] if len(folders) > 1 else []),
        *(section for folder in folders for section in _sections(folder, summaries[folder])),
    ]
    title = f"Report: {', '.join(folder.name for folder in folders)}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "report.html", as_html(title, sections))
        write_text(out / "report.md", as_markdown(title, sections, out))
        write_rliable(out / "rliable.npz", summaries)
        write_marl_eval(out / "marl_eval.json", summaries)
    except OSError as error:
        raise ParameterError("--out", str(out), f"cannot be written ({error.strerror})") from None
    for name in ("report.html", "report.md", "rliable.npz", "marl_eval.json"):
        print(out / name)


def _summary(folder: Path) -> run_folder.Summary:
    saved.read_run(folder)
    summary = run_folder.read_summary(folder)
    if summary is None:
        raise ParameterError(
            "run", str(folder), "has no summary.json: its training has not come to a table yet"
        )
    if "score_by_seed" not in summary["results"][0]:
        said = (
            "has a summary.json without the scores of its seeds, of an older cardjax; train it on"
        )
        raise ParameterError("run", str(folder), f"{said} by train.total_steps=N")
    return summary


def _comparison(summaries: Mapping[Path, Mapping[str, Any]]) -> Section:
    """All runs' self-play side by side; with several seeds each, in the terms of Agarwal et al.
    2021.
    """
    own = {folder: summary["results"][0] for folder, summary in summaries.items()}
    names = [folder.name for folder in own]
    content: list[str | PageTable | Picture] = [headline_table(list(own.values()), "run", names)]
    scores = {
        folder.name: np.array(entry.get("score_by_seed", [])) for folder, entry in own.items()
    }
    if all(len(values) > 1 for values in scores.values()):
        rows = [
            (
                folder.name,
                number(entry["score_iqm"]),
                interval(entry, "score_iqm"),
                *(
                    number(improvement_probability(scores[folder.name][:, None], other[:, None]))
                    for other in scores.values()
                ),
            )
            for folder, entry in own.items()
        ]
        content += [
            "Interquartile mean of the seeds' scores with its interval over seeds and the games "
            "that they share (none below three seeds), and the share of pairs of seeds in which "
            "the row's run scores above the column's (1/2: a draw; `compare` gives it with an "
            "interval).",
            PageTable(("run", "IQM", "95% interval", *(f"P(> {name})" for name in names)), rows),
        ]
    return Section("Comparison", content)


def _sections(folder: Path, summary: Mapping[str, Any]) -> list[Section]:
    meta, config = saved.read_meta(folder), saved.read_run(folder)[1]
    own, *others = summary["results"]
    said, roles = _in_words(summary), _roles(meta["algorithm"], config)
    if roles is not None:
        players = f"Maker: {roles[MAKER]}; takers: {roles[TAKERS]}"
        said += f" {players}; the score is the lower one of theirs."
    content: list[str | PageTable | Picture] = [said, metrics_table(own, KEY_FIGURES)]
    if others:
        names = [entry["opponent"] for entry in summary["results"]]
        content += [
            "Against each opponent, in the same markets:",
            headline_table(summary["results"], "opponent", names),
        ]
    if "rounds_to" in summary and "score_area" in summary:
        content.append(_learning(summary))
    return [
        Section(folder.name, content),
        *_pictures(folder, has_diagnostics=roles is None or roles[TAKERS] == LEARNED),
        Section(f"{folder.name}: every metric of self-play", [metrics_table(own)]),
        Section(f"{folder.name}: settings", [_changed(config), _about(meta, summary)]),
    ]


def _in_words(summary: Mapping[str, Any]) -> str:
    own, n_seeds = summary["results"][0], len(summary["seeds"])
    over = "Intervals are 95%, over games: one training seed, which says nothing about others"
    if n_seeds > 1:
        over = f"Intervals are 95%, over {n_seeds} training seeds"
    if 1 < n_seeds < FEWEST_SEEDS:
        over = f"No intervals: they need {FEWEST_SEEDS} training seeds"
    stopped = " The training was interrupted." if summary.get("interrupted") else ""
    return (
        f"{summary['algorithm'].upper()}, {summary['total_steps']:,} rounds per seed in "
        f"{summary['wall_seconds']:,.0f} s ({summary['steps_per_second']:,} rounds/s), "
        f"{summary.get('play', 'greedy')} play against {own['opponent']} on "
        f"{summary.get('draws', 'test')} draws, which training never saw. "
        f"{over}.{stopped}{_no_score(own)}"
    )


def _roles(algorithm: str, config: RunConfig) -> dict[str, str] | None:
    """Role → learned, or the name of who plays it; None where the maker is no player."""
    if not make_market(config.game).has_maker:
        return None
    section = getattr(config, find_algorithm(algorithm).section)
    return {role: getattr(section, role, LEARNED) for role in ROLES}


def _no_score(entry: Mapping[str, Any]) -> str:
    """Why there is none, if there is none."""
    return f" There is no score: {entry['no_score']}." if "no_score" in entry else ""


KEY_FIGURES = (
    "score",
    "maker_score",
    "maker_markup",
    "maker_expected_pnl",
    "maker_exploitability_share",
    "taker_score",
    "taker_expected_pnl",
    "taker_exploitability_share",
    "mean_payoff",
    "risk_charge",
    "std_inventory",
    "exploitability_share",
    "best_equilibrium",
    "score_of_best_equilibrium",
    "mean_expected_pnl",
    "mean_pnl",
    "trade_rate",
    "ruin_probability",
)
CAPTIONS = {
    "curves": "Learning curve: the score on validation draws, and the moving mean of the returns "
    "in training, against the rounds played; the bands are 95% intervals over seeds on these "
    "draws, from three seeds on.",
    "action_vs_edge": "What the policy orders at each edge of the better side, beside the exact "
    "benchmark: it should pass below zero and trade above.",
    "size_vs_depth": "How many units the policy takes on the better side, by the depth that is "
    "displayed there: it should take more where more is displayed.",
    "sigma_sensitivity": "How often and how much the policy trades, and what share of the "
    "attainable payoff it captures, by how uncertain the sum is.",
    "opponent_response": "How the policy's orders depend on what the others ordered a round "
    "before: that says nothing about this round, so a flat line is right.",
    "value_calibration": "What the critic believes orders to be worth against what they are worth: "
    "a calibrated critic lies on the diagonal.",
    "wealth_fan": "The spread of wealth over the rounds of a game: median and percentiles.",
    "belief_probe": "What the policy's memory knows of the hidden event: the exact probability of "
    "each kind against what a linear regression reads off the memory. On the diagonal the memory "
    "holds the exact belief, and R² is the share of its variance that the memory explains.",
    "ablations": "The score with events and impact switched on and off, each against the benchmark "
    "of that market: what the policy learned from each of them.",
}
"""By the name of the picture's file: what it shows, and what would be right."""


def _pictures(folder: Path, has_diagnostics: bool) -> list[Section]:
    """The run's learning curve, and its diagnostics where eval/diagnose.py has drawn them."""
    curve = (
        [Picture(folder / "curves.png", CAPTIONS["curves"])]
        if (folder / "curves.png").is_file()
        else []
    )
    drawn = sorted((folder / "diagnostics").glob("*.png"))
    diagnostics = [Picture(path, CAPTIONS.get(path.stem, path.stem)) for path in drawn]
    missing = (
        []
        if drawn or not has_diagnostics
        else [f"python eval/diagnose.py {folder.name} adds the policy's diagnostics here."]
    )
    return [Section(f"{folder.name}: pictures", [*curve, *diagnostics, *missing])]


def _changed(config: RunConfig) -> PageTable:
    """What differs from the defaults."""
    standard, own = config_values(load_config(None)), config_values(config)
    rows = [
        (name, str(value), str(standard[name]))
        for name, value in own.items()
        if value != standard[name] and name != "name"
    ]
    return PageTable(("setting", "this run", "default"), rows or [("none", "", "")])


def _about(meta: Mapping[str, Any], summary: Mapping[str, Any]) -> PageTable:
    device = meta.get("device", {})
    rows = [
        ("git commit", str(meta.get("git_commit"))),
        ("device", f"{device.get('count')} × {device.get('kind')} ({device.get('platform')})"),
        *(
            (f"version of {name}", str(version))
            for name, version in meta.get("versions", {}).items()
        ),
        *(
            (f"rounds to a score of {bar}", "not reached" if rounds is None else f"{rounds:,}")
            for bar, rounds in (summary.get("rounds_to_score") or {}).items()
        ),
    ]
    return PageTable(("what the figures depend on", ""), rows, text=(1,))


def _learning(summary: Mapping[str, Any]) -> PageTable:
    """How fast the seeds learned (`curves.learning_figures`)."""
    n_seeds, area = len(summary["seeds"]), "score_area"
    rows = [
        ("mean area under the learning curve", number(summary[area]), interval(summary, area), ""),
        *(
            (
                f"rounds until half of the seeds stay above {level}",
                number(found["rounds"]),
                _of_median(found["rounds_ci95"]),
                f"{found['reached']} of {n_seeds}",
            )
            for level, found in summary["rounds_to"].items()
        ),
    ]
    headings = ("learning", "", "95% interval over seeds", "seeds that stay above")
    return PageTable(headings, rows)


def _of_median(bounds: Sequence[float | None]) -> str:
    """The upper end is missing where some seeds did not get there."""
    low, high = bounds
    if low is None:
        return "–"
    return f"{number(low)} to {'never' if high is None else number(high)}"
