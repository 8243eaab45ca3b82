"""Options that are gone, which runs and exported policies of before still name."""

from collections.abc import Mapping

from cardjax.config.hyperparameters import PPOConfig


def without_retired(values: Mapping[str, object]) -> dict[str, object]:
    """The values by dotted name, less those of options that are gone and that say what is done
    without them. Any other value of theirs is left, to be refused as unknown.
    """
    clip = values.get("ppo.clip", PPOConfig().clip)
    keeps_clip = values.get("ppo.clip_end", clip) == clip
    means_nothing = {
        "ppo.critic_hidden": values.get("ppo.critic_hidden") is None,
        "ppo.clip_end": keeps_clip,
        "ppo.clip_schedule": keeps_clip,
    }
    return {name: value for name, value in values.items() if not means_nothing.get(name)}
