// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>

namespace tidegate {

// A value that can be reached only with its lock held: `auto locked = guarded.lock(); locked->field`.
// One lock() at a time per thread: it is not recursive.
template <typename T>
class Guarded {
 public:
  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  class Locked {
   public:
    Locked(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    T* operator->() const { return value_; }
    T& operator*() const { return *value_; }

   private:
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Locked lock() { return Locked(mutex_, value_); }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace tidegate
