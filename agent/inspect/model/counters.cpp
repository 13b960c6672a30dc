// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/model/counters.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::array<CounterText, kCounters> kTexts{{
#define INSPECT_COUNTER(id, name, kind, help) {name, CounterKind::kind, help},
#include "agent/inspect/model/counters.def"
#undef INSPECT_COUNTER
}};

}  // namespace

const CounterText& text_of(Counter counter) { return kTexts[static_cast<std::size_t>(counter)]; }

}  // namespace tidegate::inspect
