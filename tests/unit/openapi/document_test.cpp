// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/openapi/support.hpp"

namespace tidegate::openapi {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string issues(const std::string& text) { return issues_of(read_document(text)); }

std::string with_paths(const std::string& paths) { return "openapi: 3.1.0\npaths:\n" + paths; }

TEST(Document, JsonIsReadAsWell) {
  Described op(R"({"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/a\/b":{"get":{"operationId":"op",
    "parameters":[{"name":"n","in":"query","schema":{"type":"string","enum":["x","5"]}}]}}}})");
  EXPECT_EQ(op.get("/a/b?n=5"), "op");
  EXPECT_EQ(op.get("/a/b?n=6"), "op: invalid_query");
}

TEST(Document, WhatIsNoDescriptionIsRefused) {
  EXPECT_EQ(issues(""), "1:1: this is no OpenAPI document: it is no map\n");
  EXPECT_THAT(issues("a: 1\n"), HasSubstr("this is no OpenAPI document"));
  EXPECT_THAT(issues("swagger: '2.0'\npaths: {}\n"), HasSubstr("Swagger 2.0; convert it"));
  EXPECT_THAT(issues("openapi: 4.0.0\npaths: {}\n"), HasSubstr("1:10: version '4.0.0' of OpenAPI is not known here"));
  EXPECT_THAT(issues("openapi: 3.0.0\npaths: {}\n"), HasSubstr("the description has no operation"));
  EXPECT_THAT(issues("openapi: [\n"), HasSubstr("not YAML"));
}

TEST(Document, ErrorsSayWhere) {
  EXPECT_EQ(issues(with_paths("  users: {get: {}}\n  /ok: {get: {}}\n")).substr(0, 27), "3:3: path 'users' has to be");
  EXPECT_THAT(issues(with_paths("  /{a: {get: {}}\n  /ok: {get: {}}\n")), HasSubstr("path '/{a' has to"));
  EXPECT_THAT(issues(with_parameter("{type: integer, minimum: low}")), HasSubstr("7:74: minimum has to be a number"));
  EXPECT_THAT(issues(with_parameter("{type: string, maxLength: -1}")), HasSubstr("maxLength has to be a whole number"));
  EXPECT_THAT(issues(with_parameter("{enum: x}")), HasSubstr("enum has to be a list"));
  EXPECT_THAT(issues(with_paths("  /a: {get: {parameters: [{in: query}]}}\n")),
              HasSubstr("needs a `name` and an `in`"));
  EXPECT_THAT(issues(with_paths("  /a: {get: {parameters: {}}}\n")), HasSubstr("parameters has to be a list"));
}

TEST(Document, ReferencesAreFollowedWithinTheFileOnly) {
  const std::string components = "components: {parameters: {a/b: {name: p, in: query, schema: {type: integer}}}}\n";
  Described op(with_paths("  /x: {get: {operationId: op, parameters: [{$ref: '#/components/parameters/a~1b'}]}}\n") +
               components);
  EXPECT_EQ(op.get("/x?p=1"), "op");
  EXPECT_EQ(op.get("/x?p=x"), "op: invalid_query");
  for (const char* remote : {"other.yaml#/x", "https://example.net/x.json", "file:///etc/passwd", "../x.yaml"}) {
    EXPECT_THAT(issues(with_parameter("{$ref: '" + std::string(remote) + "'}")), HasSubstr("leads out of this file"));
  }
  EXPECT_THAT(issues(with_parameter("{$ref: '#/components/schemas/none'}")), HasSubstr("leads to nothing"));
  EXPECT_THAT(issues(with_parameter("{$ref: '#anchor'}")), HasSubstr("names an anchor"));
}

TEST(Document, ReferencesInACircleEnd) {
  EXPECT_THAT(issues(with_paths("  /x: {get: {parameters: [{$ref: '#/components/parameters/a'}]}}\n") +
                     "components: {parameters: {a: {$ref: '#/components/parameters/b'}, b: {$ref: "
                     "'#/components/parameters/a'}}}\n"),
              HasSubstr("in a circle"));
  Described op(with_parameter("{$ref: '#/components/schemas/a'}") +
               "components: {schemas: {a: {anyOf: [{$ref: '#/components/schemas/a'}, {type: integer}]}}}\n");
  EXPECT_THAT(issues_of(op.reading), HasSubstr("a schema that refers to itself"));
  EXPECT_EQ(op.get("/x?p=x"), "op") << "what is not judged is not held against anybody";
}

TEST(Document, KeywordsBesideAReferenceCountIn31Only) {
  const std::string schema = "{$ref: '#/components/schemas/number', minimum: 5}";
  const std::string components = "components: {schemas: {number: {type: integer}}}\n";
  EXPECT_EQ(Described(with_parameter(schema, "", "3.1.0") + components).get("/x?p=4"), "op: invalid_query");
  EXPECT_EQ(Described(with_parameter(schema, "", "3.0.3") + components).get("/x?p=4"), "op");
}

