#pragma once

namespace waybill {

// What `top -H` and /proc call the calling thread, and those that it starts from then on; 15 bytes
// at the most, or it stays as it was.
void name_this_thread(const char* name);

}  // namespace waybill
