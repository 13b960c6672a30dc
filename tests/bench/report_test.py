#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks' report makes of samples. Pure: measures nothing."""
import sys
import unittest
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True

from report import plot, summary, table, targets  # noqa: E402


def sample(name, value, bench="program", unit="ns"):
    return {"kind": "sample", "bench": bench, "name": name, "unit": unit, "value": value}


class Summary(unittest.TestCase):
    def test_median_and_quartiles_ignore_an_outlier(self):
        figures = summary.summarise([sample("a", value) for value in (5, 1, 2, 3, 1000)])
        figure = figures["program", "a"]
        self.assertEqual((figure.median, figure.low, figure.high, figure.rounds), (3, 2, 5, 5))

    def test_one_round_is_its_own_quartiles(self):
        figure = summary.summarise([sample("a", 7)])["program", "a"]
        self.assertEqual((figure.low, figure.high), (7, 7))


class Targets(unittest.TestCase):
    def outcome(self, part, samples):
        outcomes = targets.judge_all(summary.summarise(samples))
        return next(outcome for outcome in outcomes if part in outcome.text)

    def test_limit_of_a_peer_is_taken_from_the_same_run(self):
        samples = [sample("blocked-1M/1", 50), sample("xdp-filter/1", 49)]
        outcome = self.outcome("1M blocks, 1 active", samples)
        self.assertEqual((outcome.met, outcome.value, outcome.limit), (False, 50, 49))

    def test_reaching_the_limit_exactly_meets_it(self):
        self.assertTrue(self.outcome("full pipeline, one source", [sample("pipeline/1", 60)]).met)

    def test_ratio_that_must_be_high(self):
        samples = [sample("nft/spoofed", 1000, "veth"), sample("tidegate-10k/spoofed", 300, "veth")]
        self.assertFalse(self.outcome("nft", samples).met)

    def test_flatness_compares_dearest_and_cheapest(self):
        samples = [sample("claim/1M", 100), sample("claim/100M", 90), sample("claim/all", 99)]
        self.assertAlmostEqual(self.outcome("claiming", samples).value, 100 / 90)

    def test_missing_peer_is_neither_met_nor_failed(self):
        self.assertIsNone(self.outcome("xdp-filter", [sample("blocked-1M/1", 50)]).met)


class Output(unittest.TestCase):
    def setUp(self):
        self.figures = summary.summarise([sample("floor/1", -1), sample("lru-hash/all", 640)])

    def test_plot_is_well_formed_and_names_every_case(self):
        drawn = xml.fromstring(plot.draw(self.figures))
        texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("floor/1", texts)
        self.assertIn("lru-hash/all", texts)
        for bar in drawn.iter("{http://www.w3.org/2000/svg}rect"):
            self.assertGreaterEqual(float(bar.get("width")), 0)

    def test_nothing_measured_draws_nothing(self):
        self.assertEqual(plot.draw({}), "")

    def test_skips_are_stated(self):
        skip = {"bench": "veth", "name": "nft", "why": "not installed"}
        for style in (table.plain, table.markdown):
            text = table.render(self.figures, targets.judge_all(self.figures), [skip], [], style)
            self.assertIn("Not measured: veth nft: not installed", text)

    def test_memory_of_tables_is_summed(self):
        tables = [{"name": "blocks", "entries": 5, "capacity": 10, "memory_bytes": 2_000_000},
                  {"name": "events", "capacity": 0, "memory_bytes": 500_000}]
        text = table.render(self.figures, targets.judge_all(self.figures), [], tables, table.plain)
        self.assertRegex(text, r"together +2\.5 MB")


if __name__ == "__main__":
    unittest.main()
