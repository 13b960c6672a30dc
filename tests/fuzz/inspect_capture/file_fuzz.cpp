// SPDX-License-Identifier: Apache-2.0
// Any bytes as a capture file: its packets, and the secrets inside it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <span>

#include "agent/inspect/capture/capture_file.hpp"
#include "agent/inspect/capture/secret_stream.hpp"
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
  std::size_t in_passing = 0;
  SecretStream stream([&](Bytes text, bool) { in_passing += text.size(); });
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const std::size_t cut = size == 0 ? 0 : data[size - 1] % size;
  stream.add(bytes.first(cut));
  stream.add(bytes.subspan(cut));
  require(in_passing == secrets);
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
