// SPDX-License-Identifier: Apache-2.0
// No body, cookie, authorization or query value is in any summary, whatever the settings ask for.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using Where = IdentityField::Where;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret = "hunter2";

Scene curious(Where session, Where account, std::string name) {
  Scene scene;
  InspectedService service;
  service.name = "all";
  service.session = IdentityField{session, name};
  service.account = IdentityField{account, account == Where::kJson ? "/" + name : name};
  scene.settings.services = {service};
  scene.settings.everything = true;
  return scene;
}

void expect_silent(const Script& script) {
  const std::vector<Scene> scenes = {curious(Where::kCookie, Where::kForm, "pw"),
                                     curious(Where::kHeader, Where::kJson, "pw"),
                                     curious(Where::kJwtClaim, Where::kBasic, "pw"), Scene()};
  for (const Scene& scene : scenes) {
    for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{5}}) {
      const Result result = run_in_pieces(script, piece, Order::kAsItIs, scene);
      EXPECT_FALSE(result.summaries.empty());
      for (const Summary& summary : result.summaries) EXPECT_THAT(to_text(summary), Not(HasSubstr(kSecret)));
    }
  }
}

TEST(Secrets, Http1) {
  const std::string fields = "Cookie: pw=" + kSecret + "; x=" + kSecret + "\r\nAuthorization: Bearer " + kSecret + "." +
                             kSecret + "." + kSecret + "\r\nProxy-Authorization: Basic " + kSecret +
                             "\r\nX-Token: " + kSecret + "\r\npw: " + kSecret + "\r\nReferer: /?pw=" + kSecret + "\r\n";
  const std::string target = "http://user:" + kSecret + "@h.example/p;jsessionid=" + kSecret + "?pw=" + kSecret + "&" +
                             kSecret + "=&q=1#" + kSecret;
  const std::string json = R"({"pw":")" + kSecret + "\"}";
  const std::string form = "pw=" + kSecret;
  for (const auto& [type, body] : {std::pair{"application/json", json}, {"application/x-www-form-urlencoded", form}}) {
    expect_silent({says(kClient, "POST " + target.substr(0, target.find("&" + kSecret)) + " HTTP/1.1\r\nHost: u:" +
                                     kSecret + "@h\r\nUser-Agent: good\r\n" + fields + "Content-Type: " + type +
                                     "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body),
                   says(kServer, "HTTP/1.1 200 " + kSecret + "\r\nSet-Cookie: pw=" + kSecret +
                                     "\r\nLocation: /?t=" + kSecret + "\r\nContent-Length: 7\r\n\r\n" + kSecret)});
  }
}

TEST(Secrets, Authorities) {
  for (const std::string& target :
       std::vector<std::string>{"/p?token=" + kSecret, "h.example:443/p?token=" + kSecret, "h.example?" + kSecret,
                                "h#" + kSecret, "u:" + kSecret + "@h", "/p?mail=x@" + kSecret, "http://h/?t=" + kSecret,
                                "u:p/" + kSecret + "@h", "?" + kSecret}) {
    expect_silent({says(kClient, "CONNECT " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"),
                   says(kServer, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")});
    expect_silent({says(kClient, "GET / HTTP/1.1\r\nHost: " + target + "\r\n\r\n"),
                   says(kServer, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")});
    Http2Peer client;
    expect_silent(
        {says(kClient, kPreface + settings() + client.headers(1, {{":method", "CONNECT"}, {":authority", target}}))});
  }
}

TEST(Secrets, Http2) {
  Http2Peer client;
  Http2Peer server;
  Fields fields = request("/p?pw=" + kSecret, "POST");
  fields.insert(fields.end(), {{"cookie", "pw=" + kSecret},
                               {"authorization", "Basic " + kSecret},
                               {"pw", kSecret},
                               {"content-type", "application/json"}});
  expect_silent(
      {says(kClient, kPreface + settings() + client.headers(1, fields) + data(1, R"({"pw":")" + kSecret + "\"}", kFin)),
       says(kServer,
            settings() + server.headers(1, {{":status", "200"}, {"set-cookie", kSecret}}) + data(1, kSecret, kFin))});
}

}  // namespace
}  // namespace tidegate::inspect::test
