#include "tests/integration/kill/trace.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <stdexcept>

namespace waybill::test {
namespace {

// With -xx every byte of a string stands as \xNN.
std::string decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at + 4 <= text.size() && text.substr(at, 2) == "\\x"; at += 4) {
    unsigned char byte = 0;
    std::from_chars(text.data() + at + 2, text.data() + at + 4, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// `12<path>` at the head of the arguments.
std::string file_of(std::string_view arguments) {
  const std::size_t open = arguments.find('<');
  const std::size_t close = arguments.find('>');
  const std::size_t comma = arguments.find(',');
  if (open == std::string_view::npos || close == std::string_view::npos || comma < open) return {};
  return decoded(arguments.substr(open + 1, close - open - 1));
}

std::string data_of(std::string_view arguments) {
  std::string all;
  while (true) {
    const std::size_t open = arguments.find('"');
    if (open == std::string_view::npos) return all;
    arguments.remove_prefix(open + 1);
    const std::size_t close = arguments.find('"');
    all += decoded(arguments.substr(0, close));
    if (close == std::string_view::npos) return all;
    arguments.remove_prefix(close + 1);
  }
}

bool of_the_log(const SystemCall& call) {
  return call.file.ends_with("catalog.db-wal");
}

}  // namespace

std::vector<std::string> strace_command(const std::string& output) {
  return {"/usr/bin/strace",
          "-D",
          "-f",
          "-y",
          "-xx",
          "--seccomp-bpf",
          "-s",
          "4200",  // a page of the database, a head of HTTP
          "-e",
          "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg",
          "-o",
          output};
}

bool trace_is_whole(const std::string& trace, pid_t process) {
  // The process itself is the last whose end is told, whatever its threads did.
  if (!trace.ends_with("+++\n")) return false;
  const std::string_view all(trace);
  const std::size_t before = all.rfind('\n', all.size() - 2);
  const std::string_view last = all.substr(before == std::string_view::npos ? 0 : before + 1);
  const std::string pid = std::to_string(process) + " ";
  return last.starts_with(pid) && last.find(" +++ ") != std::string_view::npos;
}

std::vector<SystemCall> read_trace(const std::string& trace) {
  std::vector<SystemCall> calls;
  std::map<std::string, std::size_t> unfinished;  // by thread: which of `calls`
  std::istringstream lines(trace);
  std::string line;
  for (std::size_t at = 1; std::getline(lines, line); ++at) {
    const std::size_t blank = line.find(' ');
    const std::string thread = line.substr(0, blank);
    std::string_view rest = std::string_view(line).substr(std::min(line.size(), blank));
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.starts_with("+++") || rest.starts_with("---")) continue;
    if (rest.starts_with("<... ")) {
      const auto begun = unfinished.find(thread);
      if (begun == unfinished.end()) throw std::runtime_error("what was resumed there? " + line);
      calls[begun->second].returned = at;
      unfinished.erase(begun);
      continue;
    }
    const std::size_t open = rest.find('(');
    if (open == std::string_view::npos) throw std::runtime_error("what is that? " + line);
    const std::string_view arguments = rest.substr(open + 1);
    calls.push_back({.name = std::string(rest.substr(0, open)),
                     .file = file_of(arguments),
                     .data = data_of(arguments),
                     .began = at,
                     .returned = at});
    if (rest.find("<unfinished ...>") != std::string_view::npos) {
      calls.back().returned = static_cast<std::size_t>(-1);
      unfinished[thread] = calls.size() - 1;
    }
  }
  return calls;
}

std::string order_complaint(const std::vector<SystemCall>& calls, std::string_view what,
                            std::string_view durable, const SystemCall& before) {
  const auto written = std::find_if(calls.begin(), calls.end(), [&](const SystemCall& call) {
    return of_the_log(call) && call.data.find(durable) != std::string::npos;
  });
  if (written == calls.end() || written->began > before.began) {
    return std::string(what) + ": it was not even written before";
  }
  const auto synced = std::find_if(written, calls.end(), [&](const SystemCall& call) {
    return of_the_log(call) && (call.name == "fdatasync" || call.name == "fsync") &&
           call.began > written->returned;
  });
  if (synced == calls.end() || synced->returned >= before.began) {
    return std::string(what) + ": it was written, but not synced before";
  }
  return {};
}

}  // namespace waybill::test
