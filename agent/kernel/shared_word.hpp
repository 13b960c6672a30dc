// SPDX-License-Identifier: Apache-2.0
// Words in memory that the datapath reads, or writes, at the same time on other CPUs.
#pragma once

#include <atomic>

namespace tidegate::kernel {

template <typename T>
T load(const T& word) {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_acquire);
}

// Everything stored before is visible to whoever sees `value`.
template <typename T>
void store(T& word, T value) {
  std::atomic_ref<T>(word).store(value, std::memory_order_release);
}

}  // namespace tidegate::kernel
