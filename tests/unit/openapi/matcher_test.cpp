// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/openapi/support.hpp"

namespace tidegate::openapi {
namespace {

constexpr const char* kShop = R"(openapi: 3.0.3
info: {title: Shop, version: '1'}
servers: [{url: 'https://shop.example/v1'}]
paths:
  /users:
    get:
      operationId: listUsers
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
        - {name: sort, in: query, required: true, schema: {type: string, enum: [name, age]}}
    post: {operationId: addUser}
  /users/me:
    get: {operationId: getMe}
  /users/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {operationId: getUser}
    delete: {deprecated: true}
  /files/{name}.{ext}:
    get: {operationId: getFile}
  /files/{name}:
    get: {operationId: getPlainFile}
components:
  securitySchemes: {key: {type: apiKey, in: query, name: api_key}}
)";

TEST(Matcher, PathsAreFoundBelowTheServersPathConcreteBeforeTemplated) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/users/me"), "getMe");
  EXPECT_EQ(shop.get("/v1/users/17"), "getUser");
  EXPECT_EQ(shop.judge("POST", "/v1/users"), "addUser");
  EXPECT_EQ(shop.get("/users/17"), "-: unknown_path");
  EXPECT_EQ(shop.get("/v1/users/17/orders"), "-: unknown_path");
  EXPECT_EQ(shop.get("/v1/users/"), "-: unknown_path") << "a slash at the end makes another path";
  EXPECT_EQ(shop.get("/v1//users"), "-: unknown_path");
  EXPECT_EQ(shop.get("/"), "-: unknown_path");
}

TEST(Matcher, MethodsThatAreNotDescribedAreWrong) {
  Described shop(kShop);
  EXPECT_EQ(shop.judge("PUT", "/v1/users/17"), "-: wrong_method");
  EXPECT_EQ(shop.judge("get", "/v1/users/17"), "-: wrong_method") << "methods have a case";
  // A described template with the method is taken before a wrong method is seen in a more concrete one.
  EXPECT_EQ(shop.judge("DELETE", "/v1/users/me"), "DELETE /users/{id}: deprecated, invalid_path");
}

TEST(Matcher, WhatServersAnswerByThemselvesIsNotWrong) {
  Described shop(kShop);
  EXPECT_EQ(shop.judge("HEAD", "/v1/users/17"), "getUser");
  EXPECT_EQ(shop.judge("OPTIONS", "/v1/users/17"), "-");
  EXPECT_EQ(shop.judge("OPTIONS", "*"), "-");
  EXPECT_EQ(shop.judge("CONNECT", ""), "-");
}

TEST(Matcher, DeprecatedOperationsAreSeen) {
  EXPECT_EQ(Described(kShop).judge("DELETE", "/v1/users/5"), "DELETE /users/{id}: deprecated");
}

TEST(Matcher, PathParametersAreJudged) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/users/seven"), "getUser: invalid_path");
  EXPECT_EQ(shop.get("/v1/users/%31%37"), "getUser") << "17, escaped";
  EXPECT_EQ(shop.get("/v1/users/1%2F7"), "getUser: invalid_path") << "an escaped slash divides nothing";
  EXPECT_EQ(shop.get("/v1/users/%2531"), "getUser: invalid_path") << "escapes are undone once";
  EXPECT_EQ(shop.get("/v1/users/.."), "-: unknown_path");
  EXPECT_EQ(shop.get("/v1/users/%2e%2E"), "-: unknown_path");
  EXPECT_EQ(shop.get("/v1/users/17;jsessionid=A1"), "getUser");
}

TEST(Matcher, TextsAndVariablesMayShareASegment) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/files/a.txt"), "getFile");
  EXPECT_EQ(shop.get("/v1/files/a.tar.gz"), "getFile");
  EXPECT_EQ(shop.get("/v1/files/.txt"), "getPlainFile");
  EXPECT_EQ(shop.get("/v1/files/txt"), "getPlainFile");
}

TEST(Matcher, QueryKeysHaveToBeDeclared) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/users?sort=name&limit=5"), "listUsers");
  EXPECT_EQ(shop.get("/v1/users?sort=name&debug=1"), "listUsers: undeclared_query");
  EXPECT_EQ(shop.get("/v1/users?sort=name&api_key=x"), "listUsers") << "a key to authenticate with";
  EXPECT_EQ(shop.get("/v1/users?s%6Frt=name"), "listUsers") << "names may be escaped";
  EXPECT_EQ(shop.get("/v1/users?sort=name&&"), "listUsers") << "nothing between two ampersands is no key";
  EXPECT_EQ(shop.get("/v1/users?sort=name&debug"), "listUsers: undeclared_query");
  EXPECT_EQ(shop.get("/v1/users?sort=name&LIMIT=5"), "listUsers: undeclared_query");
}

TEST(Matcher, QueryParametersAreJudged) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/users?sort=size"), "listUsers: invalid_query");
  EXPECT_EQ(shop.get("/v1/users?sort=name&limit=101"), "listUsers: invalid_query");
  EXPECT_EQ(shop.get("/v1/users?sort=name&limit=5&limit=x"), "listUsers: invalid_query") << "each of them counts";
  EXPECT_EQ(shop.get("/v1/users?limit=5"), "listUsers: invalid_query") << "sort is required";
  EXPECT_EQ(shop.get("/v1/users?limit=0&x=1"), "listUsers: undeclared_query, invalid_query");
}

