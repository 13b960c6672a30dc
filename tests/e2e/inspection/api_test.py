#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service with an API description on a live edge: real requests to a real nginx behind TLS become facts, a report and a
decision; no query value is seen anywhere."""
import json
import sys
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent, curl  # noqa: E402

DESCRIPTION = """openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: https://shop.example/v1}]
paths:
  /items:
    get:
      operationId: listItems
      parameters: [{name: limit, in: query, schema: {type: integer, maximum: 100}}]
  /items/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {operationId: getItem}
    delete: {deprecated: true}
  /never: {get: {operationId: neverCalled}}
"""
RULES = """\
rules:
  - name: shadow-walk
    service: web
    match: {{api: unknown_path}}
    when: {{distinct: path, over: 5, within: 1m}}
    then: {{action: block, for: 10m}}
  - name: zombie
    service: web
    match: {{api: deprecated, operation: "DELETE /items/{{id}}"}}
    when: {{count: 1, within: 1m}}
    then: {{action: block, for: 10m, mode: shadow}}
"""
POLICY = edge_host.POLICY.replace("    session:", "    openapi: shop.yaml\n    session:")
ATTACKER, VISITOR = "198.51.100.7", "192.0.2.2"
PLANTED = "planted4711"


def ask(source, path, *more):
    return curl(path, "--interface", source, "--max-time", "2", *more, check=False)


class Api(unittest.TestCase):
    def setUp(self):
        world.need("nginx", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.file = self.here.write("shop.yaml", DESCRIPTION)
        self.agent = Agent(self.here, policy=POLICY + RULES)
        self.agent.running()
        servers.Nginx(self.here, self.here.path("keys.sock"), listen="http2")

    def report(self):
        return {(row["method"], row["path"]): row for row in self.agent.json("api", "report", "web")["endpoints"]}

    def until_called(self, key, calls):
        world.until(lambda: self.report().get(key, {}).get("calls") == calls, 10, f"{key} called {calls} times: {self.report()}")
        return self.report()

    def test_requests_are_held_against_the_description(self):
        for path in ("/v1/items", "/v1/items?limit=5", f"/v1/items?limit={PLANTED}", f"/v1/items?extra={PLANTED}",
                     "/v1/items/7", "/v1/items/seven"):
            ask(VISITOR, path)
        ask(VISITOR, "/v1/items/7", "-X", "DELETE")
        ask(VISITOR, "/v1/items/7", "-X", "PUT", "--http1.1")
        ask(VISITOR, f"/v1/hidden?x={PLANTED}")
        report = self.until_called(("GET", "/v1/hidden"), 1)
        items = report["GET", "/items"]
        self.assertEqual((items["operation"], items["calls"], items["callers"]), ("listItems", 4, 1))
        self.assertEqual((items["invalid_query"], items["undeclared_query"], items["classes"]["4xx"]), (1, 1, 4))
        self.assertEqual(report["GET", "/items/{id}"]["invalid_path"], 1)
        self.assertEqual((report["DELETE", "/items/{id}"]["calls"], report["DELETE", "/items/{id}"]["deprecated"]), (1, True))
        self.assertTrue(report["PUT", "/v1/items/{}"]["wrong_method"])
        self.assertTrue(report["GET", "/v1/hidden"]["undocumented"])
        self.assertEqual((report["GET", "/never"]["calls"], report["GET", "/never"]["last_seen"]), (0, None))
        table = self.agent.tidegate("-o", "table", "api", "report", "web").stdout
        self.assertIn("deprecated, still called", table)
        self.assertIn("never called", table)
        world.until(lambda: "rule:zombie would block" in self.agent.tidegate("events", "--since", "5m").stdout, 5, "an event")
        said = table + json.dumps(list(report.values())) + self.agent.tidegate("events", "--since", "5m").stdout
        said += self.here.path("agent.log").read_text() + self.agent.tidegate("status").stdout
        self.assertNotIn(PLANTED, said)
        refused = self.agent.tidegate("api", "report", "everything-else", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("give it `openapi: FILE`", refused.stderr)

    def test_who_walks_undocumented_paths_is_dropped(self):
        for i in range(6):
            ask(ATTACKER, f"/v1/secret-{i}")
        [decision] = world.until(lambda: self.agent.json("decisions", "list"), 5, "the decision")
        self.assertEqual((decision["target"], decision["origin"]), (ATTACKER, "rule:shadow-walk"))
        self.assertNotEqual(ask(ATTACKER, "/v1/items"), "404")
        self.assertEqual(ask(VISITOR, "/v1/items"), "404", "the visitor is answered")

    def test_a_description_that_changes_or_breaks(self):
        policy = self.here.path("policy.yaml")
        self.file.write_text(DESCRIPTION + "  /more: {get: {operationId: more}}\n")
        world.until(lambda: any("differs from the description" in w for w in self.agent.json("status")["warnings"]), 30, "a warning")
        self.agent.tidegate("policy", "apply", policy)
        self.assertIn(("GET", "/more"), self.report())
        self.file.write_text(DESCRIPTION.replace("maximum: 100", "maximum: many"))
        refused = self.agent.tidegate("policy", "apply", policy, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"{self.file}:8:", refused.stderr)
        self.assertIn("maximum has to be a number", refused.stderr)
        self.assertIn(("GET", "/more"), self.report(), "what was in force is")
        world.end(self.agent.process)
        self.agent.start()
        warnings = self.agent.json("status")["warnings"]
        self.assertTrue([w for w in warnings if "not held against their API description" in w], warnings)


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
