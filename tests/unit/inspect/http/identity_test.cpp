// SPDX-License-Identifier: Apache-2.0
// Sessions and accounts: found where the settings say, given out as hashes only.
#include "agent/inspect/http/identity.hpp"

#include <gmock/gmock.h>

#include "agent/inspect/http/identity_hash.hpp"
#include "agent/inspect/http/json_find.hpp"
#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using Where = IdentityField::Where;
using ::testing::SizeIs;

const std::string kNoContent = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

HashKey some_key() {
  HashKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key.data()[i] = static_cast<std::byte>(i);
  return key;
}

Scene scene_with(std::optional<IdentityField> session, std::optional<IdentityField> account) {
  Scene scene;
  InspectedService service;
  service.name = "api";
  service.ports = {{443, 443}};
  service.session = std::move(session);
  service.account = std::move(account);
  scene.settings.services = {service};
  scene.settings.identity_key = some_key();
  return scene;
}

std::optional<IdentityHash> hash(std::string_view kind, std::string_view value, std::string_view service = "api") {
  return http::IdentityHasher(some_key(), service, kind)(value);
}

Summary only(const Result& result) {
  EXPECT_THAT(result.summaries, SizeIs(1));
  return result.summaries.empty() ? Summary() : result.summaries[0];
}

Summary asked(const Scene& scene, std::string_view fields, std::string_view body = {}) {
  std::string text = "POST /login HTTP/1.1\r\nHost: a\r\n" + std::string(fields);
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return only(run_every_way({says(kClient, text + "\r\n" + std::string(body)), says(kServer, kNoContent)}, scene));
}

std::string base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += kAlphabet[bits >> (held - 6) & 0x3f];
  }
  if (held > 0) out += kAlphabet[bits << (6 - held) & 0x3f];
  return out;
}

TEST(Identity, HashesAreKeyedAndApart) {
  ASSERT_TRUE(hash("session", "abc"));
  EXPECT_EQ(hash("session", "abc"), hash("session", "abc"));
  EXPECT_NE(hash("session", "abc"), hash("session", "abd"));
  EXPECT_NE(hash("session", "abc"), hash("account", "abc"));
  EXPECT_NE(hash("session", "abc"), hash("session", "abc", "web"));
  EXPECT_NE(hash("session", "abc"), http::IdentityHasher(HashKey{}, "api", "session")("abc"));
}

TEST(Identity, HasTheHashOfBeforeWhileThatKeyIsKept) {
  Scene scene = scene_with(IdentityField{Where::kCookie, "sid"}, IdentityField{Where::kJson, "/user"});
  const std::string_view fields = "Cookie: sid=abc\r\nContent-Type: application/json\r\n";
  const Summary alone = asked(scene, fields, R"({"user":"ann"})");
  EXPECT_FALSE(alone.session_before);
  EXPECT_FALSE(alone.account_before);
  scene.settings.identity_key_before = some_key();
  scene.settings.identity_key.fill(std::byte{9});
  const Summary both = asked(scene, fields, R"({"user":"ann"})");
  EXPECT_EQ(both.session_before, alone.session);
  EXPECT_EQ(both.account_before, alone.account);
  EXPECT_EQ(both.session, http::IdentityHasher(scene.settings.identity_key, "api", "session")("abc"));
  EXPECT_EQ(both.account, http::IdentityHasher(scene.settings.identity_key, "api", "account")("ann"));
}

// The key changes while a request is on its way, and while its connection repeats its cookie.
TEST(Identity, GoesOnThroughAChangeOfTheKey) {
  Bench bench(scene_with(IdentityField{Where::kCookie, "sid"}, IdentityField{Where::kJson, "/user"}));
  const std::string cookie = "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=abc\r\n\r\n";
  bench.feed(kClient, cookie, at_ms(0));
  bench.feed(kServer, kNoContent, at_ms(1));
  bench.feed(kClient, "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 14\r\n",
             at_ms(2));
  Settings next = bench.scene.settings;
  next.identity_key_before = next.identity_key;
  next.identity_key.fill(std::byte{9});
  set_settings(*bench.context, next);
  bench.feed(kClient, "\r\n{\"user\":\"ann\"}", at_ms(3));
  bench.feed(kServer, kNoContent, at_ms(4));
  bench.feed(kClient, cookie, at_ms(5));
  bench.feed(kServer, kNoContent, at_ms(6));
  ASSERT_THAT(bench.sink.summaries, SizeIs(3));
  EXPECT_EQ(bench.sink.summaries[1].account_before, hash("account", "ann"));
  EXPECT_TRUE(bench.sink.summaries[1].account);
  EXPECT_EQ(bench.sink.summaries[2].session_before, bench.sink.summaries[0].session);
  EXPECT_NE(bench.sink.summaries[2].session, bench.sink.summaries[0].session);
}

