#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"

// A damaged catalog lies in `DIR/catalog.damaged-<UTC>/` with the reason beside it, for a person to
// look at. As long as nobody has put another catalog.db in its place none is begun: a fresh one
// would take every file for a new one. The caller holds the state directory's lock.
namespace waybill::catalog {

// Moves catalog.db and what belongs to it there. What to tell: `found`, and where it lies now.
Error set_aside(const std::string& state_dir, WallTime now, const Error& found);

// Damaged, with the words of then, while one lies aside and there is no catalog.db.
Result<void> none_set_aside(const std::string& state_dir);
// Moves there what a crash in between has left behind. For the writer, before it opens anything.
Result<void> finish_setting_aside(const std::string& state_dir);

}  // namespace waybill::catalog
