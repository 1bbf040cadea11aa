"""Custom callables: the one that `smshub connector new --kind custom` writes."""

import atexit
import dataclasses
import shutil
import tempfile
from pathlib import Path

from smshub.conformance import PAYLOADS, file_case
from smshub.conformance.files import new_files

FOLDER = Path(tempfile.mkdtemp(prefix="smshub-custom-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
for name, (text, _) in new_files("calling", "custom").items():
    (FOLDER / name).write_text(text, encoding="utf-8")

CASES = [dataclasses.replace(file_case(FOLDER / "calling.py", kind="custom"), name="custom", payloads=PAYLOADS)]