TEST(Document, ServersSayWhatIsBeforeThePath) {
  const std::string rest = "paths: {/x: {get: {operationId: op}}, /: {get: {operationId: root}}}\n";
  Described two("openapi: 3.0.0\nservers: [{url: 'https://a.example/v1/'}, {url: /v2}]\n" + rest);
  EXPECT_EQ(two.get("/v1/x"), "op");
  EXPECT_EQ(two.get("/v2/x"), "op");
  EXPECT_EQ(two.get("/x"), "-: unknown_path");
  EXPECT_EQ(two.get("/v1/"), "root");
  EXPECT_EQ(two.get("/v1"), "root");
  Described listed(
      "openapi: 3.0.0\nservers: [{url: 'https://{host}/{stage}', variables: {host: {default: h}, stage: "
      "{enum: [test, live], default: live}}}]\n" +
      rest);
  EXPECT_EQ(listed.get("/test/x"), "op");
  EXPECT_EQ(listed.get("/other/x"), "-: unknown_path");
  Described open("openapi: 3.0.0\nservers: [{url: 'https://h/{tenant}', variables: {tenant: {default: t}}}]\n" + rest);
  EXPECT_EQ(open.get("/whoever/x"), "op");
  Described none("openapi: 3.0.0\n" + rest);
  EXPECT_EQ(none.get("/x"), "op");
  Described own(
      "openapi: 3.0.0\nservers: [{url: /v1}]\npaths: {/x: {servers: [{url: /v9}], get: {operationId: op}}}\n");
  EXPECT_EQ(own.get("/v9/x"), "op");
  EXPECT_EQ(own.get("/v1/x"), "-: unknown_path");
}

TEST(Document, WhatIsNotJudgedIsSaid) {
  const std::string said = issues(with_parameter("{type: string, format: email, pattern: '(?=x)', if: {}}"));
  EXPECT_THAT(said, HasSubstr("warning: not judged: format 'email'"));
  EXPECT_THAT(said, HasSubstr("warning: not judged: pattern '(?=x)', which RE2 cannot do"));
  EXPECT_THAT(said, HasSubstr("warning: not judged: if"));
  EXPECT_THAT(issues(with_parameter("{}")), HasSubstr("may be a list or a map, or one value"));
  EXPECT_THAT(issues(with_paths("  /{id}: {get: {}}\n")), HasSubstr("a path parameter that is not described"));
  EXPECT_THAT(issues(with_parameter("{type: integer, description: d, default: 5, example: 6, x-a: b}")), IsEmpty());
  EXPECT_THAT(issues(with_parameter("{type: number, format: double}")), IsEmpty());
}

TEST(Document, BodiesHeadersAndCookiesAreLeftAlone) {
  Described op(
      with_paths("  /x:\n    post:\n      operationId: op\n      parameters:\n"
                 "        - {name: h, in: header, required: true, schema: {type: integer}}\n"
                 "        - {name: c, in: cookie, required: true, schema: {type: integer}}\n"
                 "      requestBody: {content: {application/json: {schema: {$ref: 'https://example.net/remote'}}}}\n"
                 "      responses: {200: {description: ok}}\n"));
  EXPECT_THAT(issues_of(op.reading), IsEmpty());
  EXPECT_EQ(op.judge("POST", "/x"), "op");
}

TEST(Document, AnOperationsParametersStandBeforeItsPaths) {
  Described op(
      with_paths("  /x:\n    parameters: [{name: p, in: query, schema: {type: integer}}]\n"
                 "    get: {operationId: a, parameters: [{name: p, in: query, schema: {type: boolean}}]}\n"
                 "    put: {operationId: b}\n"));
  EXPECT_EQ(op.get("/x?p=true"), "a");
  EXPECT_EQ(op.judge("PUT", "/x?p=true"), "b: invalid_query");
}

TEST(Document, BoundsHold) {
  EXPECT_THAT(issues(std::string(kMostText + 1, ' ')), HasSubstr("larger than 8388608 bytes; leave out examples"));
  EXPECT_THAT(issues("openapi: 3.0.0\nx: " + std::string(kMostDepth + 1, '[')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(issues("a: &a [x]\nb: *a\n"), HasSubstr("anchors (&name) are not supported"));
  EXPECT_THAT(issues(with_paths("  ? /" + std::string(1100, 'x') + "\n  : {get: {}}\n")), HasSubstr("1024 bytes"));
  std::string keys;
  for (int i = 0; i < 200; ++i) keys += "{name: k" + std::to_string(i) + ", in: query, schema: {type: integer}},";
  Described many(with_paths("  /x: {get: {operationId: op, parameters: [" + keys + "]}}\n"));
  EXPECT_THAT(issues_of(many.reading), HasSubstr("beyond the first 128"));
  EXPECT_EQ(many.get("/x?unheard=1"), "op");
}

TEST(Document, TheSameTextHasTheSameDigestAndAnotherHasAnother) {
  const std::string text = with_parameter("{type: integer}");
  EXPECT_EQ(read_document(text).document->digest, read_document(text).document->digest);
  EXPECT_NE(digest_of(text), digest_of(text + "\n"));
  EXPECT_THAT(digest_of(text), Not(IsEmpty()));
}

}  // namespace
}  // namespace tidegate::openapi
