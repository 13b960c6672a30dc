// SPDX-License-Identifier: Apache-2.0
// Single values of a file, checked. Each function takes nullptr for "not there" and then returns nothing without a
// word; what is there and wrong is reported at its place under the name `what`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/units.hpp"
#include "agent/config/document.hpp"

namespace tidegate::config {

// Reads values into one report. Refers to it; copies share it.
class Values {
 public:
  explicit Values(policy::Report& report) : report_(report) {}

  policy::Report& report() const { return report_; }
  void error(policy::Location location, std::string_view message) const { report_.error(location, message); }

  std::optional<std::string> text(const Node* node, std::string_view what) const;  // not empty
  std::optional<bool> boolean(const Node* node, std::string_view what) const;      // true or false
  std::optional<std::uint64_t> whole(const Node* node, std::string_view what, std::uint64_t least,
                                     std::uint64_t most) const;
  // Between `least` and `most`, both included.
  std::optional<double> fraction(const Node* node, std::string_view what, double least, double most) const;
  // Index of the word among `words`.
  std::optional<std::size_t> choice(const Node* node, std::string_view what,
                                    std::initializer_list<std::string_view> words) const;

  std::optional<Rate> packet_rate(const Node* node, std::string_view what) const;
  std::optional<Rate> byte_rate(const Node* node, std::string_view what) const;
  std::optional<std::uint64_t> bytes(const Node* node, std::string_view what) const;
  std::optional<std::chrono::seconds> duration(const Node* node, std::string_view what) const;
  std::optional<Prefix> prefix(const Node* node, std::string_view what) const;

  // A name of a service, rule or the like: letters, digits, '-', '_', '.', at most 63, a letter or digit first.
  std::optional<std::string> name(const Node* node, std::string_view what) const;
  // A name that the kernel accepts for a network device.
  std::optional<std::string> interface(const Node* node, std::string_view what) const;

  // The items of a list, none where it is empty; where `or_one`, a single value counts as a list of it.
  std::vector<const Node*> list(const Node* node, std::string_view what, bool or_one) const;

 private:
  // The text of a scalar.
  const std::string* scalar(const Node* node, std::string_view what) const;
  template <typename T>
  std::optional<T> parsed(const Node* node, std::string_view what, Result<T> (*parse)(std::string_view)) const;

  policy::Report& report_;
};

}  // namespace tidegate::config
