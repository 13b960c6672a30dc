// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/lingering.hpp"

namespace tidegate::inspect {

// May be called from within a connection table's call, but never from within one of a conversation that lingers.
void Lingering::keep(std::unique_ptr<Conversation> conversation) {
  if (kept_.size() >= kMost) kept_.pop_front();
  kept_.push_back(std::move(conversation));
}

void Lingering::tidy() {
  std::erase_if(kept_, [](const auto& conversation) { return !conversation->waits_for_keys(); });
}

}  // namespace tidegate::inspect
