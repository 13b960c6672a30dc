// SPDX-License-Identifier: Apache-2.0
#include "agent/config/policy_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/config/issues.hpp"

namespace tidegate::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A policy with this service.
std::string with_service(const std::string& lines) { return "version: 1\nservices:\n  - name: a\n" + lines; }

TEST(ExamplePolicy, ChecksCleanAndListsWhatIsNotEnforced) {
  const ParsedPolicy checked = check_policy(test_data("example-policy.yaml"));
  EXPECT_EQ(issues_of(checked.issues), "");
  EXPECT_TRUE(checked.valid());
  EXPECT_THAT(checked.policy.not_enforced, IsEmpty());
}

TEST(ExamplePolicy, IsReadInFull) {
  const policy::Policy policy = read_policy(test_data("example-policy.yaml")).policy;
  ASSERT_THAT(policy.interfaces, SizeIs(1));
  EXPECT_EQ(policy.interfaces[0].name, "eth0");
  EXPECT_TRUE(policy.enforce);
  ASSERT_THAT(policy.safelist, SizeIs(2));
  EXPECT_EQ(policy.safelist[1].prefix.to_string(), "2001:db8:a::/48");
  EXPECT_EQ(policy.trusted_proxies.at(0).prefix.to_string(), "198.51.100.0/24");
  EXPECT_EQ(policy.replies->rate.amount, 1'000'000U);
  EXPECT_TRUE(policy.drop_malformed);
  EXPECT_FALSE(policy.drop_non_first_fragments);
  ASSERT_THAT(policy.services, SizeIs(3));
  const policy::Service& api = policy.services[0];
  EXPECT_THAT(api.match, SizeIs(2));
  EXPECT_EQ(api.limits.packets->burst, 4000U);
  EXPECT_EQ(api.limits.bytes->rate.amount, 20'000'000U);
  EXPECT_EQ(api.limits.syn->rate.amount, 50U);
  EXPECT_EQ(api.limits.new_sources->rate.amount, 20'000U);
  EXPECT_EQ(api.limits.new_sources->syn_share, 0.25);
  EXPECT_TRUE(policy.services[1].dry_run);
  EXPECT_TRUE(policy.services[2].is_default);
  EXPECT_TRUE(api.inspection.tls);
  EXPECT_FALSE(api.inspection.http);
  EXPECT_EQ(format_identity(*api.inspection.session), "cookie sid");
  EXPECT_EQ(format_identity(*api.inspection.account), "json /username");
  EXPECT_FALSE(policy.services[1].inspection.wanted());
  EXPECT_THAT(policy.kept, SizeIs(4));
}

TEST(PolicyReader, TheTextIsKeptVerbatim) {
  const std::string text = "# mine\nversion: 1\r\nrules: []\n\n";
  EXPECT_EQ(read_policy(text).policy.text, text);
}

TEST(PolicyReader, AnEmptyPolicyIsAnError) {
  EXPECT_EQ(read_issues("# nothing\n"), "1:1: the policy is empty; it begins with `version: 1`\n");
  EXPECT_EQ(read_issues("[]"), "1:1: the policy has to be a map of `key: value`\n");
  EXPECT_THAT(read_issues("enforce: true"), HasSubstr("1:1: the policy has no 'version'"));
}

TEST(PolicyReader, ASyntaxErrorIsTheOnlyError) {
  const std::string issues = read_issues("services:\n  - name: a\n    match: [tcp/1\nrules: 1\n");
  EXPECT_THAT(issues, HasSubstr("not YAML: "));
  EXPECT_EQ(std::count(issues.begin(), issues.end(), '\n'), 1) << issues;
}

TEST(PolicyReader, AnotherVersionIsRefused) {
  EXPECT_THAT(read_issues("version: 2"), HasSubstr("1:10: version '2' of the grammar is not known here"));
}

TEST(PolicyReader, UnknownKeysNameTheNearestOne) {
  EXPECT_EQ(read_issues("version: 1\nservice: []\n"),
            "2:1: unknown key 'service' in the policy; did you mean 'services'?\n");
  EXPECT_THAT(read_issues(with_service("    mtach: [tcp/1]\n")),
              HasSubstr("4:5: unknown key 'mtach' in service a; did you mean 'match'?"));
  EXPECT_THAT(read_issues("version: 1\nfragments: {first: drop}\n"),
              HasSubstr("unknown key 'first' in fragments; known are non_first"));
}

TEST(PolicyReader, DuplicateKeysAndNamesAreErrorsWithBothPlaces) {
  EXPECT_EQ(read_issues("version: 1\nenforce: true\nenforce: false\n"),
            "3:1: key 'enforce' of the policy is there twice, first at 2:1\n");
  EXPECT_EQ(read_issues(with_service("    default: true\n  - {name: a, match: [tcp/1]}\n")),
            "5:5: service a is there twice, first at 3:5; rename one\n");
  EXPECT_THAT(read_issues("version: 1\ninterfaces: [eth0, {name: eth0}]\n"),
              HasSubstr("2:20: interface eth0 is there twice, first at 2:14"));
}

TEST(PolicyReader, EveryScalarIsValidated) {
  EXPECT_THAT(read_issues("version: 1\nenforce: yes\n"), HasSubstr("2:10: enforce: 'yes' is neither true nor false"));
  EXPECT_THAT(read_issues("version: 1\nmalformed: ignore\n"),
              HasSubstr("2:12: malformed: unknown 'ignore'; known are drop, pass"));
  EXPECT_THAT(read_issues("version: 1\nsources: {ipv4_prefix: 33}\n"),
              HasSubstr("2:24: sources: ipv4_prefix: '33' is not a whole number from 8 to 32"));
  EXPECT_THAT(read_issues("version: 1\nsources: {ipv6_prefix: 0}\n"), HasSubstr("2:24: "));
  EXPECT_THAT(read_issues("version: 1\ninterfaces: [{name: eth0, mode: nativ}]\n"),
              HasSubstr("did you mean 'native'?"));
  EXPECT_THAT(read_issues("version: 1\ninterfaces: ['a name']\n"), HasSubstr("cannot be an interface"));
  EXPECT_THAT(read_issues("version: 1\ninterfaces: [averyverylongname]\n"), HasSubstr("1 to 15 characters"));
  EXPECT_THAT(read_issues("version: 1\nsafelist: [192.0.2.1/24]\n"),
              HasSubstr("2:12: safelist: '192.0.2.1/24' has host bits set; the prefix is 192.0.2.0/24"));
  EXPECT_THAT(read_issues("version: 1\nsafelist: [{address: 192.0.2.1, ceiling: 5}]\n"),
              HasSubstr("2:42: safelist ceiling: '5' is not a rate"));
  EXPECT_THAT(read_issues("version: 1\ntrusted_proxies: [{address: 192.0.2.1, interface: eth0}]\n"),
              HasSubstr("unknown key 'interface'"));
  EXPECT_THAT(read_issues("version: 1\nreplies: {packets: {rate: 1MB/s}}\n"),
              HasSubstr("2:27: replies: packets rate: '1MB/s' is not a rate"));
}

TEST(PolicyReader, EveryLimitIsValidated) {
  const auto limits = [](const std::string& text) {
    return read_issues(with_service("    default: true\n    limits: " + text + "\n"));
  };
  EXPECT_EQ(limits("{packets: {rate: 30/m}, bytes: {rate: 8Mbit/s, burst: 64kB}}"), "");
  EXPECT_THAT(limits("{packets: {rate: 10}}"), HasSubstr("5:30: service a: packets rate: '10' is not a rate"));
  EXPECT_THAT(limits("{packets: {rate: -1/s}}"), HasSubstr("is not a rate"));
  EXPECT_THAT(limits("{packets: {rate: 0/s}}"), HasSubstr("is not a rate"));
  EXPECT_THAT(limits("{packets: {rate: 99999999999999999999/s}}"), HasSubstr("is not a rate"));
  EXPECT_THAT(limits("{packets: {rate: 1/s, burst: 1.5}}"), HasSubstr("packets burst: '1.5' is not a whole number"));
  EXPECT_THAT(limits("{packets: {burst: 1}}"), HasSubstr("5:23: service a: packets has no 'rate'"));
  EXPECT_THAT(limits("{bytes: {rate: 20/s}}"), HasSubstr("is not a byte rate"));
  EXPECT_THAT(limits("{bytes: {rate: 20MB/s, burst: 40}}"), HasSubstr("is not a size"));
  EXPECT_THAT(limits("{new_sources: {rate: 5/s, syn_share: 1.5}}"),
              HasSubstr("5:50: service a: new_sources syn_share: '1.5' is not a number from 0 to 1"));
  EXPECT_THAT(limits("{new_sources: {rate: 5/s, syn_share: nan}}"), HasSubstr("is not a number from 0 to 1"));
  EXPECT_THAT(limits("{new_sources: {rate: 5/s, syn_share: 0x1}}"), HasSubstr("is not a number from 0 to 1"));
  EXPECT_THAT(limits("{packets: 100/s}"), HasSubstr("service a: packets has to be a map"));
  EXPECT_THAT(limits("{packets: }"), HasSubstr("key 'packets' of service a has no value"));
}

TEST(PolicyReader, AServiceMatchesOrIsTheDefault) {
  EXPECT_THAT(read_issues(with_service("    dry_run: true\n")), HasSubstr("3:5: service a matches nothing"));
  EXPECT_THAT(read_issues(with_service("    default: true\n    match: [tcp/1]\n")), HasSubstr("is the default"));
  EXPECT_THAT(read_issues(with_service("    default: true\n    addresses: [192.0.2.1]\n")),
              HasSubstr("leave out addresses"));
  EXPECT_THAT(read_issues(with_service("    match: []\n")), HasSubstr("4:12: service a: match is empty"));
  EXPECT_THAT(read_issues(with_service("    match: [tcp/1]\n    addresses: []\n")),
              HasSubstr("5:16: service a: addresses is empty"));
  EXPECT_EQ(read_issues(with_service("    match: tcp/1\n")), "") << "one match needs no list";
}

TEST(PolicyReader, InspectionIsAskedForByTlsOrHttp) {
  const auto service = [](const std::string& lines) {
    return read_policy(with_service("    match: [tcp/80]\n" + lines)).policy.services.at(0).inspection;
  };
  EXPECT_TRUE(service("    tls: {inspect: true}\n").wanted());
  EXPECT_TRUE(service("    http: {inspect: true}\n").wanted());
  EXPECT_FALSE(service("    tls: {inspect: false}\n").wanted());
  EXPECT_EQ(format_identity(*service("    account: {basic: true}\n").account), "basic");
  EXPECT_EQ(format_identity(*service("    session: {jwt_claim: sub}\n").session), "jwt_claim sub");
}

TEST(PolicyReader, InspectionIsChecked) {
  const auto issues = [](const std::string& lines) { return read_issues(with_service("    match: tcp/1\n" + lines)); };
  EXPECT_THAT(issues("    tls: {}\n"), HasSubstr("5:10: service a: tls has no 'inspect'"));
  EXPECT_THAT(issues("    http: {inspect: maybe}\n"), HasSubstr("5:21: service a: http inspect: 'maybe' is neither"));
  EXPECT_THAT(issues("    session: {cookie: a, header: b}\n"), HasSubstr("has to name exactly one of cookie, header"));
  EXPECT_THAT(issues("    session: {json: /a}\n"), HasSubstr("unknown key 'json'"));
  EXPECT_THAT(issues("    account: {json: a}\n"), HasSubstr("5:21: service a: account: 'a' is no JSON pointer"));
  EXPECT_THAT(issues("    account: {form: " + std::string(256, 'f') + "}\n"), HasSubstr("is longer than 255 bytes"));
}

TEST(PolicyReader, AnApiDescriptionNeedsInspection) {
  const auto issues = [](const std::string& lines) { return read_issues(with_service("    match: tcp/1\n" + lines)); };
  EXPECT_EQ(issues("    http: {inspect: true}\n    openapi: api.yaml\n"), "");
  EXPECT_THAT(issues("    openapi: api.yaml\n"),
              HasSubstr("5:14: service a: openapi needs the service to be inspected"));
  EXPECT_THAT(issues("    http: {inspect: true}\n    openapi: {file: x}\n"), HasSubstr("6:14: "));
  EXPECT_THAT(issues("    http: {inspect: true}\n    openapi: ''\n"), HasSubstr("openapi is empty"));
}

TEST(PolicyReader, PayloadsAreASampleAndABoundedBody) {
  const auto payloads = [](const std::string& text) {
    return read_policy(with_service("    match: tcp/1\n    tls: {inspect: true}\n    payloads: " + text + "\n"))
        .policy.services.at(0)
        .inspection.payloads.value_or(policy::Payloads{.sample = -1, .body = 0, .location = {}});
  };
  EXPECT_EQ(payloads("{sample: 0.5, body: 4kB}").sample, 0.5);
  EXPECT_EQ(payloads("{sample: 0.5, body: 4kB}").body, 4000U);
  EXPECT_EQ(payloads("{sample: 1}").body, 8000U) << "the default";
  const auto issues = [](const std::string& text) {
    return read_issues(with_service("    match: tcp/1\n    tls: {inspect: true}\n    payloads: " + text + "\n"));
  };
  EXPECT_THAT(issues("{sample: 2}"), HasSubstr("service a: payloads sample"));
  EXPECT_THAT(issues("{body: 1MB}"), HasSubstr("payloads body is more than 32kB"));
  EXPECT_THAT(issues("{all: true}"), HasSubstr("unknown key 'all'"));
}

TEST(CheckPolicy, PayloadsThatNobodyExaminesAreWarnedOf) {
  const auto issues = [](const std::string& lines) {
    return issues_of(
        check_policy("version: 1\ninterfaces: [eth0]\nservices:\n  - name: a\n    match: tcp/80\n" + lines).issues);
  };
  EXPECT_THAT(issues("    payloads: {sample: 1}\n"), HasSubstr("service a has `payloads`, but is not inspected"));
  const std::string inspected = "    http: {inspect: true}\n";
  const std::string rule =
      "rules: [{name: r, match: {attack: any}, when: {count: 3, within: 1m}, then: {action: block, for: 1m}}]\n";
  EXPECT_THAT(issues(inspected + rule),
              HasSubstr("warning: rule r asks for `attack` and sees nothing: no service has `payloads`"));
  EXPECT_EQ(issues(inspected + "    payloads: {sample: 1}\n" + rule).find("sees nothing"), std::string::npos);
  EXPECT_EQ(issues(inspected + "    payloads: {sample: 1}\n").find("not built in") == std::string::npos,
            policy::has_payload_examiner());
}

TEST(CheckPolicy, InspectionThatSeesNothingIsWarnedOf) {
  const auto issues = [](const std::string& lines) {
    return issues_of(check_policy("version: 1\ninterfaces: [eth0]\nservices:\n  - name: a\n" + lines).issues);
  };
  EXPECT_THAT(issues("    match: udp/443\n    tls: {inspect: true}\n"),
              HasSubstr("6:10: warning: service a asks for inspection, but matches no tcp; HTTP/3"));
  EXPECT_THAT(issues("    match: tcp/80\n    session: {cookie: sid}\n"),
              HasSubstr("6:14: warning: service a names a session, but is not inspected"));
  EXPECT_EQ(issues("    match: tcp/80\n    http: {inspect: true}\n    session: {cookie: sid}\n"), "");
}

TEST(PolicyReader, NamesThatCannotBeKeptAreRefused) {
  for (const char* name :
       {"''", "'a b'", "-a", "'a/b'", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_THAT(read_issues("version: 1\nservices: [{name: " + std::string(name) + ", default: true}]\n"),
                HasSubstr("is no name"))
        << name;
  }
}

TEST(PolicyReader, AllErrorsAreReportedUpToAHundred) {
  std::string text = "version: 1\nservices:\n";
  for (int i = 0; i < 500; ++i) text += "  - {name: '!', match: [tcp/0-99999], typo: 1}\n";
  const ParsedPolicy parsed = read_policy(text);
  EXPECT_THAT(parsed.issues, SizeIs(100));
  EXPECT_FALSE(parsed.valid());
}

TEST(PolicyReader, ManyUnknownKeysCostLittle) {
  std::string text = "version: 1\n";
  for (int i = 0; i < 40'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(read_policy(text).issues, SizeIs(100));
}

TEST(PolicyReader, IssuesAreShownAsCompilersDo) {
  EXPECT_EQ(format_issue("p.yaml", {{3, 7}, "wrong", false}), "p.yaml:3:7: wrong");
  EXPECT_EQ(format_issue("p.yaml", {{3, 7}, "hm", true}), "p.yaml:3:7: warning: hm");
  EXPECT_EQ(format_issue("p.yaml", {{}, "too large", false}), "p.yaml: too large");
}

TEST(CheckPolicy, ErrorsOfTheWholeCarryTheirPlace) {
  const ParsedPolicy checked = check_policy(
      "version: 1\ninterfaces: [eth0]\nservices:\n  - {name: a, match: [tcp/443]}\n  - {name: b, match: [udp/443, "
      "tcp/443]}\n");
  EXPECT_EQ(
      issues_of(checked.issues),
      "5:32: service b: tcp/443 overlaps tcp/443 of service a at 4:23 and neither is more specific; narrow one or "
      "give it addresses\n");
  EXPECT_FALSE(checked.valid());
}

TEST(CheckPolicy, WarningsLeaveItValid) {
  const ParsedPolicy checked =
      check_policy("version: 1\ninterfaces: [eth0]\nservices: [{name: a, match: [tcp/443]}]\n");
  EXPECT_THAT(issues_of(checked.issues), HasSubstr("3:12: warning: service a matches tcp/443, but udp/443"));
  EXPECT_TRUE(checked.valid());
}

TEST(CheckPolicy, EveryExampleOfTheManualChecksClean) {
  const std::string manual = test_data("../../docs/policy.md") + test_data("../../docs/rules.md");
  const std::string fence = "```yaml\n";
  unsigned examples = 0;
  for (std::size_t at = manual.find(fence); at != manual.npos; at = manual.find(fence, at)) {
    at += fence.size();
    std::string text = manual.substr(at, manual.find("\n```", at) + 1 - at);
    if (!text.starts_with("version")) text = "version: 1\n" + text;
    if (text.find("interfaces:") == text.npos) text += "interfaces: [eth0]\n";
    EXPECT_EQ(issues_of(check_policy(text).issues), "") << text;
    ++examples;
  }
  EXPECT_GE(examples, 11U);
}

TEST(CheckPolicy, ThePackagedPolicyChecksClean) {
  const ParsedPolicy checked = check_policy(test_data("../../packaging/policy.yaml"));
  EXPECT_EQ(issues_of(checked.issues), "");
}

}  // namespace
}  // namespace tidegate::config
