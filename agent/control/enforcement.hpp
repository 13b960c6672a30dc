// SPDX-License-Identifier: Apache-2.0
// The one writer of the configuration maps: a policy and the safelist of the CLI become one image.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/control/environment.hpp"
#include "agent/policy/compile.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::control {

struct InForce {
  policy::Policy policy;
  std::uint64_t generation = 0;
  std::vector<policy::SafelistEntry> extra_safelist;
  std::vector<std::string> warnings;          // of the compiler
  std::map<std::string, unsigned> ifindexes;  // of the interfaces that safelist entries name; 0: there is none
};

// Thread-safe: one mutex serialises compile and write, so that policy and safelist changes never undo each other.
class Enforcement {
 public:
  explicit Enforcement(const Environment& environment) : env_(environment) {}

  // What compiling would say; changes nothing.
  policy::CompileReport prepare(const policy::Policy& policy) const;
  // On success `policy` is what packets meet; on failure nothing has changed.
  Status put(policy::Policy policy, std::uint64_t generation);
  // Reads the safelist store and compiles the present policy again under the same generation number.
  // Without a policy in force it is only read.
  Status refresh();
  // refresh() when an interface that a safelist entry names came, went or changed its index.
  Status follow_interfaces();

  // Null before the first put().
  std::shared_ptr<const InForce> in_force() const;

 private:
  Result<std::vector<policy::SafelistEntry>> stored_safelist() const;
  policy::CompileReport compile(const policy::Policy& policy, const std::vector<policy::SafelistEntry>& extra) const;
  std::map<std::string, unsigned> indexes_of(const InForce& state) const;
  Status refresh_locked();
  Status write(InForce next);

  const Environment& env_;
  mutable std::mutex writing_;
  mutable Guarded<std::shared_ptr<const InForce>> in_force_;
};

// Every error of `issues` on a line of its own: "LINE:COL: message".
std::string errors_of(const std::vector<policy::Issue>& issues);
// The first of them, and how many more there are, on one line.
std::string first_error_of(const std::vector<policy::Issue>& issues);

}  // namespace tidegate::control
