// SPDX-License-Identifier: Apache-2.0
#include "cli/replay/capture_child.hpp"

#include <grp.h>
#include <pcap/pcap.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cli/replay/frame.hpp"

namespace tidegate::cli {
namespace {

constexpr unsigned kNobody = 65534;

void send(std::FILE* out, const Record& record, const void* bytes) {
  const bool sent = std::fwrite(&record, sizeof record, 1, out) == 1 &&
                    (record.length == 0 || std::fwrite(bytes, record.length, 1, out) == 1);
  if (!sent) _exit(1);  // the parent has gone
}

[[noreturn]] void fail_with(std::FILE* out, const std::string& text) {
  send(out, {.kind = RecordKind::kError, .length = static_cast<std::uint32_t>(text.size())}, text.data());
  std::fflush(out);
  _exit(1);
}

// Another user drops every capability; nothing more can be opened, forked or gained.
void give_up_privileges(std::FILE* out) {
  if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
                         setresuid(kNobody, kNobody, kNobody) != 0)) {
    fail_with(out, "cannot give up privileges to read it; run as root in the initial user namespace");
  }
  const rlimit nothing{0, 0};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_NOFILE, &nothing) != 0 ||
      setrlimit(RLIMIT_FSIZE, &nothing) != 0) {
    fail_with(out, "cannot give up privileges to read it");
  }
}

std::int64_t nanoseconds(const pcap_pkthdr& header) {
  return static_cast<std::int64_t>(header.ts.tv_sec) * 1'000'000'000 + header.ts.tv_usec;  // nanoseconds, as asked for
}

void send_packet(std::FILE* out, LinkType link, const pcap_pkthdr& header, const unsigned char* bytes, std::FILE* in) {
  const auto frame = to_frame(link, std::as_bytes(std::span(bytes, header.caplen)), header.len);
  const long offset = std::ftell(in);
  Record record{.when_ns = nanoseconds(header), .offset = offset > 0 ? static_cast<std::uint64_t>(offset) : 0};
  record.kind = frame ? RecordKind::kFrame : RecordKind::kUnusable;
  record.length = frame ? static_cast<std::uint32_t>(frame->size()) : 0;
  send(out, record, frame ? frame->data() : nullptr);
}

void parse(pcap_t* capture, LinkType link, std::FILE* out) {
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  int got = 0;
  while ((got = pcap_next_ex(capture, &header, &bytes)) == 1) {
    send_packet(out, link, *header, bytes, pcap_file(capture));
  }
  if (got == PCAP_ERROR) fail_with(out, pcap_geterr(capture));
}

}  // namespace

void run_capture_child(int file, int pipe) {
  std::FILE* out = fdopen(pipe, "wb");
  std::FILE* in = fdopen(file, "rb");
  if (out == nullptr || in == nullptr) _exit(1);
  give_up_privileges(out);
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* capture = pcap_fopen_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_NANO, error.data());
  if (capture == nullptr) fail_with(out, error.data());
  const std::optional<LinkType> link = link_type_of(pcap_datalink(capture));
  if (!link) {
    const char* name = pcap_datalink_val_to_name(pcap_datalink(capture));
    fail_with(out, std::string("link type ") + (name == nullptr ? "unknown" : name) +
                       " cannot be replayed; Ethernet, raw IP, Linux cooked and NULL can");
  }
  parse(capture, *link, out);
  send(out, {.kind = RecordKind::kEnd}, nullptr);
  std::fflush(out);
  _exit(0);
}

}  // namespace tidegate::cli
