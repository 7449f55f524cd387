// One fuzzer for libFuzzer, which brings main() along: WAYBILL_FUZZ_TARGET names what it drives.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/uploader/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  waybill::fuzz::WAYBILL_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
