#include "agent/metrics.h"

#include <initializer_list>
#include <map>
#include <tuple>
#include <utility>

#include "agent/health.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

using Labels = std::initializer_list<std::pair<const char*, std::string>>;

// Backslash, quote and line feed end a label value early; printable() leaves the first two.
std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : printable(value)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

class Page {
 public:
  void family(const std::string& name, const char* help) {
    name_ = "waybill_" + name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " gauge\n";
  }
  void sample(Labels labels, const std::string& value) {
    text_ += name_;
    char before = '{';
    for (const auto& [name, label] : labels) {
      text_ += before + std::string(name) + "=\"" + escaped(label) + "\"";
      before = ',';
    }
    text_ += (before == ',' ? "} " : " ") + value + "\n";
  }
  void sample(Labels labels, std::int64_t value) { sample(labels, std::to_string(value)); }
  // Seconds since 1970 as Prometheus counts them.
  void time(Labels labels, std::int64_t ns) {
    const std::string milliseconds = std::to_string(1000 + ns / 1'000'000 % 1000).substr(1);
    sample(labels, std::to_string(ns / 1'000'000'000) + "." + milliseconds);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void add_folders(Page& page, const std::vector<FolderView>& folders) {
  page.family("folder_files", "Files of a folder by what they are waiting for.");
  for (const FolderView& folder : folders) {
    const std::pair<const char*, std::int64_t> states[] = {
        {"pending", folder.pending}, {"uploading", folder.uploading}, {"stored", folder.stored},
        {"blocked", folder.blocked}, {"retrying", folder.retrying},   {"ignored", folder.ignored}};
    for (const auto& [state, files] : states) {
      page.sample({{"folder", folder.name}, {"state", state}}, files);
    }
  }
  page.family("folder_stored_bytes", "Bytes of the stored files of a folder.");
  for (const FolderView& folder : folders) {
    page.sample({{"folder", folder.name}}, folder.stored_bytes);
  }
  page.family("folder_last_stored_timestamp_seconds", "When a file of the folder was last stored.");
  for (const FolderView& folder : folders) {
    if (folder.last_stored_at != 0) page.time({{"folder", folder.name}}, folder.last_stored_at);
  }
  page.family("folder_seen_until_timestamp_seconds",
              "No change of the folder from before that time is unseen.");
  for (const FolderView& folder : folders) {
    if (folder.seen_until != 0) page.time({{"folder", folder.name}}, folder.seen_until);
  }
  page.family("folder_oldest_pending_timestamp_seconds",
              "Since when the oldest pending file of the folder waits.");
  for (const FolderView& folder : folders) {
    if (folder.oldest_pending_since != 0) {
      page.time({{"folder", folder.name}}, folder.oldest_pending_since);
    }
  }
}

void add_stores(Page& page, const std::vector<StoreView>& stores) {
  page.family("store_up", "1 where the bucket can be used now.");
  for (const StoreView& store : stores) {
    page.sample({{"endpoint", store.endpoint}, {"bucket", store.bucket}, {"prefix", store.prefix}},
                store.state == "ok" ? 1 : 0);
  }
  page.family("store_guarded", "1 where the bucket enforces conditions on writes.");
  for (const StoreView& store : stores) {
    page.sample({{"endpoint", store.endpoint}, {"bucket", store.bucket}, {"prefix", store.prefix}},
                store.guarded ? 1 : 0);
  }
  page.family("store_unknown_uploads",
              "Multipart uploads below the prefix, a day old, that nobody here knows.");
  for (const StoreView& store : stores) {
    if (!store.unknown_uploads) continue;
    page.sample({{"endpoint", store.endpoint}, {"bucket", store.bucket}, {"prefix", store.prefix}},
                *store.unknown_uploads);
  }
}

void add_reasons(Page& page, const std::vector<Reason>& reasons) {
  // One sample for each set of labels, however many sentences stand behind it.
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::int64_t, std::int64_t>>
      sums;
  for (const Reason& reason : reasons) {
    auto& [count, files] =
        sums[{reason.code, std::string(to_string(reason.severity)), reason.folder}];
    ++count;
    files += reason.files;
  }
  page.family("reasons", "Causes that status lists.");
  for (const auto& [labels, sum] : sums) {
    const auto& [code, severity, folder] = labels;
    page.sample({{"code", code}, {"severity", severity}, {"folder", folder}}, sum.first);
  }
  page.family("reason_files", "Files that wait for such a cause.");
  for (const auto& [labels, sum] : sums) {
    const auto& [code, severity, folder] = labels;
    page.sample({{"code", code}, {"severity", severity}, {"folder", folder}}, sum.second);
  }
}

}  // namespace

std::string metrics_text(const Status& status) {
  Page page;
  page.family("info", "The running version and its agent.");
  page.sample(
      {{"version", status.version}, {"agent", status.agent_name}, {"agent_id", status.agent_id}},
      1);
  page.family("start_timestamp_seconds", "When the daemon was started.");
  page.time({}, status.started_at);
  page.family("healthy", "1 where `waybill status` would end with 0.");
  page.sample({}, exit_code(status.reasons) == ExitCode::Fine ? 1 : 0);
  page.family("catalog_bytes", "Size of the catalog on disk.");
  page.sample({}, status.catalog_bytes);
  add_folders(page, status.folders);
  add_stores(page, status.stores);
  add_reasons(page, status.reasons);
  return page.take();
}

}  // namespace waybill::agent
