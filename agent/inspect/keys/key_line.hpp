// SPDX-License-Identifier: Apache-2.0
// One line of an NSS key log (RFC 9850), and what libtidegate-keylog adds to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

struct KeyLine {
  enum class What : std::uint8_t {
    kSecret,
    kDropped,    // "#dropped N"
    kNothing,    // a comment, a blank line, a label of no use here
    kMalformed,  // none of these
  };
  What what = What::kMalformed;
  SecretKind kind = SecretKind::kMaster;
  ClientRandom random{};
  Secret secret;
  std::optional<Flow> flow;
  std::uint16_t cipher = 0;   // 0: not said
  std::uint64_t dropped = 0;  // of kDropped, at most 2^32
};

// Pure, linear in the line. Words are separated by single blanks. After the secret: nothing, or "tcp CLIENT:PORT
// SERVER:PORT" and then perhaps "0xCIPHER"; another word there belongs to a later version and ends the reading.
KeyLine read_key_line(std::string_view line);

// Whether a word is a label that is used here or known to be of no use.
bool is_key_label(std::string_view word);

}  // namespace tidegate::inspect
