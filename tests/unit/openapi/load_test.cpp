// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "agent/config/policy_reader.hpp"
#include "agent/inspect/wire/settings_parts.hpp"
#include "agent/policy/diff.hpp"
#include "tests/unit/openapi/support.hpp"

namespace tidegate::openapi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A directory of files that are only named.
struct Files {
  std::map<std::string, std::string> texts;
  ReadFile reader() {
    return [this](const std::filesystem::path& file) -> Result<std::string> {
      const auto found = texts.find(file.string());
      if (found == texts.end()) return fail(ErrorCode::kNotFound, file.string() + ": no such file");
      return found->second;
    };
  }
};

policy::Policy policy_with(const std::string& file) {
  auto parsed = config::read_policy(
      "version: 1\nservices:\n  - name: api\n    match: [tcp/443]\n    tls: {inspect: true}\n"
      "    openapi: " +
      file + "\n");
  EXPECT_TRUE(parsed.valid());
  return std::move(parsed.policy);
}

std::string text_of(const std::vector<policy::Issue>& issues) {
  std::string text;
  for (const auto& issue : issues) text += config::format_issue("policy.yaml", issue) + "\n";
  return text;
}

TEST(Load, RelativeNamesAreOfThePolicysDirectory) {
  Files files{{{"/etc/tidegate/api.yaml", with_parameter("{type: integer}")}}};
  policy::Policy policy = policy_with("api.yaml");
  EXPECT_THAT(load(policy, "/etc/tidegate", files.reader()), IsEmpty());
  ASSERT_TRUE(policy.services[0].openapi->document);
  EXPECT_EQ(policy.services[0].openapi->document->file, "/etc/tidegate/api.yaml");
  EXPECT_THAT(operation_names(policy).at("api"), ElementsAre("op"));
  policy::Policy absolute = policy_with("/etc/tidegate/api.yaml");
  EXPECT_THAT(load(absolute, "/elsewhere", files.reader()), IsEmpty());
}

TEST(Load, ErrorsStandAtThePlaceInThePolicyAndNameThatInTheDescription) {
  Files files{{{"d/api.yaml", with_parameter("{type: integer, minimum: low}")}}};
  policy::Policy policy = policy_with("api.yaml");
  EXPECT_EQ(text_of(load(policy, "d", files.reader())),
            "policy.yaml:6:14: service api: openapi: d/api.yaml:7:74: minimum has to be a number\n");
  EXPECT_FALSE(policy.services[0].openapi->document);
  EXPECT_THAT(policy.services[0].openapi->problem, HasSubstr("minimum has to be a number"));
  policy::Policy missing = policy_with("none.yaml");
  EXPECT_EQ(text_of(load(missing, "d", files.reader())),
            "policy.yaml:6:14: service api: openapi: d/none.yaml: no such file\n");
}

TEST(Load, AFileThatChangedIsNoticed) {
  Files files{{{"api.yaml", with_parameter("{type: integer}")}}};
  policy::Policy policy = policy_with("api.yaml");
  load(policy, "", files.reader());
  EXPECT_THAT(differences(policy, files.reader()), IsEmpty());
  const policy::Policy before = policy;
  files.texts["api.yaml"] += "\n# later\n";
  EXPECT_THAT(differences(policy, files.reader()), ElementsAre(HasSubstr("differs from the description in force")));
  load(policy, "", files.reader());
  const auto changes = policy::diff(before, policy);
  ASSERT_THAT(changes, SizeIs(1)) << "a policy of the same text is another one";
  EXPECT_EQ(changes[0].path, "services.api.openapi");
  files.texts.clear();
  EXPECT_THAT(differences(policy, files.reader()), ElementsAre(HasSubstr("its file is gone")));
}

TEST(Load, DescriptionsOfAPolicyTogetherAreBounded) {
  std::string patterns;
  for (int i = 0; i < 200; ++i)
    patterns +=
        "{name: p" + std::to_string(i) + ", in: query, schema: {type: string, pattern: 'x" + std::to_string(i) + "'}},";
  patterns = patterns.substr(0, patterns.find("{name: p120,"));
  const std::string text = "openapi: 3.0.0\npaths: {/x: {get: {parameters: [" + patterns + "]}}}\n";
  Files files{{{"a", text}, {"b", text}, {"c", text}}};
  auto parsed = config::read_policy(
      "version: 1\nservices:\n"
      "  - {name: a, match: [tcp/1], tls: {inspect: true}, openapi: a}\n"
      "  - {name: b, match: [tcp/2], tls: {inspect: true}, openapi: b}\n"
      "  - {name: c, match: [tcp/3], tls: {inspect: true}, openapi: c}\n");
  EXPECT_THAT(text_of(load(parsed.policy, "", files.reader())), HasSubstr("together more than the inspector takes"));
}

TEST(Load, ADescriptionArrivesAtTheInspectorAsItIs) {
  const auto document = read_document(with_parameter("{type: number, minimum: 0.5, exclusiveMaximum: 9, enum: [1, "
                                                     "'2'], pattern: x, oneOf: [{type: integer}, {const: 1}], "
                                                     "not: {format: uuid}}"))
                            .document;
  ASSERT_TRUE(document);
  inspect::Settings settings;
  settings.apis = {document->api};
  settings.services.push_back({.name = "api", .ports = {{443, 443}}, .api = 1});
  const auto messages = inspect::wire::encode_settings(settings);
  ASSERT_TRUE(messages);
  inspect::wire::SettingsAssembler assembler;
  std::optional<inspect::Settings> arrived;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const auto message = inspect::wire::decode_to_inspector((*messages)[i]);
    ASSERT_TRUE(message);
    const auto added = assembler.add(std::get<inspect::wire::SettingsPart>(*message));
    ASSERT_TRUE(added);
    if (*added) arrived = **added;
  }
  ASSERT_TRUE(arrived);
  ASSERT_THAT(arrived->apis, SizeIs(1));
  EXPECT_TRUE(*arrived->apis[0] == *document->api);
  EXPECT_EQ(arrived->services[0].api, 1U);
}

}  // namespace
}  // namespace tidegate::openapi
