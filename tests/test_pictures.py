"""The pictures of the documentation: each is taken by a story, shown, and made of what the console is made of today."""

import re
from pathlib import Path

import pytest

from fixtures_browser import run_chromium
from fixtures_pictures import MENDS, PICTURES, differences, digest, made_of, recorded

ROOT = Path(__file__).parent.parent
STORIES = sorted(ROOT.glob("tests/stories/test_console*.py"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LYING = {path.stem: digest(path) for path in PICTURES.glob("*.png")}
PAGE = """
<nav><a href="/">Overview</a></nav>
<h1>Overview</h1>
<h2>What became of it: <span class="state">DELIVERED</span></h2>
<label>To</label><input value="+491701234567"><p class="hint">A number.</p>
<table><tr><th scope="col">Accepted</th></tr><tr><td><time>2026-01-01 12:00</time></td></tr></table>
<dl><dt>Note</dt><dd>one</dd><dt>Note</dt><dd>another</dd></dl>
<div role="status"><p>Erased: 2 messages.</p></div><p class="muted">Up for 53.7 s</p><p><button>Send</button></p>
<details><summary>More</summary><label>Folded</label></details>
"""
MADE_OF = [
    "1280 wide, light", "a: Overview", "h1: Overview", "h2: What became of it:", "label: To", "p: A number.",
    "th: Accepted", "dt: Note", "button: Send", "summary: More",
]  # fmt: skip


def named(pattern, paths):
    """Find all that a pattern names in files, sorted."""
    return sorted(name for path in paths for name in re.findall(pattern, path.read_text(encoding="utf-8")))


def test_every_picture_is_taken_by_a_story_and_shown_in_the_documentation():
    """A page shows none that no story takes, nor lies one there; each is taken once."""
    taken = named(r'\.picture\(\s*page, "([\w-]+)"', STORIES)
    shown = named(r"images/console/([\w-]+)\.png", PAGES)

    assert taken == sorted(LYING), MENDS
    assert taken == sorted(set(shown))


def test_no_picture_was_put_there_without_what_it_is_made_of():
    """What is written down of each is of this very file."""
    assert {name: one["sha256"] for name, one in recorded().items()} == LYING, MENDS


def test_a_changed_heading_is_told_by_what_is_gone_and_what_is_new():
    """The words of before and of now stand beside each other; where nothing is changed, nothing is told."""
    now = ["h1: Overview of all" if line == "h1: Overview" else line for line in MADE_OF]

    assert ["- h1: Overview", "+ h1: Overview of all"] == differences(MADE_OF, now)
    assert [] == differences(MADE_OF, list(MADE_OF))


@pytest.mark.needs("chromium")
def test_a_page_is_made_of_its_own_words_and_not_of_its_data():
    """Headings, columns, labels, buttons and hints are; states, times, figures and what is folded away are not."""
    with run_chromium() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.set_content(PAGE)
        before = made_of(page)
        page.evaluate("document.querySelector('.state').textContent = 'SENT'")
        page.evaluate("document.querySelector('h1').textContent = 'Outlook'")

        assert MADE_OF == before
        assert ["- h1: Overview", "+ h1: Outlook"] == differences(before, made_of(page))
