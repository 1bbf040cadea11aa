"""
The pictures of the documentation, and what each was made of.

Pixels are of the machine and figures of the moment, so that no picture can be compared to a page. `pictures.json`
therefore keeps beside each of them the page's own words (headings, labels, columns, buttons, not what stands in
tables), its style sheets, its width and its scheme; a run of the tests compares these to the page as it is now.
With SMSHUB_SCREENSHOTS=1 (`make screenshots`) the pictures are taken and the file is written instead.
"""

import difflib
import hashlib
import json
import os
from pathlib import Path

TAKEN = bool(os.environ.get("SMSHUB_SCREENSHOTS"))
PICTURES = Path(__file__).parents[1] / "docs" / "images" / "console"
RECORD = PICTURES / "pictures.json"
MENDS = "`make screenshots` takes the pictures in docs/images/ anew."

# What the page says by itself, and what in it is of the moment. A paragraph with a class or in what has been done tells
# of data; of rows that are called the same (`Note`, `Note`) there may be one or many.
OWN = (
    "nav a, h1, h2, h3, summary, caption, figcaption, legend, label, th[scope=col], dt, button, .button, .hint, "
    ".card span, p:not([class], [role=status] *, :has(button, .button))"
)
OF_THE_MOMENT = ".state, small, time"
LOOK = """([own, moment]) => {
    const words = (one) => {
        const copy = one.cloneNode(true);
        copy.querySelectorAll(moment).forEach((gone) => gone.remove());
        return copy.textContent.replace(/\\s+/g, " ").trim();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const styles = [...document.querySelectorAll("link[rel=stylesheet]")].map((one) => one.href.split("/static/")[1]);
    const said = [...document.querySelectorAll(own)].filter((one) => one.checkVisibility());
    const lines = said.map((one) => `${one.localName}: ${words(one)}`).filter((line) => !line.endsWith(": "));
    return [`${innerWidth} wide, ${scheme}`, ...styles, ...lines.filter((line, place) => line !== lines[place - 1])];
}"""

# Where an element ends, with a little room below it that is still of the page.
END = "one => Math.min(Math.ceil(one.getBoundingClientRect().bottom + scrollY) + 12, document.body.scrollHeight)"


def made_of(page):
    """Tell what a page is made of, in lines that are the same on every machine and at any time."""
    return page.evaluate(LOOK, [OWN, OF_THE_MOMENT])


def recorded():
    """Give what each picture was made of, and the digest of its file."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def differences(before, now):
    """Tell what is gone (-) and what is new (+)."""
    return [line for line in difflib.ndiff(before, now) if line.startswith(("- ", "+ "))]


def stale(page, name):
    """Tell what a picture shows otherwise than its page, a line each; nothing where it is as it should be."""
    before = recorded().get(name, {"made of": []})["made of"]
    return [f"{name}.png: {line}" for line in differences(before, made_of(page))]


def take(page, name, until="body"):
    """Take the picture of a page down to the end of the element `until`, and write down what it is made of."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    end = page.locator(until).first.evaluate(END)
    width = page.viewport_size["width"]
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": end})
    record = {**recorded(), name: {"made of": made_of(page), "sha256": digest(path)}}
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def digest(path):
    """Give the digest of a picture's file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