TEST(Identity, Cookie) {
  const Scene scene = scene_with(IdentityField{Where::kCookie, "sid"}, std::nullopt);
  EXPECT_EQ(asked(scene, "Cookie: a=1; sid=abc; b=2\r\n").session, hash("session", "abc"));
  EXPECT_EQ(asked(scene, "Cookie: a=1\r\ncookie: sid=abc\r\n").session, hash("session", "abc"));
  EXPECT_EQ(asked(scene, "Cookie: sid=abc; sid=other\r\n").session, hash("session", "abc"));
  EXPECT_EQ(asked(scene, "Cookie: SID=abc; xsid=1; sid=\r\n").session, std::nullopt);
  EXPECT_EQ(asked(scene, "").session, std::nullopt);
  EXPECT_EQ(asked(scene, "").service, "api");
}

TEST(Identity, HeaderBasicAndClaim) {
  EXPECT_EQ(asked(scene_with(IdentityField{Where::kHeader, "X-Api-Key"}, std::nullopt), "x-api-key:  k1 \r\n").session,
            hash("session", "k1"));
  const Scene basic = scene_with(std::nullopt, IdentityField{Where::kBasic, ""});
  EXPECT_EQ(asked(basic, "Authorization: Basic YWxpY2U6c2VjcmV0\r\n").account, hash("account", "alice"));
  EXPECT_EQ(asked(basic, "Authorization: basic !!!!\r\n").account, std::nullopt);
  EXPECT_EQ(asked(basic, "Authorization: Bearer YWxpY2U6c2VjcmV0\r\n").account, std::nullopt);
  const Scene claim = scene_with(IdentityField{Where::kJwtClaim, "sub"}, IdentityField{Where::kJwtClaim, "/user/id"});
  const std::string token = "eyJhbGciOiJub25lIn0." + base64(R"({"iat":1,"sub":"b\u006fb","user":{"id":17}})") + ".c2ln";
  const Summary summary = asked(claim, "Authorization: bearer " + token + "\r\n");
  EXPECT_EQ(summary.session, hash("session", "bob"));
  EXPECT_EQ(summary.account, hash("account", "17"));
  for (const std::string bad : {"a.b", "a.!.c", "..", "e30.e30.", "x"}) {
    EXPECT_EQ(asked(claim, "Authorization: Bearer " + bad + "\r\n").session, std::nullopt) << bad;
  }
}

TEST(Identity, JsonBody) {
  const Scene scene = scene_with(std::nullopt, IdentityField{Where::kJson, "/user/name"});
  const std::string type = "Content-Type: application/json; charset=utf-8\r\n";
  const std::string body = R"({"x":[1,{"y":"}"}],"user":{"password":"p","name":"alice"}})";
  EXPECT_EQ(asked(scene, type, body).account, hash("account", "alice"));
  EXPECT_EQ(asked(scene, type + "Content-Encoding: gzip\r\n", body).account, std::nullopt);
  EXPECT_EQ(asked(scene, "Content-Type: text/plain\r\n", body).account, std::nullopt);
  EXPECT_EQ(asked(scene, type, R"({"user":{"name":)").account, std::nullopt);
  EXPECT_EQ(asked(scene, type, R"({"user":{"name":"x17","name":"alice"}})").account, hash("account", "alice"));
  std::string chunked =
      "POST / HTTP/1.1\r\nHost: a\r\n" + type + "Transfer-Encoding: chunked\r\n\r\n7\r\n" + body.substr(0, 7) + "\r\n";
  chunked += "33\r\n" + body.substr(7, 0x33) + "\r\n0\r\n\r\n";
  EXPECT_EQ(only(run_every_way({says(kClient, chunked), says(kServer, kNoContent)}, scene)).account,
            hash("account", "alice"));
}

