#include "uploader/transfer_engine.h"

#include <utility>

#include "base/thread_name.h"
#include "uploader/http.h"

namespace waybill::uploader {

TransferEngine::TransferEngine(std::unique_ptr<Loop> loop)
    : loop_(std::move(loop)), thread_([this](const std::stop_token& stop) {
        name_this_thread("transfer");
        while (!stop.stop_requested()) loop_->step();
      }) {}

TransferEngine::~TransferEngine() {
  thread_.request_stop();
  loop_->wake();
  thread_.join();
}

void TransferEngine::limit(BandwidthSchedule bandwidth) {
  loop_->limit(std::move(bandwidth));
}

Result<std::unique_ptr<TransferEngine>> TransferEngine::start(Options options, const Clock& clock) {
  auto loop = Loop::make(std::move(options), clock);
  if (!loop) return fail(loop.error());
  return std::unique_ptr<TransferEngine>(new TransferEngine(std::move(*loop)));
}

}  // namespace waybill::uploader
