"""Benchmarks: each is one command, which measures Headwater and the other ways in one run."""
