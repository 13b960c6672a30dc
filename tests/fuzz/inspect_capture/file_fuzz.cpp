// SPDX-License-Identifier: Apache-2.0
// Any bytes as a capture file: its packets, and the secrets inside it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "agent/inspect/capture/capture_file.hpp"
#include "agent/inspect/capture/secrets.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidegate;
  using namespace tidegate::inspect;
  UniqueFd file(memfd_create("fuzz", MFD_CLOEXEC));
  require(file && pwrite(file.get(), data, size, 0) == static_cast<ssize_t>(size));
  std::size_t secrets = 0;
  (void)read_secrets(file.get(), [&](std::string_view lines) { secrets += lines.size(); });
  require(secrets <= size);
  auto capture = CaptureFile::open(std::move(file));
  if (!capture) return 0;
  CapturedFrame frame;
  Segment segment;
  for (;;) {
    const auto more = capture->next(frame);
    if (!more) require(more.error().message.find('\n') == std::string::npos);
    if (!more || !*more) break;
    (void)decode_packet(frame.link, frame.bytes, frame.wire_size, frame.time, segment);
  }
  require(capture->packets() <= size);
  return 0;
}
