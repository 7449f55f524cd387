#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"

// The mounts as /proc/self/mountinfo tells them (proc(5)).
namespace waybill::watcher {

// Becomes readable with POLLPRI whenever anything is mounted or unmounted; one reader. Invalid
// where there is no such file.
UniqueFd open_mount_table();
// Its text now; empty where it cannot be read.
std::string read_mount_table();
// The lines of `table` whose mount point is `path`, above it or below it, reduced to what tells one
// mount from another. Pure.
std::string mounts_concerning(std::string_view table, std::string_view path);

}  // namespace waybill::watcher
