// SPDX-License-Identifier: Apache-2.0
// ns per frame dropped at the end of a veth pair, ours and peers (docs/benchmarks.md).
#include <algorithm>
#include <thread>

#include "tests/bench/flood.hpp"
#include "tests/bench/isolation.hpp"
#include "tests/bench/link.hpp"
#include "tests/bench/receivers.hpp"
#include "tests/bench/samples.hpp"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kCalibrationFrames = 20'000;

struct Cost {
  double ns = 0;        // per frame that was received
  double received = 0;  // share of the frames sent
  double busy = 1;      // share of the receiving CPU that was used
  std::uint64_t frames = 0;
};

// One core does everything: what it costs to make, hand over and drop a frame, by the clock.
Result<Cost> one_core(Flood& flood, const Receiver& receiver, std::uint32_t frames) {
  TIDEGATE_ASSIGN(const auto before, receiver.link.received());
  TIDEGATE_ASSIGN(const auto ns, flood.send(receiver.link.near_ifindex(), receiver.traffic, frames));
  TIDEGATE_ASSIGN(const auto after, receiver.link.received());
  return Cost{ns, static_cast<double>(after - before) / frames, 1, after - before};
}

// Another core receives: its thread's CPU time by the frames that it took off the ring. The rest was lost there.
Result<Cost> receiver_only(Flood& flood, const Receiver& receiver, std::uint32_t frames) {
  const auto& link = receiver.link;
  TIDEGATE_TRY(link.drain(0));
  TIDEGATE_ASSIGN(const auto cpu_before, link.receiver_ns());
  TIDEGATE_ASSIGN(const auto before, link.received());
  TIDEGATE_ASSIGN(const auto pace, flood.send(link.near_ifindex(), receiver.traffic, frames));
  TIDEGATE_TRY(link.drain(before + 1));
  TIDEGATE_ASSIGN(const auto cpu_after, link.receiver_ns());
  TIDEGATE_ASSIGN(const auto after, link.received());
  const auto cpu = static_cast<double>(cpu_after - cpu_before);
  const auto received = static_cast<double>(after - before);
  return Cost{cpu / received, received / frames, cpu / (pace * frames), after - before};
}

using Measure = Result<Cost> (*)(Flood&, const Receiver&, std::uint32_t);

// So many frames as last for a sample.
Result<std::vector<std::uint32_t>> calibrate(Flood& flood, const Receivers& receivers, double milliseconds) {
  std::vector<std::uint32_t> frames;
  for (const auto& receiver : receivers) {
    const auto near = receiver->link.near_ifindex();
    double fastest = 1e6;
    for (int i = 0; i < 3; ++i) {
      TIDEGATE_ASSIGN(const auto ns, flood.send(near, receiver->traffic, kCalibrationFrames));
      fastest = std::min(fastest, ns);
    }
    frames.push_back(static_cast<std::uint32_t>(milliseconds * 1e6 / std::max(fastest, 1.0)) + 1000);
  }
  return frames;
}

Status run_rounds(Flood& flood, const Receivers& receivers, const Settings& settings, const std::string& bench,
                  Measure measure) {
  TIDEGATE_ASSIGN(const auto frames, calibrate(flood, receivers, settings.milliseconds));
  for (unsigned round = 0; round < settings.rounds; ++round) {
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      const auto& receiver = *receivers[i];
      if (receiver.what) {
        receiver.what();  // forgets what calibration did
      }
      TIDEGATE_ASSIGN(const auto cost, measure(flood, receiver, frames[i]));
      emit("sample", {{"bench", bench},
                      {"name", receiver.name},
                      {"sources", std::int64_t{receiver.traffic.sources}},
                      {"round", std::int64_t{round}},
                      {"unit", "ns"},
                      {"value", cost.ns},
                      {"received_share", cost.received},
                      {"cpu_share", cost.busy},
                      {"packets", static_cast<std::int64_t>(cost.frames)},
                      {"what", receiver.what ? receiver.what() : ""}});
    }
  }
  return {};
}

Status run_all(const Settings& settings) {
  TIDEGATE_TRY(isolate());
  TIDEGATE_TRY(pin_to_cpu(settings.cpu));
  TIDEGATE_ASSIGN(auto flood, Flood::open());
  TIDEGATE_ASSIGN(const auto receivers, all_receivers(settings));
  TIDEGATE_TRY(run_rounds(*flood, receivers, settings, "veth", one_core));
  if (std::thread::hardware_concurrency() < 2) {
    emit_skip("veth-receiver", "all", "needs two CPUs: one sends, one receives");
    return {};
  }
  for (const auto& receiver : receivers) {
    TIDEGATE_TRY(receiver->link.use_thread(settings.cpu));
  }
  TIDEGATE_TRY(pin_to_cpu(settings.cpu == 0 ? 1 : 0));
  return run_rounds(*flood, receivers, settings, "veth-receiver", receiver_only);
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) { return tidegate::bench::run_bench(argc, argv, tidegate::bench::run_all); }
