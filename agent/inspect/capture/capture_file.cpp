// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/capture_file.hpp"

#include <pcap/pcap.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace tidegate::inspect {
namespace {

// In the year 2255: every time of a capture, and every difference of two, fits into 64 bits of nanoseconds.
constexpr std::int64_t kLatestSecond = 9'000'000'000;

constexpr std::size_t kReadAhead = 256 << 10;

struct PcapDeleter {
  void operator()(pcap_t* capture) const { pcap_close(capture); }  // closes its FILE too
};

struct FileDeleter {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

using Stream = std::unique_ptr<std::FILE, FileDeleter>;

// nullptr, errno set: it cannot be read.
Stream stream_of(UniqueFd file) {
  Stream stream(fdopen(file.get(), "rb"));
  if (stream != nullptr) (void)file.release();
  return stream;
}

struct Watched {
  UniqueFd file;
  std::function<void(Bytes)> seen;
};

ssize_t read_watched(void* cookie, char* into, std::size_t size) {
  const auto* const watched = static_cast<Watched*>(cookie);
  ssize_t got = 0;
  do {
    got = ::read(watched->file.get(), into, size);
  } while (got < 0 && errno == EINTR);
  if (got > 0) watched->seen(std::as_bytes(std::span(into, static_cast<std::size_t>(got))));
  return got;
}

int close_watched(void* cookie) {
  delete static_cast<Watched*>(cookie);
  return 0;
}

Stream stream_of(UniqueFd file, std::function<void(Bytes)> seen) {
  auto watched = std::make_unique<Watched>(std::move(file), std::move(seen));
  Stream stream(fopencookie(watched.get(), "rb",
                            {.read = read_watched, .write = nullptr, .seek = nullptr, .close = close_watched}));
  if (stream != nullptr) (void)watched.release();
  return stream;
}

std::optional<LinkType> link_type_of(int number) {
  switch (number) {
    case DLT_EN10MB:
      return LinkType::kEthernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return LinkType::kRawIp;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkType::kNull;
    case DLT_LINUX_SLL:
      return LinkType::kLinuxCooked;
    case DLT_LINUX_SLL2:
      return LinkType::kLinuxCooked2;
    default:
      return std::nullopt;
  }
}

std::string name_of(int link) {
  const char* name = pcap_datalink_val_to_name(link);
  return name == nullptr ? "number " + std::to_string(link) : name;
}

}  // namespace

struct CaptureFile::State {
  std::unique_ptr<char[]> buffer;  // of the FILE inside `capture`: outlives it
  std::unique_ptr<pcap_t, PcapDeleter> capture;
  LinkType link = LinkType::kEthernet;
  std::uint64_t packets = 0;
};

CaptureFile::CaptureFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
CaptureFile::CaptureFile(CaptureFile&&) noexcept = default;
CaptureFile& CaptureFile::operator=(CaptureFile&&) noexcept = default;
CaptureFile::~CaptureFile() = default;

Result<CaptureFile> CaptureFile::open(UniqueFd file, std::function<void(Bytes)> seen) {
  auto state = std::make_unique<State>();
  state->buffer = std::make_unique_for_overwrite<char[]>(kReadAhead);
  Stream stream = seen ? stream_of(std::move(file), std::move(seen)) : stream_of(std::move(file));
  if (stream == nullptr) return fail_errno(errno, "capture file: cannot read it");
  std::setvbuf(stream.get(), state->buffer.get(), _IOFBF, kReadAhead);
  __fsetlocking(stream.get(), FSETLOCKING_BYCALLER);  // used by one thread: millions of locks less
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  state->capture.reset(
      pcap_fopen_offline_with_tstamp_precision(stream.get(), PCAP_TSTAMP_PRECISION_NANO, error.data()));
  if (state->capture == nullptr) {
    return fail(ErrorCode::kInvalidArgument, std::string("not a pcap or pcapng file: ") + error.data());
  }
  (void)stream.release();
  const int number = pcap_datalink(state->capture.get());
  const auto link = link_type_of(number);
  if (!link) {
    return fail(ErrorCode::kInvalidArgument,
                "link type " + name_of(number) + " is not read; capture on Ethernet, raw IP, NULL or Linux cooked");
  }
  state->link = *link;
  return CaptureFile(std::move(state));
}

LinkType CaptureFile::link() const { return state_->link; }
std::uint64_t CaptureFile::packets() const { return state_->packets; }

Result<bool> CaptureFile::next(CapturedFrame& frame) {
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  const int got = pcap_next_ex(state_->capture.get(), &header, &bytes);
  if (got == PCAP_ERROR_BREAK) return false;
  if (got != 1) {
    return fail(ErrorCode::kDataLoss, "capture file damaged after packet " + std::to_string(state_->packets) + ": " +
                                          pcap_geterr(state_->capture.get()));
  }
  ++state_->packets;
  frame.link = state_->link;
  frame.bytes = std::as_bytes(std::span(bytes, header->caplen));
  frame.wire_size = header->len;
  // tv_usec holds nanoseconds, as asked for.
  const std::int64_t seconds = std::clamp<std::int64_t>(header->ts.tv_sec, 0, kLatestSecond);
  frame.time = WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(header->ts.tv_usec));
  return true;
}

}  // namespace tidegate::inspect
