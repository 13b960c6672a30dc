// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "agent/inspect/http/path_template.hpp"
#include "agent/inspect/http/target.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string template_of(std::string_view path) {
  std::string result = "old";
  make_path_template(path, result);
  return result;
}

std::vector<std::string> keys_of(std::string_view query) {
  std::vector<std::string> keys;
  assign_query_keys(keys, query);
  return keys;
}

TEST(PathTemplate, WhatBecomesAPlaceholder) {
  for (const std::string_view segment : {"1",
                                         "42",
                                         "-7",
                                         "3.14159",
                                         "2024",
                                         "2024-05-17",
                                         "2024-05-17T10:00:00Z",
                                         "20240517T100000Z",
                                         "192.0.2.1",
                                         "10,11,12",
                                         "123e4567-e89b-12d3-a456-426614174000",
                                         "{123E4567-E89B-12D3-A456-426614174000}",
                                         "d41d8cd98f00b204",
                                         "deadbeefdeadbeefdead",
                                         "507f1f77bcf86cd799439011",
                                         "order-837462",
                                         "INV-2024-00012",
                                         "dQw4w9WgXcQ",
                                         "k3j9xq2z",
                                         "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                         "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
                                         "someone@example.com",
                                         "someone%40example.com",
                                         "user%3812345",
                                         "+491234567"}) {
    EXPECT_EQ(template_of("/x/" + std::string(segment)), "/x/{}") << segment;
  }
  EXPECT_EQ(template_of("/" + std::string(65, 'a')), "/{}");
}

TEST(PathTemplate, WhatStays) {
  for (const std::string_view path : {"/",
                                      "*",
                                      "",
                                      "/api/v1/users",
                                      "/v1.2/x",
                                      "/docs/1.0/intro",
                                      "/docs/10.4.1/",
                                      "/how-to-build-a-house-in-2024",
                                      "/python3",
                                      "/utf-8",
                                      "/mp4",
                                      "/index.html",
                                      "/a//b/",
                                      "/getUserProfileInformationByAccount",
                                      "/covid19vaccine",
                                      "/cafe",
                                      "/feed",
                                      "/deadbeef",
                                      "/.well-known/x",
                                      "/caf%C3%A9",
                                      "/a%2Fb",
                                      "/%zz%"}) {
    EXPECT_EQ(template_of(path), path);
  }
}

TEST(PathTemplate, ExtensionsParametersAndEscapes) {
  EXPECT_EQ(template_of("/img/837462.jpg"), "/img/{}.jpg");
  EXPECT_EQ(template_of("/app.3f2a9c1b.js"), "/{}.js");
  EXPECT_EQ(template_of("/cart;jsessionid=A1B2C3/items;v=2"), "/cart/items");
  EXPECT_EQ(template_of("/%61dmin/%31%37"), "/admin/{}");
}

TEST(Path, TheSessionParameterIsLeftOut) {
  std::string path;
  EXPECT_TRUE(assign_path(path, "/a;JSESSIONID=secret;v=1/b;jsessionid=secret", 100));
  EXPECT_EQ(path, "/a;JSESSIONID=;v=1/b;jsessionid=");
  EXPECT_FALSE(assign_path(path, "/abcdef", 4));
  EXPECT_EQ(path, "/abc");
}

TEST(QueryKeys, NamesOnly) {
  EXPECT_THAT(keys_of("a=1&b=2&a=3&&c&filter[name]=x&=v"), ElementsAre("a", "b", "c", "filter[name]"));
  EXPECT_THAT(keys_of("just+some+words&aGVsbG8/d29ybGQ"), IsEmpty());
  EXPECT_THAT(keys_of(std::string(33, 'a')), IsEmpty());
  EXPECT_THAT(keys_of("c2VjcmV0MTIzNDU2Nzg5MA==&q=1"), ElementsAre("{}", "q"));
  EXPECT_THAT(keys_of("837462&q&9=x"), ElementsAre("q", "{}"));
}

TEST(QueryKeys, Bounds) {
  std::string many;
  std::string two = "x";
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'c'; ++b) many += std::string{a, b} + "=1&";
  }
  std::vector<std::string> keys;
  EXPECT_FALSE(assign_query_keys(keys, many));
  EXPECT_EQ(keys.size(), kMostQueryKeys);
  EXPECT_FALSE(assign_query_keys(keys, std::string(100, 'k') + "=1"));
  EXPECT_THAT(keys, ElementsAre("{}"));
}

}  // namespace
}  // namespace tidegate::inspect::http
