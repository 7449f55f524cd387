#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace waybill::watcher {

// While it lives, modes bind this thread, and those that it starts, even where it is root's.
class BoundByModes {
 public:
  BoundByModes() {
    ask(SYS_capget, before_);
    Capabilities without = before_;
    without[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
    ask(SYS_capset, without);
  }
  ~BoundByModes() { ::syscall(SYS_capset, &header_, before_.data()); }
  BoundByModes(const BoundByModes&) = delete;
  BoundByModes& operator=(const BoundByModes&) = delete;

 private:
  using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;
  void ask(long call, Capabilities& capabilities) {
    if (::syscall(call, &header_, capabilities.data()) != 0) {
      throw std::runtime_error("test cannot change its capabilities");
    }
  }

  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Capabilities before_{};
};

}  // namespace waybill::watcher
