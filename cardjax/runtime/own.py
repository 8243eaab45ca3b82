"""Objects of the user's own, named on a command line as FILE.py:NAME."""

import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from cardjax.env.declaration import ParameterError

_FORM = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


def is_own(text: str) -> bool:
    """Whether `text` has the form FILE.py:NAME."""
    return _FORM.fullmatch(text) is not None


def short_name(text: str) -> str:
    """NAME of FILE.py:NAME; any other text as it is."""
    form = _FORM.fullmatch(text)
    return text if form is None else form["name"]


def load_own(option: str, text: str) -> object:
    """What NAME is after FILE.py has been run; a file is run once in a process.

    The file's folder is searched for what it imports, as if Python had been started with it.

    Args:
        option: what an error calls the argument.
        text: FILE.py:NAME.

    Raises:
        ParameterError: the file cannot be read or fails, or nothing in it goes by that name.
    """
    form = _FORM.fullmatch(text)
    assert form is not None
    path = Path(form["file"]).resolve()
    if not path.is_file():
        raise ParameterError(option, text, f"{form['file']} is not a file")
    module = sys.modules.get(_module_name(path)) or _run(option, text, path)
    if not hasattr(module, form["name"]):
        raise ParameterError(option, text, f"{form['file']} has no {form['name']}")
    return getattr(module, form["name"])


def _run(option: str, text: str, path: Path) -> ModuleType:
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        line = f", line {lines[-1]}" if lines else ""
        said = f"{path.name} fails{line}: {type(error).__name__}: {' '.join(str(error).split())}"
        raise ParameterError(option, text, said) from None
    finally:
        sys.path.remove(str(path.parent))
    return module


def _module_name(path: Path) -> str:
    return f"cardjax_own:{path}"
