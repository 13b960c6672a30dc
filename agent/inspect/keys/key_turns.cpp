// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_turns.hpp"

#include <algorithm>

namespace tidegate::inspect {

KeyTurns::Payer& KeyTurns::join(const KeyPayerName& name, MonotonicTime now) {
  const auto [found, made] = payers_.try_emplace(name);
  Payer& payer = found->second;
  if (made) {
    payer.name = name;
    payer.credit = most_;
    payer.credited = now;
  }
  ++payer.inputs;
  return payer;
}

KeyTurns::Payer* KeyTurns::largest_user() {
  Payer* largest = nullptr;
  for (auto& [name, payer] : payers_) {
    if (name.of != KeyPayerName::Of::kUser || payer.inputs == 0) continue;
    if (largest == nullptr || payer.inputs > largest->inputs) largest = &payer;
  }
  return largest;
}

void KeyTurns::wait(Payer& payer, std::size_t input) {
  payer.waiting.push_back(input);
  if (!payer.in_line) line_.push_back(&payer);
  payer.in_line = true;
}

std::int64_t KeyTurns::credit_of(const Payer& payer, MonotonicTime now) const {
  constexpr MonotonicTime kLongest = std::chrono::seconds(10);  // keeps the product in range
  const MonotonicTime passed = std::clamp(now - payer.credited, MonotonicTime(0), kLongest);
  return std::min(payer.credit + passed.count() / 1000 * per_second_ / 1'000'000, most_);
}

// Not before the time is worth a byte: what is less would be lost.
void KeyTurns::refill(Payer& payer, MonotonicTime now) const {
  const std::int64_t credit = credit_of(payer, now);
  if (credit == payer.credit && credit < most_) return;
  payer.credit = credit;
  payer.credited = now;
}

std::optional<std::size_t> KeyTurns::next(MonotonicTime now) {
  for (std::size_t left = line_.size(); left > 0; --left) {
    Payer& payer = *line_.front();
    line_.pop_front();
    std::optional<std::size_t> input;
    refill(payer, now);
    if (payer.credit > 0 && !payer.waiting.empty()) {
      input = payer.waiting.front();
      payer.waiting.pop_front();
    }
    payer.in_line = !payer.waiting.empty();
    if (payer.in_line) line_.push_back(&payer);
    if (input) return input;
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> KeyTurns::until_next(MonotonicTime now) const {
  std::optional<std::chrono::milliseconds> least;
  for (const Payer* payer : line_) {
    if (payer->waiting.empty()) continue;
    const std::int64_t missing = std::max<std::int64_t>(1 - credit_of(*payer, now), 0);
    const std::chrono::milliseconds until((missing * 1000 + per_second_ - 1) / per_second_);
    least = std::min(least.value_or(until), until);
  }
  return least;
}

void KeyTurns::tidy(MonotonicTime now) {
  std::erase_if(payers_, [&](const auto& entry) {
    const Payer& payer = entry.second;
    return payer.inputs == 0 && !payer.in_line && credit_of(payer, now) == most_;
  });
}

}  // namespace tidegate::inspect
