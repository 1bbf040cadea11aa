"""Scripts: the one that `smshub connector new --kind script` writes."""

import atexit
import dataclasses
import shutil
import tempfile
from pathlib import Path

from smshub.conformance import PAYLOADS, file_case
from smshub.conformance.files import new_files

FOLDER = Path(tempfile.mkdtemp(prefix="smshub-script-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
for name, (text, is_program) in new_files("sending", "script").items():
    (FOLDER / name).write_text(text, encoding="utf-8")
    (FOLDER / name).chmod(0o755 if is_program else 0o644)

# Each text is a new process here; a test of the connector's own puts every payload to a smaller one.
CASES = [dataclasses.replace(file_case(FOLDER / "sending", kind="script"), name="script", payloads=PAYLOADS[:9])]
