"""Where the tests find things. The measuring data is optional: tests that use it skip with a reason without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("KEFULINT_DATA") or ROOT.parent / "shared")


@pytest.fixture(scope="session")
def measuring_data() -> Path:
    """Return the folder of the measuring data, or skip."""
    if not (DATA / "labels").is_dir():
        pytest.skip(f"no measuring data at {DATA} (set KEFULINT_DATA)")
    return DATA
