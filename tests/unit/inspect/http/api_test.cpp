// SPDX-License-Identifier: Apache-2.0
// Requests are held against the description of their service, in whatever order their fields come.
#include <gtest/gtest.h>

#include "tests/unit/inspect/http/http2_talk.hpp"

namespace tidegate::inspect::test {
namespace {

// GET /items?n=INTEGER
Scene described() {
  auto api = std::make_shared<ApiDescription>();
  ApiSchema integer;
  integer.types = kApiInteger;
  api->schemas = {integer};
  api->parameters = {{.name = "n", .schema = 1}};
  api->operations = {{.method = "GET", .path = {}, .query = {1}}};
  api->paths = {{.segments = {{ApiPiece{"items", 0}}}, .operations = {1}}};
  Scene scene;
  scene.settings.apis = {api};
  scene.settings.services = {{.name = "all", .ports = {}, .api = 1}};
  return scene;
}

using Facts = std::vector<std::pair<unsigned, unsigned>>;  // operation and facts of each request

Facts facts_of(const Script& script, const Scene& scene) {
  Facts facts;
  for (const Summary& summary : run_in_pieces(script, std::string::npos, Order::kAsItIs, scene).summaries)
    facts.emplace_back(summary.api_operation, summary.api_facts);
  return facts;
}

Script http1(const std::string& line) {
  return {says(kClient, line + " HTTP/1.1\r\nHost: h\r\n\r\n"), says(kServer, "HTTP/1.1 204 No\r\n\r\n")};
}

TEST(ApiFacts, OfHttp1) {
  EXPECT_EQ(facts_of(http1("GET /items?n=5"), described()), (Facts{{1, 0}}));
  EXPECT_EQ(facts_of(http1("GET http://h/items?n=x&m=1"), described()),
            (Facts{{1, kApiInvalidQuery | kApiUndeclaredQuery}}));
  EXPECT_EQ(facts_of(http1("PUT /items"), described()), (Facts{{0, kApiWrongMethod}}));
  EXPECT_EQ(facts_of(http1("GET /other"), described()), (Facts{{0, kApiUnknownPath}}));
  EXPECT_EQ(facts_of(http1("GET /other"), Scene()), (Facts{{0, 0}})) << "no description";
}

TEST(ApiFacts, OfHttp2WhereTheMethodMayComeAfterThePath) {
  for (const bool method_first : {true, false}) {
    Talk talk;
    std::vector<std::pair<std::string, std::string>> fields{{":method", "GET"}, {":path", "/items?n=x"}};
    if (!method_first) std::swap(fields[0], fields[1]);
    fields.insert(fields.end(), {{":scheme", "https"}, {":authority", "h"}});
    talk.say(kClient, talk.client.headers(1, {fields.begin(), fields.end()}, kHeadEnd | kFin));
    talk.answer(1, 204);
    EXPECT_EQ(facts_of(talk.script, described()), (Facts{{1, kApiInvalidQuery}})) << method_first;
  }
}

}  // namespace
}  // namespace tidegate::inspect::test
