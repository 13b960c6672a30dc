// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_text.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace tidegate::inspect {

KeyText::~KeyText() { reset(); }

void KeyText::reset() {
  OPENSSL_cleanse(line_.data(), size_);
  size_ = 0;
  too_long_ = false;
}

void KeyText::keep(std::string_view part) {
  if (part.size() > line_.size() - size_) too_long_ = true;
  if (too_long_) return;
  std::memcpy(line_.data() + size_, part.data(), part.size());
  size_ += part.size();
}

void KeyText::line(std::string_view text, KeyLineCounts& counts, Counters& counters) {
  const bool long_one = too_long_ || text.size() > kLongestKeyLine;
  if (long_one) counters.add(Counter::kKeysMalformed);
  const bool accepted = !long_one && keys_->add_line(text, counters);
  ++(accepted ? counts.accepted : counts.malformed);
}

KeyLineCounts KeyText::add(Bytes bytes, Counters& counters) {
  KeyLineCounts counts;
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    if (size_ == 0 && !too_long_) {
      line(rest.substr(0, end), counts, counters);
    } else {
      keep(rest.substr(0, end));
      line({line_.data(), size_}, counts, counters);
      reset();
    }
    rest.remove_prefix(end + 1);
  }
  keep(rest);
  return counts;
}

KeyLineCounts KeyText::finish(Counters& counters) {
  KeyLineCounts counts;
  if (size_ != 0 || too_long_) line({line_.data(), size_}, counts, counters);
  reset();
  return counts;
}

KeyLineCounts add_key_text(KeyStore& keys, Bytes text, Counters& counters) {
  std::array<char, kLongestKeyLine> last;
  KeyText lines(keys, last);
  KeyLineCounts counts = lines.add(text, counters);
  const KeyLineCounts rest = lines.finish(counters);
  counts.accepted += rest.accepted;
  counts.malformed += rest.malformed;
  return counts;
}

}  // namespace tidegate::inspect
