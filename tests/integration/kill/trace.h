#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::test {

// A system call as strace saw it. `began` and `returned` are places in the one order of all that
// the trace tells.
struct SystemCall {
  std::string name;
  std::string file;  // what its first descriptor is: a path, or socket:[…]
  std::string data;  // all its buffers, one after the other, as far as they were traced
  std::size_t began = 0;
  std::size_t returned = 0;
};

// The arguments of strace that read_trace understands: -D, so that the traced program keeps the
// process id, and every write and sync.
std::vector<std::string> strace_command(const std::string& output);

// The process that was traced has ended, and strace has written all of it.
bool trace_is_whole(const std::string& trace, pid_t process);
// Calls that returned, in the order in which they began. Throws std::runtime_error for a line that
// it does not understand.
std::vector<SystemCall> read_trace(const std::string& trace);

// What must be durable in the write-ahead log before `before` was called: "" if it was, else what
// is wrong. `durable`: bytes that the log's frames hold.
std::string order_complaint(const std::vector<SystemCall>& calls, std::string_view what,
                            std::string_view durable, const SystemCall& before);

}  // namespace waybill::test
