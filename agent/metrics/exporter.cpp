// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/exporter.hpp"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>

#include "agent/metrics/families.hpp"

namespace tidegate::metrics {
namespace {

class Collector final : public prometheus::Collectable {
 public:
  explicit Collector(const control::Controllers& controllers) : controllers_(controllers) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    return make_families(controllers_.status.report(), controllers_.env.telemetry.exact_counts());
  }

 private:
  const control::Controllers& controllers_;
};

class ExporterImpl final : public Exporter {
 public:
  explicit ExporterImpl(const std::string& address)
      : exposer_({"listening_ports", address, "num_threads", "1", "request_timeout_ms", "5000", "keep_alive_timeout_ms",
                  "1000"}) {}
  void serve(const control::Controllers& controllers) override {
    collector_ = std::make_shared<Collector>(controllers);
    exposer_.RegisterCollectable(collector_);
  }
  std::uint16_t port() const override { return static_cast<std::uint16_t>(exposer_.GetListeningPorts().at(0)); }

 private:
  std::shared_ptr<Collector> collector_;
  prometheus::Exposer exposer_;
};

}  // namespace

// The library reports failure by exception only, without the cause.
Result<std::unique_ptr<Exporter>> Exporter::listen(const std::string& address) {
  try {
    return std::make_unique<ExporterImpl>(address);
  } catch (const std::exception&) {
    return fail(ErrorCode::kUnavailable, "metrics: cannot listen on " + address +
                                             " (taken by another program, or no address of this host); set another "
                                             "`metrics` address or `metrics: off`");
  }
}

}  // namespace tidegate::metrics
