// SPDX-License-Identifier: Apache-2.0
// Whose turn it is to be read, and who has had enough for now.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "agent/base/clock.hpp"

namespace tidegate::inspect {

// Who pays for what is read: a user for all of its connections together, every other source for itself.
struct KeyPayerName {
  enum class Of : std::uint8_t { kSource, kUser } of = Of::kSource;
  std::uint32_t id = 0;  // of the source, or of the user
  friend auto operator<=>(const KeyPayerName&, const KeyPayerName&) = default;
};

// Inputs that have something to read wait in the queue of who pays for them. Payers take turns, those without credit
// are passed over until they have some again: however many inputs one has, it costs one share, and others do not wait
// behind them. Used by one thread.
class KeyTurns {
 public:
  struct Payer {
    KeyPayerName name;
    std::int64_t credit = 0;  // bytes
    MonotonicTime credited{};
    std::size_t inputs = 0;  // open
    std::deque<std::size_t> waiting;
    bool in_line = false;
  };

  // Credit grows by `per_second` bytes up to `most`.
  KeyTurns(std::int64_t per_second, std::int64_t most) : per_second_(per_second), most_(most) {}

  // The payer of one more input; stays where it is until leave() was called as often.
  Payer& join(const KeyPayerName& name, MonotonicTime now);
  void leave(Payer& payer) { --payer.inputs; }
  // The user with the most inputs; nullptr: there is none.
  Payer* largest_user();

  // There is something to read. An input waits at most once.
  void wait(Payer& payer, std::size_t input);
  // It does not wait any more.
  void forget(Payer& payer, std::size_t input) { std::erase(payer.waiting, input); }
  // Who is read now, and waits no longer; nullopt: nobody who has credit.
  std::optional<std::size_t> next(MonotonicTime now);
  // How long from now on nobody who waits has credit; nullopt: nobody waits.
  std::optional<std::chrono::milliseconds> until_next(MonotonicTime now) const;
  // Forgets payers without inputs, once they have paid.
  void tidy(MonotonicTime now);

 private:
  std::int64_t credit_of(const Payer& payer, MonotonicTime now) const;
  void refill(Payer& payer, MonotonicTime now) const;

  std::int64_t per_second_;
  std::int64_t most_;
  std::map<KeyPayerName, Payer> payers_;
  std::deque<Payer*> line_;  // those whose inputs wait
};

}  // namespace tidegate::inspect
