#include "tests/s3server/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {

Journal::Journal(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (!fd_.valid()) {
    throw std::runtime_error("cannot open " + path + ": " + std::generic_category().message(errno));
  }
  // A line that a crash tore must not swallow the first one of this run.
  if (::lseek(fd_.get(), 0, SEEK_END) > 0) append({""});
}

std::vector<Journal::Record> Journal::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  std::vector<Record> records;
  std::size_t at = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
    Record record;
    std::size_t begin = at;
    for (;;) {
      const std::size_t tab = std::min(text.find('\t', begin), end);
      record.push_back(percent_decode(text.substr(begin, tab - begin), false).value_or(""));
      if (tab == end) break;
      begin = tab + 1;
    }
    records.push_back(std::move(record));
    at = end + 1;
  }
  return records;
}

void Journal::append(const Record& record) {
  if (!keeps()) return;
  std::string line;
  for (const std::string& field : record) {
    if (!line.empty()) line += '\t';
    line += percent_encode(field, true);
  }
  line += '\n';
  // A disk that is full shows at the next start; the objects in this run are not touched by it.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), line.data(), line.size());
}

}  // namespace waybill::s3server
