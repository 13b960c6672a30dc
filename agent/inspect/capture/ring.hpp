// SPDX-License-Identifier: Apache-2.0
// The reader's half of live capture: frames out of a TPACKET_V3 ring that set_up_ring() made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "agent/base/error.hpp"
#include "agent/inspect/capture/captured_frame.hpp"
#include "agent/inspect/capture/ring_setup.hpp"

namespace tidegate::inspect {

// Walks the blocks in order and gives each back when its last frame was read. The memory is shared with the kernel,
// which alone writes it; every offset is checked against its block all the same. Used by one thread.
class Ring {
 public:
  // Maps the ring of `socket`, which stays the caller's and open as long as this lives.
  static Result<Ring> map(int socket, const RingGeometry& geometry);
  // Over memory of geometry.bytes() that somebody else fills; statistics() is always 0.
  Ring(std::span<std::byte> memory, const RingGeometry& geometry);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&&) = delete;
  ~Ring();

  // False: no block is ready; poll the socket for POLLIN. `frame` lives until the next call.
  bool next(CapturedFrame& frame);
  // Share of blocks that wait to be read, 0 to 1.
  double fill() const;
  // Blocks given back before their end, because what they said of themselves could not be.
  std::uint64_t damaged() const { return damaged_; }

  struct Statistics {
    std::uint64_t packets = 0;  // offered to the ring, those dropped included
    std::uint64_t dropped = 0;  // because it was full
  };
  // Totals since the ring was mapped; one system call.
  Result<Statistics> statistics();

 private:
  bool open_block();
  void close_block();
  bool read_frame(CapturedFrame& frame);
  std::byte* block(std::uint32_t index) const { return memory_.data() + std::size_t{index} * geometry_.block_size; }

  std::span<std::byte> memory_;
  RingGeometry geometry_;
  int socket_ = -1;  // -1: the memory is not ours to unmap
  std::uint32_t current_ = 0;
  bool open_ = false;
  std::uint32_t left_ = 0;    // frames in the open block
  std::uint32_t offset_ = 0;  // of the next one
  std::uint32_t end_ = 0;     // of what the block holds
  std::uint64_t damaged_ = 0;
  Statistics totals_;
};

}  // namespace tidegate::inspect
