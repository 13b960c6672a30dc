// SPDX-License-Identifier: Apache-2.0
// JA4, the fingerprint of a TLS client, after FoxIO's public technical description (BSD 3-Clause). Of the family only
// JA4 itself: the licence of the others does not allow it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::inspect {

// As in the ClientHello, in its order, GREASE included: it is taken out here.
struct Ja4Input {
  std::uint16_t version = 0;  // highest of supported_versions, else the hello's
  bool has_sni = false;
  std::string_view alpn{};  // the first one offered; empty: none
  std::vector<std::uint16_t> ciphers{};
  std::vector<std::uint16_t> extensions{};
  std::vector<std::uint16_t> signature_algorithms{};
};

// Over TCP: "t13d1516h2_8daaf6152771_e5627efa2ab1".
std::string ja4_of(Ja4Input input);

}  // namespace tidegate::inspect
