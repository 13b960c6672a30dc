// SPDX-License-Identifier: Apache-2.0
#include "agent/config/values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "agent/config/map_reader.hpp"

namespace tidegate::config {
namespace {

using policy::in_quotes;

constexpr std::size_t kLongestName = 63;       // struct tg_service_slot
constexpr std::size_t kLongestInterface = 15;  // IFNAMSIZ - 1

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_name(std::string_view text) {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= kLongestName && is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), fits);
}

// As dev_valid_name() of the kernel.
bool is_interface(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; };
  return !text.empty() && text.size() <= kLongestInterface && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), fits);
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string shown(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

const std::string* Values::scalar(const Node* node, std::string_view what) const {
  if (node == nullptr) return nullptr;
  if (node->is_scalar()) return &node->text;
  error(node->location, std::string(what) + " has to be a single value");
  return nullptr;
}

template <typename T>
std::optional<T> Values::parsed(const Node* node, std::string_view what, Result<T> (*parse)(std::string_view)) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  Result<T> result = parse(*value);
  if (result) return std::move(*result);
  error(node->location, std::string(what) + ": " + result.error().message);
  return std::nullopt;
}

std::optional<std::string> Values::text(const Node* node, std::string_view what) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  if (!value->empty()) return *value;
  error(node->location, std::string(what) + " is empty");
  return std::nullopt;
}

std::optional<bool> Values::boolean(const Node* node, std::string_view what) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  if (*value == "true") return true;
  if (*value == "false") return false;
  error(node->location, std::string(what) + ": " + in_quotes(*value) + " is neither true nor false");
  return std::nullopt;
}

std::optional<std::uint64_t> Values::whole(const Node* node, std::string_view what, std::uint64_t least,
                                           std::uint64_t most) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  const auto result = number<std::uint64_t>(*value);
  if (result && *result >= least && *result <= most) return result;
  error(node->location, std::string(what) + ": " + in_quotes(*value) + " is not a whole number from " +
                            std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<double> Values::fraction(const Node* node, std::string_view what, double least, double most) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  const auto result = number<double>(*value);
  if (result && std::isfinite(*result) && *result >= least && *result <= most) return result;
  error(node->location,
        std::string(what) + ": " + in_quotes(*value) + " is not a number from " + shown(least) + " to " + shown(most));
  return std::nullopt;
}

std::optional<std::size_t> Values::choice(const Node* node, std::string_view what,
                                          std::initializer_list<std::string_view> words) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *value);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  error(node->location, std::string(what) + ": unknown " + in_quotes(*value) + suggestion(*value, words));
  return std::nullopt;
}

std::optional<Rate> Values::packet_rate(const Node* node, std::string_view what) const {
  return parsed<Rate>(node, what, parse_packet_rate);
}

std::optional<Rate> Values::byte_rate(const Node* node, std::string_view what) const {
  return parsed<Rate>(node, what, parse_byte_rate);
}

std::optional<std::uint64_t> Values::bytes(const Node* node, std::string_view what) const {
  return parsed<std::uint64_t>(node, what, parse_bytes);
}

std::optional<std::chrono::seconds> Values::duration(const Node* node, std::string_view what) const {
  return parsed<std::chrono::seconds>(node, what, parse_duration);
}

std::optional<Prefix> Values::prefix(const Node* node, std::string_view what) const {
  return parsed<Prefix>(node, what, Prefix::parse);
}

std::optional<std::string> Values::name(const Node* node, std::string_view what) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  if (is_name(*value)) return *value;
  error(node->location, std::string(what) + ": " + in_quotes(*value) +
                            " is no name; use letters, digits, '-', '_' and '.', at most 63, a letter or digit first");
  return std::nullopt;
}

std::optional<std::string> Values::interface(const Node* node, std::string_view what) const {
  const std::string* value = scalar(node, what);
  if (value == nullptr) return std::nullopt;
  if (is_interface(*value)) return *value;
  error(node->location, std::string(what) + ": " + in_quotes(*value) +
                            " cannot be an interface; names have 1 to 15 characters without '/', ':' and spaces");
  return std::nullopt;
}

std::vector<const Node*> Values::list(const Node* node, std::string_view what, bool or_one) const {
  std::vector<const Node*> items;
  if (node == nullptr) return items;
  if (node->is_sequence()) {
    for (const Node& item : node->items) {
      if (item.is_null()) error(item.location, "an item of " + std::string(what) + " has no value");
      if (!item.is_null()) items.push_back(&item);
    }
  } else if (or_one && node->is_scalar()) {
    items.push_back(node);
  } else {
    error(node->location, std::string(what) + " has to be a list, for example `[a, b]`");
  }
  return items;
}

}  // namespace tidegate::config
