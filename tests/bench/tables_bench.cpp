// SPDX-License-Identifier: Apache-2.0
// How fast the loader writes tables: blocks per second and the time of a change of policy, without agent or store.
#include <functional>

#include "agent/policy/compile.hpp"
#include "tests/bench/isolation.hpp"
#include "tests/bench/ours.hpp"
#include "tests/bench/samples.hpp"

namespace tidegate::bench {
namespace {

constexpr unsigned kServices = 100;

Result<double> milliseconds_of(const std::function<Status()>& action) {
  const auto began = monotonic_ns();
  TIDEGATE_TRY(action());
  return static_cast<double>(monotonic_ns() - began) / 1e6;
}

void emit_value(const std::string& name, unsigned round, const std::string& unit, double value) {
  emit("sample",
       {{"bench", "tables"}, {"name", name}, {"round", std::int64_t{round}}, {"unit", unit}, {"value", value}});
}

std::vector<Prefix> targets_of(const std::vector<kernel::BlockEntry>& entries) {
  std::vector<Prefix> targets;
  for (const auto& entry : entries) {
    targets.push_back(entry.target);
  }
  return targets;
}

Status measure_blocks(kernel::Datapath& datapath, const std::vector<kernel::BlockEntry>& entries, unsigned round) {
  const auto count = static_cast<double>(entries.size());
  const auto targets = targets_of(entries);
  TIDEGATE_ASSIGN(const auto put, milliseconds_of([&] { return datapath.put_blocks(entries); }));
  TIDEGATE_ASSIGN(const auto again, milliseconds_of([&] { return datapath.put_blocks(entries); }));
  TIDEGATE_ASSIGN(const auto removed, milliseconds_of([&] { return datapath.remove_blocks(targets); }));
  emit_value("put", round, "1/s", count / put * 1e3);
  emit_value("put-again", round, "1/s", count / again * 1e3);
  emit_value("remove", round, "1/s", count / removed * 1e3);
  TIDEGATE_ASSIGN(const auto one,
                  milliseconds_of([&] { return datapath.put_blocks(std::span(entries).subspan(0, 1)); }));
  emit_value("put-one", round, "ms", one);
  return datapath.remove_blocks(std::span(targets).subspan(0, 1));
}

Status measure_apply(kernel::Datapath& datapath, unsigned round) {
  const auto policy = bench_policy(kServices);
  Result<policy::Compiled> compiled = fail(ErrorCode::kInternal, "not compiled");
  TIDEGATE_ASSIGN(const auto compile, milliseconds_of([&]() -> Status {
                    compiled = policy::compile({.policy = policy,
                                                .extra_safelist = {},
                                                .slots = datapath.slots(),
                                                .ifindex_of = [](const std::string&) { return 0U; }});
                    return compiled ? Status{} : std::unexpected(compiled.error());
                  }));
  TIDEGATE_ASSIGN(const auto apply, milliseconds_of([&] {
                    return datapath.apply(*compiled->image, compiled->slots, datapath.active_generation() + 1);
                  }));
  emit_value("compile-100-services", round, "ms", compile);
  emit_value("apply-100-services", round, "ms", apply);
  return {};
}

Status run_all(const Settings& settings) {
  TIDEGATE_TRY(isolate());
  const auto entries = bench_blocks(settings.quick ? 10'000 : 1'000'000);
  TIDEGATE_ASSIGN(const auto ours, Ours::open("tables", 0, bench_policy(kServices)));
  for (unsigned round = 0; round < settings.rounds; ++round) {
    TIDEGATE_TRY(measure_blocks(ours->datapath(), entries, round));
    TIDEGATE_TRY(measure_apply(ours->datapath(), round));
  }
  for (const auto& table : ours->datapath().tables()) {
    emit("table", {{"name", table.name},
                   {"capacity", static_cast<std::int64_t>(table.capacity)},
                   {"memory_bytes", static_cast<std::int64_t>(table.memory_bytes)}});
  }
  return {};
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) { return tidegate::bench::run_bench(argc, argv, tidegate::bench::run_all); }
