// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/error.hpp"
#include "agent/control/controllers.hpp"

namespace tidegate::metrics {

// /metrics over HTTP. Its address is taken before anything else is done, so that a taken one has no consequences.
class Exporter {
 public:
  // Binds to exactly `address` ("127.0.0.1:9464", port 0: any free one). kUnavailable: taken, or not an address of this
  // host.
  static Result<std::unique_ptr<Exporter>> listen(const std::string& address);
  virtual ~Exporter() = default;
  // Once: from now on and for as long as it lives /metrics says what `controllers` report; until then it is not found.
  // `controllers` outlive it.
  virtual void serve(const control::Controllers& controllers) = 0;
  virtual std::uint16_t port() const = 0;
};

}  // namespace tidegate::metrics
