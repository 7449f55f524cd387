#pragma once

#include <string>
#include <vector>

#include "tests/s3server/stream.h"

namespace waybill::s3server {

// What happened to a store on disk, one line each, so that the next run finds it again. Not synced:
// a test server may forget what a power cut takes.
class Journal {
 public:
  using Record = std::vector<std::string>;  // any bytes

  Journal() = default;  // keeps nothing
  // Throws std::runtime_error when the file cannot be opened.
  explicit Journal(const std::string& path);

  static std::vector<Record> read(const std::string& path);  // whole lines only
  void append(const Record& record);
  bool keeps() const { return fd_.valid(); }

 private:
  Descriptor fd_;
};

}  // namespace waybill::s3server
