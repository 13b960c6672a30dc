# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks and makes sense of their samples; started by scripts/bench."""
