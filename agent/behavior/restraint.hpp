// SPDX-License-Identifier: Apache-2.0
// What keeps rules from doing harm: cool-down, escalation, caps and the NAT guard.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/behavior/bounded_table.hpp"
#include "agent/behavior/facts.hpp"
#include "agent/behavior/rule.hpp"
#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// Earlier decisions on keys.
class Offenders {
 public:
  explicit Offenders(std::uint64_t budget) : table_(budget, judge_) {}

  struct Record {
    Micros quiet_until = kNever;  // no further decision before
    Micros remembered_until = kNever;
    std::uint32_t decisions = 0;
    static std::size_t heap_bytes() { return 0; }
  };

  bool is_quiet(std::uint64_t key, Micros now);
  // A key has another hash from now on, of which nothing is known yet.
  void rename(std::uint64_t from, std::uint64_t to);
  // Decisions that are still remembered.
  std::uint32_t earlier(std::uint64_t key, Micros now);
  // A decision: nothing more for `quiet`, and remembered for `memory`.
  void decided(std::uint64_t key, Micros now, Micros quiet, Micros memory);
  // One of which a former process knew.
  void recall(std::uint64_t key, const Record& known);
  // One that was held back.
  void held_back(std::uint64_t key, Micros now, Micros quiet);
  std::uint64_t evictions() const { return table_.evictions(); }
  std::uint64_t bytes() const { return table_.bytes(); }
  std::uint64_t size() const { return table_.size(); }
  void clear() { table_.clear(); }

 private:
  // The latest to be forgotten and the most often caught are worth most.
  struct Judge {
    Micros now = 0;
    double worth(const Record& record) const;
    void evicted(std::uint64_t, const Record&) {}
  };
  Judge judge_;
  BoundedTable<Record, Judge> table_;
};

// At most so many decisions in any span of time, and one alarm a span when that is reached.
class Cap {
 public:
  explicit Cap(const Rate& rate);
  bool allows(Micros now) const;
  void count(Micros now) { window_.add(shape_, now, now); }
  bool alarm_is_due(Micros now);
  const Rate& rate() const { return rate_; }
  void clear() { *this = Cap(rate_); }

 private:
  Rate rate_;
  Window::Shape shape_;
  Window window_;
  std::optional<Micros> alarmed_;
};

// Which sessions share a source, and whether they behave.
class SourceSessions {
 public:
  static constexpr std::size_t kMost = 16;  // of one source; the one that was silent longest makes room

  SourceSessions(const NatGuard& guard, std::uint64_t budget) : guard_(guard), table_(budget, judge_) {
    judge_.within = micros(guard.within);
  }

  // A request of a session from a source, both as hashes; `before`: that of the session under the key before; `well`:
  // it was answered without an error.
  void seen(std::uint64_t source, std::uint64_t session, std::optional<std::uint64_t> before, Micros now, bool well);
  // A rule fired for this session.
  void offended(std::uint64_t source, std::uint64_t session, Micros now);
  // Whether others than this session (0: none is known) share the source and behave well, as the guard defines it.
  bool shared(std::uint64_t source, std::uint64_t session, Micros now);
  std::uint64_t bytes() const { return table_.bytes(); }
  std::uint64_t size() const { return table_.size(); }
  void clear() { table_.clear(); }

 private:
  struct Mark {
    std::uint32_t session = 0;
    std::uint32_t second = 0;
    bool well = false;
    bool offended = false;
  };
  struct Source {
    Micros touched = kNever;
    std::vector<Mark> marks;
    std::size_t heap_bytes() const { return marks.capacity() * sizeof(Mark); }
  };
  struct Judge {
    Micros now = 0;
    Micros within = 0;
    double worth(const Source& source) const {
      return now - source.touched >= within ? -1 : static_cast<double>(source.marks.size());
    }
    void evicted(std::uint64_t, const Source&) {}
  };
  static void rename(Source& source, std::uint32_t before, std::uint32_t session);
  Mark& mark_of(Source& source, std::uint64_t session, Micros now) const;
  bool is_present(const Mark& mark, Micros now) const;

  const NatGuard guard_;
  Judge judge_;
  BoundedTable<Source, Judge> table_;
};

}  // namespace tidegate::behavior
