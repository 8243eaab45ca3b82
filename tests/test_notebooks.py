"""The notebooks run, with budgets shrunk to seconds, and what is committed of them is small, whole
and anonymous.
"""

import ast
import os
import re
import socket
from pathlib import Path

import jax
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 400_000
LARGEST_FIGURE = 60_000
SPEAKS = re.compile(r"^\s*(print\(|plt\.show\(\))", re.MULTILINE)
PLACE = re.compile(
    r"(?<![\w.])/(home|root|tmp|work|Users|usr|opt|mnt|var)/|[A-Z]:\\\\|https?://|\b\d+(\.\d+){3}\b"
)
"""An absolute path, an address of the net."""

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """All that the outputs say, figures apart."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    said = [output.text for output in outputs if output.output_type == "stream"]
    return said + [
        text
        for o in outputs
        for kind, text in o.get("data", {}).items()
        if kind.startswith("text/")
    ]


def test_they_are_numbered() -> None:
    assert [path.stem.split("_")[0] for path in NOTEBOOKS] == list("12345678")


@each
def test_what_it_imports_is_there(path: Path) -> None:
    """Notebooks run with `make test-slow` alone, and a name that has moved is found here."""
    sources = "\n".join(cell.source for cell in code_cells(read(path)))
    statements = [
        node
        for node in ast.walk(ast.parse(sources))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert any("cardjax" in ast.unparse(statement) for statement in statements)
    for statement in statements:
        exec(ast.unparse(statement), {})


@pytest.mark.slow  # half a minute and more of compilation each
@each
def test_it_runs_with_small_budgets(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path_of_modules = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    for name, value in {
        "CARDJAX_FAST": "1",
        "PYTHONPATH": path_of_modules,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
        # Little is computed here and much compiled, so the compiler is told not to optimise.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }.items():
        monkeypatch.setenv(name, value)
    notebook = read(path)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    for cell in code_cells(notebook):
        assert bool(cell.outputs) == bool(SPEAKS.search(cell.source)), cell.source


@each
def test_the_committed_one_has_every_output_and_no_error(path: Path) -> None:
    for cell in code_cells(read(path)):
        kinds = [output.output_type for output in cell.outputs]
        assert "error" not in kinds
        assert not any(output.get("name") == "stderr" for output in cell.outputs), cell.source
        assert ("stream" in kinds) == bool(re.search(r"^\s*print\(", cell.source, re.MULTILINE)), (
            cell.source
        )
        assert ("display_data" in kinds) == ("plt.show()" in cell.source), cell.source


@each
def test_the_committed_one_is_short_and_small(path: Path) -> None:
    notebook = read(path)
    assert path.stat().st_size < LARGEST
    assert len(code_cells(notebook)) <= 12
    figures = [
        o.data["image/png"]
        for c in code_cells(notebook)
        for o in c.outputs
        if "image/png" in o.get("data", {})
    ]
    assert figures
    assert max(len(figure) * 3 / 4 for figure in figures) < LARGEST_FIGURE


@each
def test_the_committed_one_says_nothing_of_where_or_when_it_ran(path: Path) -> None:
    notebook = read(path)
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    assert not [text for text in texts(notebook) if PLACE.search(text) or host.search(text)]
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    assert all(not cell.metadata for cell in notebook.cells)


@each
def test_the_small_budgets_are_one_line_near_the_top(path: Path) -> None:
    first = code_cells(read(path))[0].source
    assert first.count("CARDJAX_FAST") == 1
    assert sum(cell.source.count("CARDJAX_FAST") for cell in code_cells(read(path))) == 1
