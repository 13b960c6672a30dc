# SPDX-License-Identifier: Apache-2.0
"""What is to be reached, each as a comparison of figures of the same run."""
import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Target:
    text: str
    unit: str
    value: typing.Callable  # of median(bench, name); KeyError when something was not measured
    at_most: typing.Optional[typing.Callable] = None
    at_least: typing.Optional[typing.Callable] = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    text: str
    unit: str
    value: typing.Optional[float]
    limit: typing.Optional[float]
    relation: str  # "≤" or "≥"
    met: typing.Optional[bool]  # None: not measured


def constant(number):
    return lambda median: number


def net(name):
    return lambda median: median("program", name)


def ratio(bench, name, base):
    return lambda median: median(bench, name) / median(bench, base)


def spread(*names):
    """Dearest by cheapest."""
    def value(median):
        values = [median("program", name) for name in names]
        return max(values) / min(values)
    return value


def figure(bench, name):
    return lambda median: median(bench, name)


def highest(bench, *names):
    return lambda median: max(median(bench, name) for name in names)


TARGETS = [
    Target("blocked source, 1M blocks, 1 active: no dearer than xdp-filter with 10k", "ns",
           net("blocked-1M/1"), at_most=net("xdp-filter/1")),
    Target("blocked source, 1M blocks, 10k active: no dearer than xdp-filter with 10k", "ns",
           net("blocked-1M/10k"), at_most=net("xdp-filter/10k")),
    Target("full pipeline, one source", "ns", net("pipeline/1"), at_most=constant(60)),
    Target("full pipeline, 10k sources", "ns", net("pipeline/10k"), at_most=constant(120)),
    Target("random sources, new_sources on", "ns", net("budget/all"), at_most=constant(100)),
    Target("every packet claims a way", "ns", net("claim/all"), at_most=constant(170)),
    Target("flat from 1M to 2^32 sources, new_sources on", "×",
           spread("budget/1M", "budget/100M", "budget/all"), at_most=constant(1.25)),
    Target("flat from 1M to 2^32 sources, claiming", "×",
           spread("claim/1M", "claim/100M", "claim/all"), at_most=constant(1.25)),
    Target("cheaper than LRU_HASH, random sources", "×",
           ratio("program", "lru-hash/all", "budget/all"), at_least=constant(6)),
    Target("veth, spoofed flood, 10k blocks, by a bare XDP drop", "×",
           ratio("veth", "tidegate-10k/spoofed", "drop/spoofed"), at_most=constant(1.7)),
    Target("veth, spoofed flood, 1M blocks, by a bare XDP drop", "×",
           ratio("veth", "tidegate-1M/spoofed", "drop/spoofed"), at_most=constant(2.1)),
    Target("veth, spoofed flood: faster than nft's dynamic set", "×",
           ratio("veth", "nft/spoofed", "tidegate-10k/spoofed"), at_least=constant(4)),
    Target("block visible to packets after the command returned", "ms",
           figure("agent", "block-visible"), at_most=constant(5)),
    Target("decisions into the datapath, loader alone", "1/s", figure("tables", "put"), at_least=constant(300_000)),
    Target("decisions imported by the whole command, durably", "1/s",
           figure("agent", "import"), at_least=constant(300_000)),
    Target("policy apply, 100 services (the whole command)", "ms",
           figure("agent", "apply-100-services"), at_most=constant(50)),
    Target("agent resident with 1M decisions, at the peak of import or restart, without tables", "MB",
           highest("agent", "resident", "peak-of-import", "peak-of-restart"), at_most=constant(60)),
    Target("inspect, HTTP/1 keep-alive: requests per CPU second by tshark's", "×",
           ratio("inspect", "tidegate/http1", "tshark/http1"), at_least=constant(20)),
    Target("inspect, HTTP/2: requests per CPU second by tshark's", "×",
           ratio("inspect", "tidegate/http2", "tshark/http2"), at_least=constant(20)),
    Target("inspect, small HTTP/1 requests per CPU second", "1/s",
           figure("inspect", "tidegate/http1"), at_least=constant(250_000)),
    Target("inspect, small HTTP/2 requests per CPU second", "1/s",
           figure("inspect", "tidegate/http2"), at_least=constant(250_000)),
    Target("inspect, bulk responses per CPU second", "Gbit/s", figure("inspect", "bulk"), at_least=constant(5)),
    Target("nginx at its maximum, new connections: share of its requests/s with the keylog library", "×",
           ratio("live", "new-maximum/library", "new-maximum/bare"), at_least=constant(0.97)),
    Target("nginx at its maximum, keep-alive: share of its requests/s with the keylog library", "×",
           ratio("live", "keep-alive-maximum/library", "keep-alive-maximum/bare"), at_least=constant(0.97)),
    Target("last byte of a response to summary, 99th percentile", "ms",
           figure("live", "delay-p99"), at_most=constant(10)),
    Target("summaries through 50 rules, per second of CPU time", "1/s", figure("behavior", "rules-50"),
           at_least=constant(1_000_000)),
    Target("1,000 rules: cost of a summary by that with 50", "×",
           ratio("behavior", "rules-50", "rules-1000"), at_most=constant(2)),
    Target("memory of a tracked key and rule, median", "B", figure("behavior", "key-any-median"), at_most=constant(256)),
    Target("memory of a set of different values, at most", "B", figure("behavior", "distinct-set-most"),
           at_most=constant(1000)),
    Target("response that crosses a threshold to the first packet dropped, 99th percentile", "ms",
           figure("rules", "to-drop-p99"), at_most=constant(20)),
    Target("the same beside 1,000 requests a second", "ms", figure("rules", "to-drop-busy-p99"), at_most=constant(20)),
]


def judge(target, median):
    limit = target.at_most or target.at_least
    relation = "≤" if target.at_most else "≥"
    try:
        value, bound = target.value(median), limit(median)
    except KeyError:
        return Outcome(target.text, target.unit, None, None, relation, None)
    met = value <= bound if target.at_most else value >= bound
    return Outcome(target.text, target.unit, value, bound, relation, met)


def judge_all(figures):
    def median(bench, name):
        return figures[bench, name].median
    return [judge(target, median) for target in TARGETS]
