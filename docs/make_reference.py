"""Write docs/reference.md from the declarations: every parameter, and every field of the
observation.

    python docs/make_reference.py

A test fails when the committed page is not what this prints.
"""

import dataclasses
from pathlib import Path

import cardjax
from cardjax.config import (
    DQNConfig,
    GameConfig,
    PPOConfig,
    PQNConfig,
    RunConfig,
    TrainConfig,
    presets_by_name,
)
from cardjax.env import Field
from cardjax.env.declaration import Declared, declared
from cardjax.env.params import EnvParams
from cardjax.evaluation.interpretation import FORMULAS, UNITS
from cardjax.evaluation.protocol import EvalConfig

INTRODUCTION = """# Reference

Made from the declarations by `python docs/make_reference.py`.

Values are set by dotted name: in YAML (nested), on the command line (`env.alpha=0.5`), in
`cardjax.make` (`alpha=0.5`). Files and command lines read alike: `on` and `off` are truth values,
`2_000_000`, `1e6` and `010` are decimal numbers, `null` is nothing, and names are kept as they are
typed. A name that occurs twice in a file is refused; of two overrides for one name the last counts.

When an algorithm is trained, `lr` and `learning_rate` stand for the learning rate in the
algorithm's own section (`ppo.learning_rate`, `dqn.learning_rate` or `pqn.learning_rate`): in the
YAML file, as an override and in `--sweep`. A configuration that names another `algorithm`, or sets
what this one does not read, is refused.
"""

OBSERVATION = """## The observation

The table is for two players, with the posterior's optional fields last. The observation of a single
player has no `other_*` fields, and that of more players has more of them. A value in the vector is
the natural one times the scale.

If the event is hidden (`env.event_info`), `last_cards` (13 columns, the last round's cards of each
rank) and `last_sum` (its S, scale 0.1) stand after `time`, and the columns of the event hold the
probabilities of the belief (`belief`) or zeros (`hidden`).

If units are carried (`env.inventory`), `inventory` (own units held, as a share of
`env.inventory_limit`) stands before the others' fields, and each other player has a third one,
`other_1_inventory` and so on.

"""


MAKER_OBSERVATION = """## The maker's observation

Where the maker is a player (`env.maker: agent`), this is what it sees before it quotes.

"""

METRIC_PAGE = """## Metrics

Metrics are functions of means over games of what a game came to for a player. Their intervals are
all made alike (by the delta method over games, by Student's t over training seeds), except those of
percentiles over games, which are order statistics.

"""


def main() -> None:
    Path(__file__).with_name("reference.md").write_text(reference())


def reference() -> str:
    """The page."""
    sections = [
        INTRODUCTION,
        "## The run\n\n" + parameter_table(RunConfig, ""),
        "## `env.*`: which game\n\n" + parameter_table(GameConfig, "env."),
        f"Presets: {', '.join(f'`{name}`' for name in presets_by_name())}.\n",
        "## `env.*`: the market\n\n" + parameter_table(EnvParams, "env."),
        "## `train.*`\n\n" + parameter_table(TrainConfig, "train."),
        "## `ppo.*`\n\n" + parameter_table(PPOConfig, "ppo."),
        "## `dqn.*`\n\n" + parameter_table(DQNConfig, "dqn."),
        "## `pqn.*`\n\n" + parameter_table(PQNConfig, "pqn."),
        "## `eval.*`: the evaluation protocol (configs/eval.yaml)\n\n"
        + parameter_table(EvalConfig, "eval."),
        METRIC_PAGE + metric_table(),
        OBSERVATION
        + field_table(cardjax.make("two", observe_posterior=True)[0].observation_fields),
        MAKER_OBSERVATION + field_table(cardjax.make("two", "maker")[0].maker_observation_fields),
    ]
    return "\n".join(sections)


def parameter_table(cls: type, prefix: str) -> str:
    """A row per parameter that `cls` declares, itself or in its groups; RunConfig's groups have
    tables of their own.
    """
    own = {field.name for field in dataclasses.fields(cls) if "declared" in field.metadata}
    rows = ["| name | default | allowed | unit | meaning |", "|---|---|---|---|---|"]
    for name, declaration, default in declared(cls):
        if cls is not RunConfig or name in own:
            cells = (
                f"`{prefix}{name}`",
                shown(declaration, default),
                declaration.allowed,
                declaration.unit,
                declaration.doc,
            )
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def metric_table() -> str:
    """A row per metric."""
    rows = ["| metric | unit | what it is |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {unit} | {FORMULAS[name].replace('|', '∣')} |"
        for name, unit in UNITS.items()
    ]
    return "\n".join(rows) + "\n"


def field_table(fields: dict[str, Field]) -> str:
    """A row per field of an observation."""
    rows = ["| field | columns | scale | meaning |", "|---|---|---:|---|"]
    for name, field in fields.items():
        first, last = field.slice.start, field.slice.stop - 1
        columns = str(first) if first == last else f"{first}–{last}"
        rows.append(f"| `{name}` | {columns} | {field.scale:g} | {field.doc} |")
    return "\n".join(rows) + "\n"


def shown(declaration: Declared, default: object) -> str:
    """A default as one would write it in YAML."""
    value = declaration.write(default)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
