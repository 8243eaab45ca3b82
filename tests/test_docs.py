"""The docs say what the code says."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def test_the_reference_page_is_what_the_declarations_say():
    made = runpy.run_path(str(DOCS / "make_reference.py"))["reference"]()
    assert (DOCS / "reference.md").read_text() == made, "run `python docs/make_reference.py`"


def slug(heading):
    """The anchor that a heading of a page gets: "A round in numbers" → a-round-in-numbers."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def test_the_sections_that_the_code_cites_exist():
    cited = set()
    for folder in ("cardjax", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            cited |= set(re.findall(r"docs/(\w+\.md)#([\w-]+)", path.read_text()))
    assert ("rules.md", "orders") in cited
    for page, anchor in sorted(cited):
        headings = re.findall(r"^#+ (.+)$", (DOCS / page).read_text(), re.MULTILINE)
        assert anchor in map(slug, headings), f"docs/{page}#{anchor}"