TEST(Identity, OnlyTheBeginningOfABodyIsKept) {
  Scene scene = scene_with(std::nullopt, IdentityField{Where::kJson, "/name"});
  scene.limits.identity_body = 64;
  const std::string type = "Content-Type: application/json\r\n";
  EXPECT_EQ(asked(scene, type, R"({"name":"alice","x":")" + std::string(100, 'x') + "\"}").account,
            hash("account", "alice"));
  EXPECT_EQ(asked(scene, type, R"({"x":")" + std::string(100, 'x') + R"(","name":"alice"})").account, std::nullopt);
}

TEST(Identity, FormBody) {
  const Scene scene = scene_with(std::nullopt, IdentityField{Where::kForm, "user"});
  const std::string type = "Content-Type: application/x-www-form-urlencoded\r\n";
  EXPECT_EQ(asked(scene, type, "p=secret&us%65r=al+ice%21&x=1").account, hash("account", "al ice!"));
  EXPECT_EQ(asked(scene, type, "user=alice").account, hash("account", "alice"));
  EXPECT_EQ(asked(scene, type, "user=&x=1").account, std::nullopt);
  EXPECT_EQ(asked(scene, type, "user=x17&x=1&us%65r=al%69ce&y=2").account, hash("account", "alice")) << "the last";
  EXPECT_EQ(asked(scene, type, "user=alice&user=").account, std::nullopt);
  Scene short_sighted = scene;
  short_sighted.limits.identity_body = 8;
  EXPECT_EQ(asked(short_sighted, type, "user=alice").account, std::nullopt) << "half a name is another one";
  EXPECT_EQ(asked(short_sighted, type, "user=al&x=1").account, hash("account", "al"));
}

TEST(Identity, Http2SplitCookiesAndBodies) {
  const Scene scene = scene_with(IdentityField{Where::kCookie, "sid"}, IdentityField{Where::kForm, "user"});
  Http2Peer client;
  Http2Peer server;
  Fields fields = request("/login", "POST");
  fields.insert(fields.end(),
                {{"cookie", "a=1"}, {"cookie", "sid=abc"}, {"content-type", "application/x-www-form-urlencoded"}});
  const Summary summary = only(run_every_way(
      {says(kClient, kPreface + settings() + client.headers(1, fields) + data(1, "user=al") + data(1, "ice", kFin)),
       says(kServer, settings() + server.headers(1, response(200), kHeadEnd | kFin))},
      scene));
  EXPECT_EQ(summary.session, hash("session", "abc"));
  EXPECT_EQ(summary.account, hash("account", "alice"));
}

TEST(Identity, SettingsMayChangeInTheMiddleOfARequest) {
  Bench bench(scene_with(IdentityField{Where::kCookie, "sid"}, IdentityField{Where::kForm, "user"}));
  bench.feed(
      kClient,
      "POST / HTTP/1.1\r\nCookie: sid=abc\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n",
      at_ms(0));
  set_settings(*bench.context, Settings{});
  bench.feed(kClient, "Cookie: sid=abc\r\n\r\nuser=a", at_ms(1));
  bench.feed(kServer, kNoContent, at_ms(2));
  bench.feed(kClient, "GET / HTTP/1.1\r\nCookie: sid=abc\r\n\r\n", at_ms(3));
  bench.feed(kServer, kNoContent, at_ms(4));
  ASSERT_THAT(bench.sink.summaries, SizeIs(2));
  EXPECT_EQ(bench.sink.summaries[0].session, hash("session", "abc"));
  EXPECT_EQ(bench.sink.summaries[0].account, std::nullopt);
  EXPECT_EQ(bench.sink.summaries[1].session, std::nullopt);
  EXPECT_EQ(bench.sink.summaries[1].service, "");
}

