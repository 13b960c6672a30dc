// SPDX-License-Identifier: Apache-2.0
// Net ns per packet of our program and of its peers, by BPF_PROG_TEST_RUN (docs/benchmarks.md).
#include <map>

#include "tests/bench/cases.hpp"
#include "tests/bench/isolation.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {
namespace {

struct Prepared {
  Case what;
  std::uint32_t repeat = 0;
};

Result<std::vector<Prepared>> prepare(TestRun& run, const std::vector<Case>& cases, const Settings& settings) {
  std::vector<Prepared> prepared;
  for (const auto& one : cases) {
    if (one.name.find(settings.only) == std::string::npos) {
      continue;
    }
    TIDEGATE_ASSIGN(const auto repeat, run.calibrate(one.subject, one.traffic, settings.milliseconds));
    prepared.push_back({one, repeat});
  }
  return prepared;
}

Status measure(TestRun& run, const Prepared& prepared, unsigned round) {
  const auto& one = prepared.what;
  if (one.before) {
    TIDEGATE_TRY(one.before());
  }
  TIDEGATE_ASSIGN(const auto sample, run.sample(one.subject, one.traffic, prepared.repeat));
  if (one.verdict && sample.verdict != *one.verdict) {
    return fail(ErrorCode::kInternal, one.name + ": verdict " + std::to_string(sample.verdict) + " instead of " +
                                          std::to_string(*one.verdict));
  }
  emit("sample", {{"bench", "program"},
                  {"name", one.name},
                  {"program", one.subject.name},
                  {"sources", std::int64_t{one.traffic.sources}},
                  {"round", std::int64_t{round}},
                  {"unit", "ns"},
                  {"value", sample.net()},
                  {"base", sample.base},
                  {"packets", std::int64_t{sample.repeat}},
                  {"what", one.after ? one.after() : ""}});
  return {};
}

Status run_all(const Settings& settings) {
  TIDEGATE_TRY(isolate());
  TIDEGATE_TRY(pin_to_cpu(settings.cpu));
  TIDEGATE_ASSIGN(auto run, TestRun::open());
  TIDEGATE_ASSIGN(auto cases, all_cases(settings));
  TIDEGATE_ASSIGN(const auto prepared, prepare(*run, cases, settings));
  for (unsigned round = 0; round < settings.rounds; ++round) {
    for (const auto& one : prepared) {
      TIDEGATE_TRY(measure(*run, one, round));
    }
  }
  return {};
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) { return tidegate::bench::run_bench(argc, argv, tidegate::bench::run_all); }
