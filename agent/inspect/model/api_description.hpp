// SPDX-License-Identifier: Apache-2.0
// What a service's API description (OpenAPI) says of a request's path and query, in the form that travels to the
// inspector: values and bounds, no text of the document. Indexes into lists count from 1; 0: none.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "agent/inspect/model/decimal.hpp"

namespace tidegate::inspect {

// What a value may be (JSON Schema, 6.1.1), a bit each.
enum ApiType : std::uint8_t {
  kApiString = 1,
  kApiNumber = 2,  // integers as well
  kApiInteger = 4,
  kApiBoolean = 8,
  kApiNull = 16,
  kApiArray = 32,
  kApiObject = 64,
};
inline constexpr std::uint8_t kApiScalars = kApiString | kApiNumber | kApiInteger | kApiBoolean | kApiNull;
inline constexpr std::uint8_t kApiAnything = kApiScalars | kApiArray | kApiObject;

// Formats that a value either has or has not.
enum class ApiFormat : std::uint8_t { kNone, kUuid, kDate, kDateTime, kInt32, kInt64 };

// One of the values that an `enum` or `const` allows. A query has no types: the text decides, or the number it is.
struct ApiValue {
  std::string text;
  std::optional<Decimal> number;

  friend bool operator==(const ApiValue&, const ApiValue&) = default;
};

struct ApiBound {
  Decimal value;
  bool exclusive = false;

  friend bool operator==(const ApiBound&, const ApiBound&) = default;
};

struct ApiSchema {
  std::uint8_t types = kApiAnything;
  ApiFormat format = ApiFormat::kNone;
  bool uncertain = false;  // the document says more than is judged: what violates nothing here may violate that
  bool listed = false;     // one of `values`
  std::vector<ApiValue> values;
  std::vector<ApiBound> least;  // every one holds
  std::vector<ApiBound> most;
  std::optional<Decimal> multiple_of;
  std::uint32_t shortest = 0;  // in characters
  std::uint32_t longest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t pattern = 0;
  std::uint32_t fewest = 0;  // items
  std::uint32_t fullest = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t items = 0;
  std::vector<std::uint32_t> all;
  std::vector<std::uint32_t> any;  // empty: no such condition
  std::vector<std::uint32_t> one;  // likewise
  std::uint32_t none = 0;

  friend bool operator==(const ApiSchema&, const ApiSchema&) = default;
};

// How the values of a parameter are written (OpenAPI, style and explode).
enum class ApiStyle : std::uint8_t {
  kUnjudged,  // in a way that is not taken apart here
  kScalar,    // each value is one
  kRepeated,  // each value is an item
  kComma,     // items between commas
  kSpace,     // between spaces
  kPipe,      // between bars
  kPrefix,    // no values: keys `name[…]` are declared
};

struct ApiParameter {
  std::string name;
  ApiStyle style = ApiStyle::kScalar;
  bool required = false;
  bool may_be_empty = false;
  std::uint32_t schema = 0;  // none: not judged

  friend bool operator==(const ApiParameter&, const ApiParameter&) = default;
};

struct ApiOperation {
  std::string method;  // in capitals
  bool deprecated = false;
  bool any_query = false;            // takes keys that the description does not list
  std::vector<std::uint32_t> path;   // by variable of the template; 0: not judged
  std::vector<std::uint32_t> query;  // at most kMostQueryParameters

  friend bool operator==(const ApiOperation&, const ApiOperation&) = default;
};

// A piece of a segment: a text, or a variable.
struct ApiPiece {
  std::string literal;  // empty: a variable
  std::uint32_t variable = 0;

  friend bool operator==(const ApiPiece&, const ApiPiece&) = default;
};
using ApiSegment = std::vector<ApiPiece>;  // empty: nothing between two slashes

// A path template below one of the servers' base paths.
struct ApiPath {
  std::vector<ApiSegment> segments;  // decoded
  std::vector<std::uint32_t> operations;

  friend bool operator==(const ApiPath&, const ApiPath&) = default;
};

struct ApiDescription {
  std::vector<ApiPath> paths;
  std::vector<ApiOperation> operations;
  std::vector<ApiParameter> parameters;
  std::vector<ApiSchema> schemas;
  std::vector<std::string> patterns;    // RE2, found anywhere in a value
  std::vector<std::string> query_keys;  // that any operation takes: API keys in the query

  friend bool operator==(const ApiDescription&, const ApiDescription&) = default;
};

// Bounds of one description; all of a policy together have at most kMostApiPatterns patterns and kMostApiBytes as sent.
inline constexpr std::size_t kMostApiPaths = 16'384;
inline constexpr std::size_t kMostOperations = 16'384;
inline constexpr std::size_t kMostParameters = 65'536;
inline constexpr std::size_t kMostSchemas = 65'536;
inline constexpr std::size_t kMostApiPatterns = 256;
inline constexpr std::size_t kMostApiBytes = 2 << 20;
inline constexpr std::size_t kMostQueryParameters = 128;
inline constexpr std::size_t kMostSegments = 64;
inline constexpr std::size_t kMostPieces = 16;
inline constexpr std::size_t kMostApiValues = 4096;     // of an enum
inline constexpr std::size_t kMostBranches = 64;        // of allOf, anyOf, oneOf
inline constexpr std::size_t kLongestApiText = 1024;    // names, literals, values of an enum, patterns
inline constexpr std::int64_t kMostApiRegex = 1 << 16;  // bytes that RE2 may use for one pattern

// Whether all of it lies within these bounds and refers to what is there.
bool is_sound(const ApiDescription& description);

}  // namespace tidegate::inspect