TEST(Identity, NewSettingsApplyToNewRequests) {
  Bench bench(scene_with(IdentityField{Where::kHeader, "x-user"}, std::nullopt));
  bench.feed(kClient, "GET / HTTP/1.1\r\n", at_ms(0));
  set_settings(*bench.context, scene_with(IdentityField{Where::kCookie, "sid"}, std::nullopt).settings);
  bench.feed(kClient, "Cookie: sid=abc\r\n\r\n", at_ms(1));
  bench.feed(kServer, kNoContent, at_ms(2));
  bench.feed(kClient, "GET / HTTP/1.1\r\nCookie: sid=abc\r\n\r\n", at_ms(3));
  bench.feed(kServer, kNoContent, at_ms(4));
  ASSERT_THAT(bench.sink.summaries, SizeIs(2));
  EXPECT_EQ(bench.sink.summaries[0].session, std::nullopt);
  EXPECT_EQ(bench.sink.summaries[1].session, hash("session", "abc"));
}

TEST(Json, FindsWhatAPointerNames) {
  MemoryBudget budget(1 << 20);
  http::KeptBytes room(budget);
  const auto find = [&](std::string_view text, std::string_view pointer) {
    const auto found = http::find_in_json(text, pointer, room);
    return found ? std::string(*found) : std::string("-");
  };
  EXPECT_EQ(find(R"({"a":[10,[2,{}],{"b":"x"}]} )", "/a/2/b"), "x");
  EXPECT_EQ(find(R"([1,2.5e3,true,null])", "/1"), "2.5e3");
  EXPECT_EQ(find(R"([1,2,true,null])", "/2"), "true");
  EXPECT_EQ(find(R"([1,2,true,null])", "/3"), "-");
  EXPECT_EQ(find(R"([1])", "/1"), "-");
  EXPECT_EQ(find(R"([1])", "/01"), "-");
  EXPECT_EQ(find(R"({"a/b":{"~":1,"":2}})", "/a~1b/~0"), "1");
  EXPECT_EQ(find(R"({"a/b":{"~":1,"":2}})", "/a~1b/"), "2");
  EXPECT_EQ(find(R"({"k\u0065y":"\ud83d\ude00\n\"é"})", "/key"), "\xf0\x9f\x98\x80\n\"é");
  EXPECT_EQ(find(R"({"k":"\ud83d"})", "/k"), "-");
  EXPECT_EQ(find(R"("text")", ""), "text");
  EXPECT_EQ(find(R"({"a":{}})", "/a"), "-");
  EXPECT_EQ(find(R"({"a":{"b":1}})", "/b"), "-");
  EXPECT_EQ(find(R"({"a" 1,"b":2})", "/b"), "-");
  EXPECT_EQ(find(R"({"a":[],"b":2 })", "/b"), "2");
  EXPECT_EQ(find(R"({"a":[[],{"x":[1]},[{}]],"b":2 })", "/b"), "2");
  EXPECT_EQ(find("{\"a\":" + std::string(100, '[') + std::string(100, ']') + ",\"b\":2 }", "/b"), "-") << "too deep";
  EXPECT_EQ(find(R"({"a":tru)", "/a"), "-");
}

// As nearly every server takes it: decoys in front of the name that counts change nothing.
TEST(Json, TheLastOfARepeatedNameCounts) {
  MemoryBudget budget(1 << 20);
  http::KeptBytes room(budget);
  const auto find = [&](std::string_view text, std::string_view pointer) {
    const auto found = http::find_in_json(text, pointer, room);
    return found ? std::string(*found) : std::string("-");
  };
  EXPECT_EQ(find(R"({"u":"x17","u":"victim"})", "/u"), "victim");
  EXPECT_EQ(find(R"({"u":"x17","x":[{"u":1}],"\u0075":"victim","y":"u"})", "/u"), "victim");
  EXPECT_EQ(find(R"({"a":{"u":"x"},"b":{"u":"y"},"a":{"u":"w","u":"victim"},"c":1})", "/a/u"), "victim");
  EXPECT_EQ(find(R"({"a":{"u":"x"},"a":{}})", "/a/u"), "-");
  EXPECT_EQ(find(R"({"u":"x17","u":null})", "/u"), "-");
  EXPECT_EQ(find(R"([{"u":"x17","u":"victim"},{"u":"z"}])", "/0/u"), "victim");
  EXPECT_EQ(find(R"({"u":"x17","u":"vic)", "/u"), "-") << "cut";
  EXPECT_EQ(find(R"({"u":"x17","rest":"cut he)", "/u"), "x17");
}

}  // namespace
}  // namespace tidegate::inspect::test
