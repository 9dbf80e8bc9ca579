"""Measures: `python -m bench.NAME [--json]`; each runs a yardstick beside what it measures."""
