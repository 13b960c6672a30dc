// SPDX-License-Identifier: Apache-2.0
// What systemd is told (sd_notify(3)). Without NOTIFY_SOCKET all of it does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace tidegate {

void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_stopping();
void notify_alive();
// How often systemd wants notify_alive() at least; none: it does not watch.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace tidegate
