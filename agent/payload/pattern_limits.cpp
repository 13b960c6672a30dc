// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/pattern_limits.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <dlfcn.h>
#include <pcre2.h>

#include <cstdlib>
#include <ctime>

namespace tidegate::payload {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using MatchFunction = int (*)(const pcre2_code*, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, std::uint32_t, pcre2_match_data*,
                              pcre2_match_context*);

thread_local nanoseconds deadline = nanoseconds::max();                     // by time_used()
thread_local Clock::time_point not_over_before = Clock::time_point::max();  // it cannot come earlier than this
thread_local bool exceeded_bound = false;

// The one behind this program's. Looked up when the program starts: later it must not ask for files.
MatchFunction real(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();  // linked without PCRE2: it cannot have come here
  return reinterpret_cast<MatchFunction>(found);
}

pcre2_match_context* bounds() {
  static pcre2_match_context* const context = [] {
    pcre2_match_context* made = pcre2_match_context_create(nullptr);
    if (made == nullptr) std::abort();
    pcre2_set_match_limit(made, kPatternSteps);
    pcre2_set_depth_limit(made, kPatternDepth);
    pcre2_set_heap_limit(made, kPatternHeap);
    return made;
  }();
  return context;
}

int note(int result) {
  exceeded_bound |= result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
                    result == PCRE2_ERROR_HEAPLIMIT || result == PCRE2_ERROR_JIT_STACKLIMIT;
  return result;
}

// By this thread alone: how busy others keep the host must not change what is found.
nanoseconds time_used() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

// No thread uses more time than passes, and what has passed is known without a system call: there are hundreds of
// matches in a request.
bool time_is_over() {
  const Clock::time_point now = Clock::now();
  if (now < not_over_before) return false;
  const nanoseconds left = deadline - time_used();
  if (left.count() > 0) {
    not_over_before = now + left;
    return false;
  }
  exceeded_bound = true;
  return true;
}

int bounded(MatchFunction match, const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
            std::uint32_t options, pcre2_match_data* data, pcre2_match_context* context) {
  if (time_is_over()) return PCRE2_ERROR_MATCHLIMIT;
  return note(match(code, subject, length, start, options, data, context != nullptr ? context : bounds()));
}

}  // namespace

PatternTime::PatternTime(nanoseconds most) {
  deadline = time_used() + most;
  not_over_before = Clock::now() + most;
  exceeded_bound = false;
}

PatternTime::~PatternTime() { not_over_before = Clock::time_point::max(); }

bool PatternTime::exceeded() const { return exceeded_bound; }

}  // namespace tidegate::payload

// Found before those of the library, because this is the program.
extern "C" {

int pcre2_match_8(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
                  std::uint32_t options, pcre2_match_data* data, pcre2_match_context* context) {
  using namespace tidegate::payload;
  static const MatchFunction match = real("pcre2_match_8");
  return bounded(match, code, subject, length, start, options, data, context);
}

int pcre2_jit_match_8(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
                      std::uint32_t options, pcre2_match_data* data, pcre2_match_context* context) {
  using namespace tidegate::payload;
  static const MatchFunction match = real("pcre2_jit_match_8");
  return bounded(match, code, subject, length, start, options, data, context);
}

}  // extern "C"
