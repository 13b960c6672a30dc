// SPDX-License-Identifier: Apache-2.0
// A history whose steps fail on demand; everything else goes to the real one.
#pragma once

#include <string>

#include "agent/history/history.hpp"

namespace tidegate::testing {

class FlakyHistory final : public history::History {
 public:
  explicit FlakyHistory(history::History& real) : real_(real) {}

  bool fail_begin = false, fail_finish = false, fail_discard = false, fail_audit = false;
  bool fail_begin_revert = false;

  using Generation = history::Generation;
  Result<Generation> begin(const history::NewGeneration& generation) override {
    return fail_begin ? broken() : real_.begin(generation);
  }
  Result<Generation> finish(std::uint64_t generation) override {
    return fail_finish ? broken() : real_.finish(generation);
  }
  Status discard(std::uint64_t generation) override {
    if (fail_discard) return std::unexpected(broken().error());
    return real_.discard(generation);
  }
  Result<Generation> confirm() override { return real_.confirm(); }
  Result<std::optional<Generation>> pending() const override { return real_.pending(); }
  Result<std::optional<Generation>> overdue() const override { return real_.overdue(); }
  Result<Generation> begin_revert(const std::string& actor) override {
    return fail_begin_revert ? broken() : real_.begin_revert(actor);
  }
  Result<std::optional<Generation>> in_force() const override { return real_.in_force(); }
  Result<Generation> get(std::uint64_t generation) const override { return real_.get(generation); }
  Result<Generation> previous() const override { return real_.previous(); }
  Result<std::vector<Generation>> list() const override { return real_.list(); }
  Status set_detached(const std::string& interface, const std::string& actor) override {
    return real_.set_detached(interface, actor);
  }
  Status clear_detached(const std::string& interface) override { return real_.clear_detached(interface); }
  Result<std::vector<history::DetachedInterface>> detached() const override { return real_.detached(); }
  Status audit(const history::AuditRecord& record) override {
    if (fail_audit) return std::unexpected(broken().error());
    return real_.audit(record);
  }
  Result<std::vector<history::AuditRecord>> audit_records(std::size_t most) const override {
    return real_.audit_records(most);
  }

 private:
  static Result<Generation> broken() {
    return fail(ErrorCode::kResourceExhausted, "history.db: the disk is full; make room");
  }
  history::History& real_;
};

}  // namespace tidegate::testing
