// SPDX-License-Identifier: Apache-2.0
// How requests and totals of a capture are shown.
#pragma once

#include <memory>
#include <string>

#include "agent/behavior/match.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/summary.hpp"
#include "cli/format/output.hpp"

namespace tidegate::cli {

// Takes requests as they come. Used by one thread.
class RequestView {
 public:
  virtual ~RequestView() = default;
  virtual void add(const inspect::Summary& summary) = 0;
  // Shows what is still held.
  virtual void flush() = 0;
};
// `events`: what is no request is shown as well, and each says what it is; else it is left out. `operations`: what
// operations of API descriptions are called.
std::unique_ptr<RequestView> make_request_view(std::ostream& out, const Style& style, Format format, bool events,
                                               behavior::OperationNames operations);

// {connections, decrypted, no_key, unsupported_cipher, mid_stream, lossy, requests, bytes}, and more.
Json statistics_of(const inspect::Counters& counters);
void print_statistics(std::ostream& out, Format format, const inspect::Counters& counters);

// What could not be read, and why: "3 TLS connections without keys; …"; empty: nothing.
std::string blindness_of(const inspect::Counters& counters);

}  // namespace tidegate::cli
