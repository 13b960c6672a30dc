// SPDX-License-Identifier: Apache-2.0
// Descriptions as anybody may write them, and requests as any client may send them: up to the first NUL byte a
// document, then lines of "METHOD target". Reading ends and stays in bounds; what is read is sound, survives the
// channel, and gives the same verdict twice.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/inspect/api/matcher.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/api_codec.hpp"
#include "agent/openapi/document.hpp"

namespace {

using namespace tidegate;

void require(bool condition) {
  if (!condition) std::abort();
}

void judge(inspect::api::Matcher& matcher, const inspect::ApiDescription& api, std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view target = line.substr(std::min(space + 1, line.size()));
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  const auto first = matcher.judge(line.substr(0, space), target.substr(0, question), query);
  require(first == matcher.judge(line.substr(0, space), target.substr(0, question), query));
  require(first.operation <= api.operations.size());
  require((first.facts & ~inspect::kAllApiFacts) == 0);
  const bool unknown = (first.facts & (inspect::kApiUnknownPath | inspect::kApiWrongMethod)) != 0;
  require(!unknown || first.operation == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const auto reading = openapi::read_document(input.substr(0, end));
  for (const auto& issue : reading.issues) require(issue.message.find('\n') == issue.message.npos);
  if (!reading.document) return 0;
  const inspect::ApiDescription& api = *reading.document->api;
  require(inspect::is_sound(api) && api.operations.size() == reading.document->operations.size());
  std::vector<std::byte> bytes;
  inspect::wire::Writer writer(bytes);
  inspect::wire::put_api(writer, api);
  inspect::wire::Reader reader{inspect::Bytes(bytes)};
  require(*inspect::wire::take_api(reader) == api && reader.ok() && reader.at_end());
  inspect::api::Matcher matcher(api);
  std::string_view left = std::string_view(input).substr(std::min(end + 1, input.size()));
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    judge(matcher, api, line);
    left.remove_prefix(std::min(line.size() + 1, left.size()));
  }
  return 0;
}
