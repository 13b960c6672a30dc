// SPDX-License-Identifier: Apache-2.0
// Every keyword that is judged: what fits and what does not.
#include <gtest/gtest.h>

#include <vector>

#include "agent/inspect/api/text.hpp"
#include "tests/unit/openapi/support.hpp"

namespace tidegate::openapi {
namespace {

struct Case {
  const char* schema;
  std::vector<const char*> fits;
  std::vector<const char*> violates;
};

void check(const Case& one, const std::string& version = "3.1.0") {
  SCOPED_TRACE(one.schema);
  Described op(with_parameter(one.schema, "", version));
  for (const char* value : one.fits) EXPECT_EQ(op.get(std::string("/x?p=") + value), "op") << value;
  for (const char* value : one.violates) {
    EXPECT_EQ(op.get(std::string("/x?p=") + value), "op: invalid_query") << value;
  }
}

TEST(Values, Types) {
  check({"{type: integer}",
         {"0", "-7", "007", "1.0", "1e3", "%2B5", "123456789012345678901234567890"},
         {"", "x", "1.5", "1e-1", "0x10", "%205", "5%20", "true", "--1", "1.", ".5"}});
  check({"{type: number}", {"0", "1.5", "-2.5e-3", "1E400"}, {"", "x", "NaN", "Infinity", "1,5"}});
  check({"{type: boolean}", {"true", "false"}, {"", "True", "1", "yes", "truefalse"}});
  check({"{type: string}", {"", "x", "5", "true", "%00", "%ff"}, {}});
  check({"{type: [integer, 'null']}", {"5", "", "null"}, {"x"}});
  check({"{type: [integer, boolean]}", {"5", "true"}, {"x"}});
  check({"{type: 'null'}", {"", "null"}, {"0"}});
}

TEST(Values, NullableOf30) {
  check({"{type: integer, nullable: true}", {"5", "", "null"}, {"x"}}, "3.0.3");
  check({"{type: string, nullable: true, enum: [a]}", {"a", "null"}, {"b"}}, "3.0.3");
}

TEST(Values, Ranges) {
  check({"{type: integer, minimum: 1, maximum: 10}", {"1", "10", "5", "010"}, {"0", "11", "-5"}});
  check({"{type: number, exclusiveMinimum: 0, exclusiveMaximum: 0.3}",
         {"0.1", "0.2999999999999999"},
         {"0", "0.0", "0.3", "0.30"}});
  check({"{type: number, minimum: 0, exclusiveMinimum: true}", {"0.1"}, {"0"}}, "3.0.3");
  check({"{type: number, minimum: 0, exclusiveMinimum: false}", {"0"}, {"-1"}}, "3.0.3");
  // Two numbers that are one as doubles.
  check({"{type: integer, maximum: 9007199254740992}", {"9007199254740992"}, {"9007199254740993"}});
  check({"{type: integer, minimum: -5}", {"-5"}, {"-6", "-99999999999999999999999999"}});
}

TEST(Values, MultipleOf) {
  check({"{type: integer, multipleOf: 5}", {"0", "10", "-15"}, {"3", "-7"}});
  check({"{type: number, multipleOf: 0.01}", {"0.03", "4.35", "19.99"}, {"0.005"}});
  // More digits than are kept: not judged.
  check({"{type: integer, multipleOf: 7}", {"123456789012345678901234567890"}, {"8"}});
}

TEST(Values, LengthsAreOfCharacters) {
  check({"{type: string, minLength: 2, maxLength: 3}",
         {"ab", "abc", "%C3%A4%C3%B6", "%F0%9F%98%80ab"},
         {"", "a", "abcd", "%C3%A4"}});
  check({"{type: string, maxLength: 1}", {"%FF%FE"}, {}});  // not UTF-8: not judged
}

TEST(Values, EnumAndConst) {
  check({"{type: string, enum: [asc, desc, '5']}", {"asc", "5"}, {"ASC", "", "6", "5.0"}});
  check({"{type: integer, enum: [1, 2]}", {"1", "2", "2.0"}, {"3", "12"}});
  check({"{enum: [a, 1]}", {"a", "1"}, {"b"}});
  check({"{const: v2}", {"v2"}, {"v1"}});
  check({"{enum: [true]}", {"true"}, {"false"}});
}

TEST(Values, Patterns) {
  check({"{type: string, pattern: '^[a-z]{2}-\\d+$'}", {"ab-1"}, {"ab-", "AB-1", "ab-1%0a"}});
  check({"{type: string, pattern: 'b'}", {"abc"}, {"acd"}});
  check({"{type: string, pattern: '^\\u0041.$'}", {"A%C3%A4"}, {"B1", "A%0A"}});
}

TEST(Values, Formats) {
  check({"{type: string, format: uuid}",
         {"123e4567-E89B-12d3-a456-426614174000"},
         {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", ""}});
  check({"{type: string, format: date}",
         {"2024-02-29", "2000-12-31"},
         {"2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-1-1", "20240101", "2024-04-31"}});
  check({"{type: string, format: date-time}",
         {"2024-02-29T23:59:60Z", "2024-01-01t00:00:00.123456z", "2024-01-01T00:00:00-05:30"},
         {"2024-01-01", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00.Z",
          "2024-01-01%2000:00:00Z", "2024-01-01T00:00:00%2B2400"}});
  check({"{type: integer, format: int32}", {"2147483647", "-2147483648"}, {"2147483648", "-2147483649"}});
  check({"{type: integer, format: int64}",
         {"9223372036854775807", "-9223372036854775808"},
         {"9223372036854775808", "99999999999999999999999"}});
  check({"{type: string, format: email}", {"nobody", ""}, {}});  // not judged
}

TEST(Values, Composition) {
  check({"{allOf: [{type: integer}, {minimum: 5}]}", {"5"}, {"4", "x"}});
  check({"{anyOf: [{type: integer}, {enum: [all]}]}", {"5", "all"}, {"none"}});
  check({"{oneOf: [{type: integer, maximum: 5}, {type: integer, minimum: 3}]}", {"1", "9"}, {"4", "x"}});
  check({"{type: string, not: {enum: [admin]}}", {"guest"}, {"admin"}});
  check({"{type: string, not: {pattern: '(?=a)'}}", {"a", "b"}, {}});  // unknown stays unknown
  check({"{type: integer, oneOf: [{format: email}, {minimum: 3}]}", {"1", "5"}, {"x"}});
}

TEST(Values, EmptyWhereItMayBe) {
  Described op(with_parameter("{type: integer}", ", allowEmptyValue: true"));
  EXPECT_EQ(op.get("/x?p="), "op");
  EXPECT_EQ(op.get("/x?p"), "op");
  EXPECT_EQ(op.get("/x?p=x"), "op: invalid_query");
}

TEST(Values, ADescriptionCannotMakeJudgingExpensive) {
  // Each level asks for the one below it twice: 2^40 schemas if all were looked at.
  std::string text =
      "openapi: 3.0.0\npaths: {/x: {get: {operationId: op, parameters: [{name: p, in: query, schema: "
      "{$ref: '#/components/schemas/s0'}}]}}}\ncomponents:\n  schemas:\n";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "{$ref: '#/components/schemas/s" + std::to_string(i + 1) + "'}";
    text += "    s" + std::to_string(i) + ": {anyOf: [" + next + ", " + next + "]}\n";
  }
  text += "    s40: {type: integer}\n";
  Described op(text);
  EXPECT_EQ(op.get("/x?p=x"), "op") << "not certain: not held against anybody";
}

TEST(Text, CharactersOfUtf8) {
  using inspect::api::count_characters;
  EXPECT_EQ(count_characters("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
  for (const char* text :
       {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xF5\x80\x80\x80", "\xE0\x80\x80"}) {
    EXPECT_EQ(count_characters(text), std::nullopt);
  }
}

}  // namespace
}  // namespace tidegate::openapi