TEST(Matcher, LongThingsAreNotJudged) {
  Described shop(kShop);
  EXPECT_EQ(shop.get("/v1/users?sort=name&limit=" + std::string(1025, '9')), "listUsers");
  EXPECT_EQ(shop.get("/v1/users/" + std::string(1025, 'x')), "getUser");
  EXPECT_EQ(shop.get("/" + std::string(2048, 'x')), "-");
  std::string many = "/v1/users?limit=5";
  for (int i = 0; i < 256; ++i) many += "&limit=5";
  EXPECT_EQ(shop.get(many), "listUsers") << "sort may stand behind what is looked at";
}

TEST(Matcher, ListsAreTakenApartAsTheirStyleSays) {
  const std::string list = "{type: array, minItems: 2, maxItems: 3, items: {type: integer}}";
  Described repeated(with_parameter(list));
  EXPECT_EQ(repeated.get("/x?p=1&p=2"), "op");
  EXPECT_EQ(repeated.get("/x?p=1&p=b"), "op: invalid_query");
  EXPECT_EQ(repeated.get("/x?p=1"), "op: invalid_query") << "too few";
  EXPECT_EQ(repeated.get("/x?p=1&p=2&p=3&p=4"), "op: invalid_query") << "too many";
  EXPECT_EQ(repeated.get("/x?p="), "op") << "it may be an empty list";
  Described comma(with_parameter(list, ", explode: false"));
  EXPECT_EQ(comma.get("/x?p=1,2"), "op");
  EXPECT_EQ(comma.get("/x?p=1,2,"), "op: invalid_query");
  EXPECT_EQ(comma.get("/x?p=1%2C2"), "op: invalid_query") << "an escaped comma divides nothing";
  EXPECT_EQ(comma.get("/x?p=1"), "op: invalid_query");
  Described pipe(with_parameter(list, ", style: pipeDelimited, explode: false"));
  EXPECT_EQ(pipe.get("/x?p=1|2%7C3"), "op");
  EXPECT_EQ(pipe.get("/x?p=1|2|3|4"), "op: invalid_query");
  Described space(with_parameter(list, ", style: spaceDelimited, explode: false"));
  EXPECT_EQ(space.get("/x?p=1%202+3"), "op");
  EXPECT_EQ(space.get("/x?p=1%20b"), "op: invalid_query");
}

TEST(Matcher, AMapDeclaresTheKeysThatItIsWrittenAs) {
  Described deep(with_parameter("{type: object}", ", style: deepObject"));
  EXPECT_EQ(deep.get("/x?p[a]=1&p%5Bb%5D=2"), "op");
  EXPECT_EQ(deep.get("/x?q[a]=1"), "op: undeclared_query");
  Described exploded(with_parameter("{type: object, properties: {a: {}}, additionalProperties: false}"));
  EXPECT_EQ(exploded.get("/x?a=1"), "op");
  EXPECT_EQ(exploded.get("/x?b=1"), "op: undeclared_query");
  EXPECT_EQ(Described(with_parameter("{type: object}")).get("/x?anything=1"), "op");
}

TEST(Matcher, APlusIsASpaceOrItself) {
  const std::string schema = "{type: string, format: date-time}";
  Described op(with_parameter(schema));
  EXPECT_EQ(op.get("/x?p=2026-01-02T03:04:05%2B02:00"), "op");
  EXPECT_EQ(op.get("/x?p=2026-01-02T03:04:05+02:00"), "op") << "an escape forgotten is no attack";
  EXPECT_EQ(Described(with_parameter("{enum: [a b]}")).get("/x?p=a+b"), "op");
  EXPECT_EQ(Described(with_parameter("{enum: [a b]}")).get("/x?p=a-b"), "op: invalid_query");
}

TEST(Matcher, OfSeveralTemplatesTheOneWhoseParametersFitIsTaken) {
  Described two(R"(openapi: 3.0.0
paths:
  /{kind}/list: {get: {operationId: listKind, parameters: [{name: kind, in: path, schema: {enum: [a, b]}}]}}
  /shop/{item}: {get: {operationId: getItem, parameters: [{name: item, in: path, schema: {type: integer}}]}}
)");
  EXPECT_EQ(two.get("/a/list"), "listKind");
  EXPECT_EQ(two.get("/shop/5"), "getItem");
  EXPECT_EQ(two.get("/shop/list"), "getItem: invalid_path") << "neither fits: the more concrete one is named";
}

TEST(Matcher, ValuesAreWipedAfterwards) {
  Described op(with_parameter("{type: string, maxLength: 100}"));
  EXPECT_EQ(op.get("/x?p=planted%2Dvalue%2D4711"), "op");
  const auto* bytes = reinterpret_cast<const char*>(op.matcher.get());
  const std::string_view memory(bytes, sizeof(inspect::api::Matcher));
  EXPECT_EQ(memory.find("planted-value"), memory.npos);
}

}  // namespace
}  // namespace tidegate::openapi
