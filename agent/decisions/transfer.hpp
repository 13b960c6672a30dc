// SPDX-License-Identifier: Apache-2.0
// Decisions as text, in and out. Pure: no store, no files. docs/decisions.md is the grammar.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

// Plain: `TARGET [DURATION] [REASON…]` per line; `#` starts a comment line. `-` for DURATION: until removed; a reason
// whose first word could be taken for a duration (a digit, then letters and digits) needs it.
// JSON: what `export` writes, an array of objects or one object after the other.
// CSV (RFC 4180): what `export` writes; the header names the columns, at least `target`.
// nft: a file for `nft -f`, out only.
enum class Format { kPlain, kJson, kCsv, kNft };

Result<Format> parse_format(std::string_view text);  // "plain", "json", "csv", "nft"

// "2030-01-01T00:00:00Z", with a fraction or an offset where present (RFC 3339, 5.6).
Result<WallTime> parse_rfc3339(std::string_view text);

struct LineError {
  std::uint64_t line = 0;  // from 1; of a JSON object: where it begins
  std::string message;
};

struct ImportSummary {
  std::uint64_t accepted = 0;
  std::uint64_t expired = 0;      // over already: left out, not an error
  std::vector<LineError> errors;  // the first kMostErrors
  std::uint64_t error_count = 0;
  std::optional<Error> failure;  // of the sink, not of a line: nothing more was read
  static constexpr std::size_t kMostErrors = 100;
};

// JSON and CSV: an unknown key or column is an error, so that a misspelt `expires` makes no block
// for good. `id`, `created`, `forced` and `actor` are read over: they are given anew.
struct ImportOptions {
  std::optional<Format> format;       // none: told from the first byte
  std::optional<std::string> origin;  // none: the one in the text (JSON, CSV), else "operator"
  WallTime now;                       // durations count from here
  std::string actor;
};

// Reads text in chunks of any size within bounded memory: kMostRecordBytes of text at most are held.
// Not thread-safe.
class ImportParser {
 public:
  // Called for every good line in order. kInvalidArgument and kFailedPrecondition are reported against the line like a
  // wrong one; any other error ends the import.
  using Sink = std::function<Status(NewDecision&&)>;

  static std::unique_ptr<ImportParser> create(ImportOptions options, Sink sink);
  virtual ~ImportParser() = default;

  virtual void feed(std::string_view chunk) = 0;
  // Once, at the end.
  virtual ImportSummary finish() = 0;

  static constexpr std::size_t kMostRecordBytes = 16384;
};

// Writes decisions in one format. Plain and nft hold only blocks: others are
// named in a comment. nft gathers targets until finish() (24 bytes each), for its intervals may not overlap.
class Exporter {
 public:
  using Write = std::function<void(std::string_view)>;

  static std::unique_ptr<Exporter> create(Format format, WallTime now, Write write);
  virtual ~Exporter() = default;

  virtual void add(const Decision& decision) = 0;
  virtual void finish() = 0;
};

}  // namespace tidegate::decisions
