from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def benchmarks():
    return BENCHMARKS


@pytest.fixture(autouse=True)
def their_imports(monkeypatch):
    """The scripts import each other as they do when one is run: from their own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
