#include "base/thread_name.h"

#include <pthread.h>

namespace waybill {

void name_this_thread(const char* name) {
  static_cast<void>(::pthread_setname_np(::pthread_self(), name));  // it is for people only
}

}  // namespace waybill
