// SPDX-License-Identifier: Apache-2.0
#include "agent/control/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::control {

void Scheduler::add(std::string name, std::chrono::nanoseconds every, std::function<void()> task,
                    std::chrono::nanoseconds first) {
  tasks_.push_back({std::move(name), every, std::move(task), clock_.monotonic() + first});
}

std::chrono::nanoseconds Scheduler::run_due() {
  std::chrono::nanoseconds wait = std::chrono::seconds(1);
  for (Task& task : tasks_) {
    if (task.due <= clock_.monotonic()) {
      task.run();
      task.due = std::max(task.due + task.every, clock_.monotonic());
    }
    wait = std::min(wait, task.due - clock_.monotonic());
  }
  return std::max(wait, std::chrono::nanoseconds(0));
}

}  // namespace tidegate::control
