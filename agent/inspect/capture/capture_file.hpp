// SPDX-License-Identifier: Apache-2.0
// Packets of a pcap or pcapng file. Opens nothing: it runs where open() is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/inspect/capture/captured_frame.hpp"

namespace tidegate::inspect {

// Reads forwards only, so a pipe will do. Used by one thread.
class CaptureFile {
 public:
  // kInvalidArgument: no capture, or of a link type that is not read. `seen`, if there is one, is shown all that is
  // read from the file, in order, before a packet of it comes.
  static Result<CaptureFile> open(UniqueFd file, std::function<void(Bytes)> seen = nullptr);
  CaptureFile(CaptureFile&&) noexcept;
  CaptureFile& operator=(CaptureFile&&) noexcept;
  ~CaptureFile();

  LinkType link() const;
  // False: the end. kDataLoss: the file is damaged or cut off after packets(); what was read before counts.
  Result<bool> next(CapturedFrame& frame);
  std::uint64_t packets() const;

 private:
  struct State;
  explicit CaptureFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tidegate::inspect
