# SPDX-License-Identifier: Apache-2.0
"""From samples to medians and quartiles."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """What was measured under one name: the median of the rounds and how far they lie apart."""

    bench: str
    name: str
    unit: str
    median: float
    low: float   # first quartile
    high: float  # third quartile
    rounds: int
    what: str = ""  # what happened to the packets, as the counters say


def figure(bench, name, samples):
    values = sorted(sample["value"] for sample in samples)
    if len(values) > 1:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    else:
        low = high = values[0]
    return Figure(bench, name, samples[0]["unit"], statistics.median(values), low, high, len(values),
                  samples[-1].get("what", ""))


def summarise(samples):
    """{(bench, name): Figure}, in the order in which the names came up."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample["bench"], sample["name"]), []).append(sample)
    return {key: figure(*key, group) for key, group in groups.items()}
