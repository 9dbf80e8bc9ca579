"""Samples that `init` and `demo` can load: one package each."""
