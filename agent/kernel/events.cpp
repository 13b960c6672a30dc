// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/events.hpp"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>

#include "agent/kernel/libbpf_log.hpp"

namespace tidegate::kernel {

void EventReader::Free::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

Result<std::unique_ptr<EventReader>> EventReader::open(int fd) {
  const LibbpfLog quiet;
  std::unique_ptr<EventReader> reader(new EventReader);
  reader->ring_.reset(ring_buffer__new(fd, receive, reader.get(), nullptr));
  if (!reader->ring_) return fail_errno(errno, "cannot read the event ring");
  return reader;
}

int EventReader::receive(void* self, void* data, std::size_t size) {
  tg_event event;
  if (size < sizeof event) return 0;
  std::memcpy(&event, data, sizeof event);
  (*static_cast<EventReader*>(self)->sink_)(event);
  return 0;
}

Result<std::size_t> EventReader::drain(const Sink& sink) {
  sink_ = &sink;
  const int events = ring_buffer__consume(ring_.get());
  sink_ = nullptr;
  if (events < 0) return fail_errno(-events, "cannot read the event ring");
  return static_cast<std::size_t>(events);
}

}  // namespace tidegate::kernel
