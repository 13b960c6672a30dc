// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/error.hpp"
#include "agent/control/controllers.hpp"

namespace tidegate::metrics {

// Serves /metrics over HTTP for as long as it lives. Thread-safe.
class Exporter {
 public:
  // Binds to exactly `address` ("127.0.0.1:9464", port 0: any free one). kUnavailable: taken, or not an address of this
  // host; `controllers` outlives it.
  static Result<std::unique_ptr<Exporter>> start(const std::string& address, const control::Controllers& controllers);
  virtual ~Exporter() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace tidegate::metrics
