"""An invented university of any size, shaped as SIU Guaraní 3, for trying things out and for tests."""

from __future__ import annotations

from padm_ibis.config import SAMPLE_AS_OF
from padm_ibis.sample.campus import LAST_YEAR
from padm_ibis.sample.write import SampleReport, SampleSource, write_sample

__all__ = ["LAST_YEAR", "SAMPLE_AS_OF", "SampleReport", "SampleSource", "write_sample"]
