// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/secrets.hpp"

#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "agent/inspect/capture/pcapng.hpp"

namespace tidegate::inspect {
namespace {

using namespace pcapng;  // NOLINT: this file is about it

constexpr std::size_t kWindow = 256 << 10;
constexpr std::size_t kPiece = 64 << 10;

using Bytes = std::span<const std::byte>;

// A part of the file in memory, moved along with what is asked for.
class Window {
 public:
  explicit Window(int file) : file_(file), buffer_(std::make_unique_for_overwrite<std::byte[]>(kWindow)) {}
  ~Window() { explicit_bzero(buffer_.get(), used_); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  // `size` bytes, at most kWindow; fewer at the end of the file.
  Result<Bytes> at(std::uint64_t offset, std::size_t size) {
    if (offset < begin_ || offset + size > begin_ + held_) TIDEGATE_TRY(load(offset));
    const std::size_t skip = static_cast<std::size_t>(offset - begin_);
    return Bytes(buffer_.get(), held_).subspan(skip, std::min(size, held_ - skip));
  }

 private:
  Status load(std::uint64_t offset) {
    begin_ = offset;
    held_ = 0;
    while (held_ < kWindow) {
      const ssize_t got = pread(file_, buffer_.get() + held_, kWindow - held_, static_cast<off_t>(begin_ + held_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == ESPIPE) {
        return fail(ErrorCode::kUnsupported, "embedded secrets cannot be read before the packets from a pipe");
      }
      if (got < 0) return fail_errno(errno, "capture file: cannot read at offset " + std::to_string(begin_ + held_));
      if (got == 0) break;
      held_ += static_cast<std::size_t>(got);
      used_ = std::max(used_, held_);
    }
    return {};
  }

  int file_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t used_ = 0;  // of the buffer, ever: to be wiped
  std::uint64_t begin_ = 0;
  std::size_t held_ = 0;
};

class Walker {
 public:
  Walker(int file, const std::function<void(std::string_view)>& take) : window_(file), take_(take) {}

  Status walk() {
    TIDEGATE_ASSIGN(const Bytes start, window_.at(0, 4));
    if (start.size() < 4 || number(start, 0) != kSection) return {};  // not pcapng
    for (;;) {
      TIDEGATE_ASSIGN(const bool more, block());
      if (!more) return {};
    }
  }

 private:
  std::uint32_t number(Bytes bytes, std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return swapped_ ? __builtin_bswap32(value) : value;
  }

  Result<bool> block() {
    TIDEGATE_ASSIGN(const Bytes header, window_.at(offset_, kHeader));
    if (header.empty()) return false;
    if (header.size() < kHeader) return std::unexpected(damaged(offset_, "a block is cut off"));
    const std::uint32_t type = number(header, 0);
    if (type == kSection) TIDEGATE_TRY(begin_section(number(header, 8)));
    const std::uint32_t size = number(header, 4);
    if (!is_block_size(size)) return std::unexpected(damaged(offset_, "a block of impossible size"));
    if (type == kSecrets) TIDEGATE_TRY(secrets(size));
    offset_ += size;
    return true;
  }

  Status begin_section(std::uint32_t order) {
    if (order == kByteOrder) return {};
    if (__builtin_bswap32(order) != kByteOrder) return std::unexpected(damaged(offset_, "a section of no byte order"));
    swapped_ = !swapped_;
    return {};
  }

  Status secrets(std::uint32_t block_size) {
    TIDEGATE_ASSIGN(const Bytes header, window_.at(offset_, kSecretsFrame - 4));
    if (header.size() < kSecretsFrame - 4) return std::unexpected(damaged(offset_, "a secrets block is cut off"));
    if (block_size < kSecretsFrame) return std::unexpected(damaged(offset_, "a secrets block of impossible size"));
    if (number(header, 8) != kTlsKeyLog) return {};
    const std::uint32_t size = number(header, 12);
    if (size > block_size - kSecretsFrame) {
      return std::unexpected(damaged(offset_, "secrets longer than their block"));
    }
    return text(offset_ + kSecretsFrame - 4, size);
  }

  // In pieces that end with a line, or with the block.
  Status text(std::uint64_t from, std::uint32_t size) {
    for (std::uint64_t left = size; left > 0;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece));
      TIDEGATE_ASSIGN(const Bytes got, window_.at(from, wanted));
      if (got.empty()) return std::unexpected(damaged(from, "secrets are cut off"));
      std::string_view piece(reinterpret_cast<const char*>(got.data()), got.size());
      if (const auto line_end = piece.rfind('\n'); got.size() < left && line_end != piece.npos) {
        piece = piece.substr(0, line_end + 1);
      }
      take_(piece);
      from += piece.size();
      left -= piece.size();
    }
    return {};
  }

  Window window_;
  const std::function<void(std::string_view)>& take_;
  std::uint64_t offset_ = 0;
  bool swapped_ = false;
};

}  // namespace

Status read_secrets(int file, const std::function<void(std::string_view lines)>& take) {
  return Walker(file, take).walk();
}

}  // namespace tidegate::inspect
