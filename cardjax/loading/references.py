"""The reference policies that come with cardjax, each trained by a shipped configuration.

They are exported policies (docs/export.md) in this folder's `references`, known by the name of
their algorithm. A run folder or file of that name goes first.
"""

from pathlib import Path

FOLDER = Path(__file__).with_name("references")


def names() -> tuple[str, ...]:
    """What there is, such as ippo."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.npz")))


def is_reference(path: Path) -> bool:
    """Whether a reference policy is meant: its bare name, where nothing else is called so."""
    return path.name == str(path) and path.name in names() and not path.exists()


def file_of(path: Path) -> Path:
    """The file of a reference policy, or else the path itself."""
    return FOLDER / f"{path.name}.npz" if is_reference(path) else path
