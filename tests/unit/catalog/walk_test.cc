#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/catalog/catalog_fixture.h"

// A long seeded walk through the verbs, beside a model that knows nothing of SQL: what the catalog
// says must be what the model says, after every step, commit, rollback and restart.
namespace waybill::catalog {
namespace {

struct ModelObject {
  std::string content;
  std::string key;
  std::int64_t file = 0;
  bool live = true;
  bool sole = false;
  bool owned = true;
  bool in_doubt = false;  // something else may have landed on its key
};

struct ModelAttempt {
  std::int64_t file = 0;
  std::int64_t generation = 0;
  std::string key;
  std::string content;
  AttemptKind kind = AttemptKind::Single;
  AttemptState state = AttemptState::Open;
};

struct ModelFile {
  std::string path;
  bool live = true;
  FileState state = FileState::Queued;
  std::int64_t generation = 1;
  std::optional<std::string> content;
  std::int64_t tries = 0;
  std::string key;
  std::int64_t object = 0;  // 0: none
  bool lost = false;        // and a person is told so
};

struct Model {
  std::map<std::int64_t, ModelFile> files;
  std::map<std::int64_t, ModelObject> objects;
  std::map<std::string, ModelAttempt> attempts;

  std::int64_t live_at(const std::string& path) const {
    for (const auto& [id, file] : files) {
      if (file.live && file.path == path) return id;
    }
    return 0;
  }
  std::int64_t holder_of(const std::string& key) const {
    for (const auto& [id, object] : objects) {
      if (object.live && object.key == key) return id;
    }
    return 0;
  }
  const ModelAttempt* running(std::int64_t file) const {
    for (const auto& [id, attempt] : attempts) {
      if (attempt.file == file && attempt.generation == files.at(file).generation &&
          attempt.state != AttemptState::Abandoned) {
        return &attempt;
      }
    }
    return nullptr;
  }
  // Nothing has the bytes that were stored of it.
  bool is_lost(const ModelFile& file) const {
    if (file.object == 0 || !file.content) return false;
    const ModelObject& object = objects.at(file.object);
    return !object.live && object.in_doubt && object.content == *file.content;
  }
  // Another object of the file has the same bytes.
  bool rest_on_another(std::int64_t id) {
    ModelFile& file = files.at(id);
    const auto other = std::find_if(objects.rbegin(), objects.rend(), [&](const auto& entry) {
      const ModelObject& object = entry.second;
      return object.live && object.file == id && object.content == *file.content;
    });
    if (other == objects.rend()) return false;
    other->second.sole = true;
    file.object = other->first;
    return true;
  }
  void cancel(std::int64_t file) {
    for (auto& [id, attempt] : attempts) {
      if (attempt.file == file) attempt.state = AttemptState::Abandoned;
    }
  }
  void leave_sole(std::int64_t id) {
    for (auto& [object_id, object] : objects) {
      const bool is_its = object_id == files.at(id).object;
      const bool on_its_key = object.file == id && object.key == files.at(id).key;
      if (object.live && (is_its || on_its_key)) object.sole = true;
    }
  }
  void apply(std::int64_t id, const Step& step) {
    ModelFile& file = files.at(id);
    file.lost = false;
    if (step.cancel_attempt) cancel(id);
    if (step.object_becomes_sole) leave_sole(id);
    if (step.new_generation) {
      ++file.generation;
      file.tries = 0;
    }
    if (step.count_try) ++file.tries;
    file.state = step.to;
    if (file.state == FileState::Stored) file.tries = 0;
  }
};

class Walk : public CatalogTest {
 protected:
  // Between one and `n` on even terms.
  std::uint64_t dice(std::uint64_t n) { return 1 + random_.next() % n; }
  template <typename Map>
  auto any(Map& map) {
    auto at = map.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.next() % map.size()));
    return at;
  }

  void complete() {
    const std::string path = "d" + std::to_string(dice(3)) + "/" + std::to_string(dice(8));
    std::optional<std::string> content;
    if (dice(6) > 1) content = std::string("c") + std::to_string(dice(3));
    CompleteFile seen{.folder = folder_, .path = path, .fingerprint = print()};
    if (content) seen.sha256 = waybill::catalog::content(*content);
    const FileRow row = must(catalog_->complete(seen));

    const std::int64_t id = model_.live_at(path);
    const auto fresh = [&] {
      ModelFile file;
      file.path = path;
      file.content = content;
      model_.files[value_of(row.id)] = file;
    };
    if (id == 0) {
      fresh();
      return;
    }
    ModelFile& file = model_.files.at(id);
    if (file.lost) {
      file.object = 0;
      model_.apply(id, *next(file.state, FileEvent::CauseFixed));
    }
    const FileEvent event = expected(id, content);
    if (event == FileEvent::CompleteNewContent && file.state == FileState::Queued && content &&
        content == file.content) {
      return;  // touched
    }
    const Step step = *next(file.state, event);
    if (event == FileEvent::CompleteObjectContent) model_.objects.at(file.object).sole = false;
    if (step.new_row) {
      model_.leave_sole(id);
      file.live = false;
      fresh();
      return;
    }
    model_.apply(id, step);
    if (event != FileEvent::CompleteAttemptContent) file.content = content;
  }

  FileEvent expected(std::int64_t id, const std::optional<std::string>& content) const {
    const ModelFile& file = model_.files.at(id);
    if (file.state == FileState::Removing || !content) return FileEvent::CompleteNewContent;
    if (file.object != 0) {
      const ModelObject& object = model_.objects.at(file.object);
      bool wait = false;
      for (const auto& [attempt_id, attempt] : model_.attempts) {
        if (attempt.file != id) continue;
        const bool stuck = attempt.state == AttemptState::Creating;
        wait |= file.state != FileState::Uploading || !stuck;
      }
      if (file.state == FileState::Removed) wait = false;
      const bool doubted = object.in_doubt && file.state != FileState::Removed;
      if (object.live && object.key == file.key && object.content == *content && !wait &&
          !doubted) {
        return FileEvent::CompleteObjectContent;
      }
    }
    if (file.state == FileState::Uploading && file.content == content) {
      return FileEvent::CompleteAttemptContent;
    }
    return FileEvent::CompleteNewContent;
  }

  void claim() {
    const auto queued = must(catalog_->in_state(FileState::Queued, FileId{}, 1000));
    if (queued.empty()) return;
    const FileRow& row = queued[random_.next() % queued.size()];
    const std::int64_t id = value_of(row.id);
    ModelFile& file = model_.files.at(id);
    if (!file.content) {
      file.content = "c1";
      must(catalog_->set_content(row.id, row.fingerprint, content("c1")));
    }
    std::string key = file.key.empty() ? "k/" + file.path : file.key;
    if (dice(10) == 1) key += "'";
    NewAttempt attempt = attempt_for(reread(row), key);
    for (const auto& [known, it] : model_.attempts) {
      const bool retry = it.file == id && it.generation == file.generation &&
                         it.state != AttemptState::Abandoned && it.key == key;
      if (retry) attempt.id = known;
    }
    if (dice(4) == 1) attempt.kind = AttemptKind::Multipart;

    bool taken = false;
    for (const auto& [known, it] : model_.attempts) taken |= it.key == key && it.file != id;
    const std::int64_t holder = model_.holder_of(key);
    if (holder != 0) {
      const ModelObject& object = model_.objects.at(holder);
      taken |= object.sole || !object.owned || object.file != id;
    }
    // Two attempts of one generation are another protocol's business.
    const ModelAttempt* running = model_.running(id);
    if (running != nullptr && !model_.attempts.contains(attempt.id)) return;

    const auto claimed = catalog_->claim(attempt);
    ASSERT_EQ(claimed.has_value(), !taken) << key;
    if (taken) {
      ASSERT_EQ(claimed.error().code, ErrorCode::PreconditionFailed);
      return;
    }
    file.state = FileState::Uploading;
    file.key = key;
    const bool single = attempt.kind == AttemptKind::Single;
    model_.attempts.try_emplace(attempt.id,
                                ModelAttempt{id, file.generation, key, *file.content, attempt.kind,
                                             single ? AttemptState::Open : AttemptState::Creating});
  }

  void acknowledge() {
    if (model_.attempts.empty()) return;
    const auto at = any(model_.attempts);
    const ModelAttempt attempt = at->second;
    const std::string attempt_id = at->first;
    ModelFile& file = model_.files.at(attempt.file);
    const bool running = file.live && file.state == FileState::Uploading &&
                         attempt.generation == file.generation &&
                         attempt.state != AttemptState::Abandoned;
    const bool owned = !running || dice(8) > 1;
    const FileRow row = must(catalog_->acknowledge(attempt_id, stored(attempt.content), owned));
    ModelObject object{attempt.content, attempt.key, attempt.file, true, false, owned};
    const std::int64_t holder = model_.holder_of(attempt.key);
    model_.attempts.erase(attempt_id);
    if (running) {
      if (holder != 0) {
        model_.objects.at(holder).live = false;
        model_.objects.at(holder).in_doubt = false;
      }
      if (file.object != 0 && model_.objects.at(file.object).key != attempt.key &&
          model_.objects.at(file.object).live) {
        model_.objects.at(file.object).sole = true;
      }
      file.object = value_of(*row.object);
      file.content = attempt.content;
      model_.apply(attempt.file, *next(file.state, FileEvent::EqualForeign));
    } else {
      object.sole = !file.live || file.state > FileState::Stored || file.key != attempt.key;
      if (holder != 0) {
        ModelObject& there = model_.objects.at(holder);
        const bool relied = file.state == FileState::Stored && file.object == holder;
        if (there.file == attempt.file && !there.sole && !relied) {
          there.live = there.in_doubt = false;
        } else {
          object.live = false;
          there.in_doubt = true;
        }
      }
    }
    model_.objects[++objects_] = object;
    if (!running && file.lost && object.live && object.content == *file.content) {
      file.object = objects_;
      file.key = attempt.key;
      model_.apply(attempt.file, *next(file.state, FileEvent::Vanished));
    }
    if (running) {
      ASSERT_EQ(file.object, objects_);
    }
  }

  void any_event() {
    const auto at = any(model_.files);
    if (!at->second.live) return;
    static constexpr FileEvent events[] = {
        FileEvent::Rebased,       FileEvent::Absent,         FileEvent::Foreign,
        FileEvent::Transient,     FileEvent::NeedsPerson,    FileEvent::CauseFixed,
        FileEvent::RemovalDue,    FileEvent::Unlinked,       FileEvent::RemovalRefused,
        FileEvent::ScrubFoundBad, FileEvent::ScrubFoundLost, FileEvent::Vanished};
    FileEvent event = events[random_.next() % std::size(events)];
    // Mostly what can happen; now and then what cannot.
    for (int i = 0; i < 8 && !next(at->second.state, event); ++i) {
      event = events[random_.next() % std::size(events)];
    }
    const bool told_before = at->second.lost;
    const bool lost_with_its_file =
        event == FileEvent::Vanished && at->second.state < FileState::Removing &&
        model_.is_lost(at->second) && (told_before || !model_.rest_on_another(at->first));
    const auto step =
        next(at->second.state, lost_with_its_file ? FileEvent::ScrubFoundLost : event);
    const auto row = catalog_->apply(FileId{at->first}, event, "why");
    ASSERT_EQ(row.has_value(), step.has_value());
    if (!step || (lost_with_its_file && told_before)) return;
    const bool lost = event == FileEvent::ScrubFoundBad || event == FileEvent::ScrubFoundLost;
    if (event == FileEvent::CauseFixed && told_before) at->second.object = 0;
    model_.apply(at->first, *step);
    at->second.lost = lost_with_its_file;
    if (!lost || at->second.object == 0) return;
    model_.objects.at(at->second.object).live = false;
    model_.objects.at(at->second.object).in_doubt = true;
  }

  void rename() {
    std::map<std::int64_t, ModelFile> gone = model_.files;
    std::erase_if(gone, [](const auto& entry) {
      const ModelFile& file = entry.second;
      return !file.live || file.state != FileState::Gone || !file.content;
    });
    if (gone.empty()) return;
    const auto at = model_.files.find(any(gone)->first);
    ModelFile& file = at->second;
    const std::string path = "d" + std::to_string(dice(3)) + "/" + std::to_string(dice(8));
    if (path == file.path) return;
    ModelFile* there = nullptr;
    std::int64_t there_id = 0;
    for (auto& [id, other] : model_.files) {
      if (!other.live || other.path != path) continue;
      there = &other;
      there_id = id;
    }
    bool makes_way = true;
    if (there != nullptr && there->state < FileState::Removed) {
      makes_way = there->state == FileState::Queued && there->generation == 1 && there->object == 0;
      for (const auto& [id, attempt] : model_.attempts) makes_way &= attempt.file != there_id;
    }
    const CompleteFile found{.folder = folder_,
                             .path = path,
                             .fingerprint = print(),
                             .sha256 = waybill::catalog::content(*file.content)};
    const auto row = catalog_->renamed(FileId{at->first}, found);
    ASSERT_EQ(row.has_value(), makes_way) << path;
    if (!makes_way) return;
    if (there != nullptr) {
      model_.leave_sole(there_id);
      there->live = false;
    }
    if (file.object != 0) {
      ModelObject& object = model_.objects.at(file.object);
      if (object.live && object.content == *file.content) object.sole = false;
    }
    file.path = path;
    file.key.clear();
    model_.apply(at->first, *next(FileState::Gone, FileEvent::Renamed));
  }

  void end_an_attempt() {
    if (model_.attempts.empty()) return;
    const auto at = any(model_.attempts);
    // Its row is waiting for it: the pipeline would not.
    if (model_.files.at(at->second.file).state == FileState::Uploading) return;
    must(catalog_->end_attempt(at->first));
    model_.attempts.erase(at);
  }

  void compare() {
    std::array<std::int64_t, 7> states{};
    std::int64_t retrying = 0;
    for (const auto& [id, file] : model_.files) {
      const FileRow row = must(catalog_->file(FileId{id})).value();
      ASSERT_EQ(row.path, file.path);
      ASSERT_EQ(row.live, file.live) << id;
      ASSERT_EQ(row.state, file.state) << id;
      ASSERT_EQ(row.generation, file.generation) << id;
      ASSERT_EQ(row.tries, file.tries) << id;
      ASSERT_EQ(row.key, file.key) << id;
      ASSERT_EQ(value_of(row.object.value_or(ObjectId{})), file.object) << id;
      const auto sha256 = file.content ? std::optional(content(*file.content)) : std::nullopt;
      ASSERT_EQ(row.sha256, sha256) << id;
      if (!file.live) continue;
      ++states.at(static_cast<std::size_t>(file.state));
      if (file.state == FileState::Queued && file.tries > 0) ++retrying;
      ASSERT_EQ(must(catalog_->find_live(folder_, file.path))->id, FileId{id});
    }
    const auto counts = catalog_->counts(folder_);
    for (std::size_t i = 0; i < states.size(); ++i) ASSERT_EQ(counts.by_state[i], states[i]);
    ASSERT_EQ(counts.retrying, retrying);
    ASSERT_EQ(counts.stored_bytes, 3 * states[static_cast<std::size_t>(FileState::Stored)]);
    for (const auto& [id, object] : model_.objects) {
      const ObjectRow row = must(catalog_->object(ObjectId{id})).value();
      ASSERT_EQ(row.live, object.live) << id;
      ASSERT_EQ(row.sole, object.sole) << id;
      ASSERT_EQ(row.key, object.key) << id;
      ASSERT_EQ(row.sha256, content(object.content)) << id;
    }
    const auto attempts = must(catalog_->open_attempts());
    ASSERT_EQ(attempts.size(), model_.attempts.size());
    for (const AttemptRow& row : attempts) {
      const ModelAttempt& attempt = model_.attempts.at(row.id);
      ASSERT_EQ(row.state, attempt.state);
      ASSERT_EQ(row.generation, attempt.generation);
      ASSERT_EQ(row.key, attempt.key);
    }
  }

  void compare_reader() {
    auto reader = must(Reader::open(state_dir()));
    for (const FileRow& seen : must(reader->files({.live_only = false, .limit = 1'000'000}))) {
      const FileRow row = must(catalog_->file(seen.id)).value();
      ASSERT_EQ(seen.state, row.state);
      ASSERT_EQ(seen.key, row.key) << value_of(seen.id);
      ASSERT_EQ(seen.sha256, row.sha256) << value_of(seen.id);
      // The chain of events ends where the row stands.
      const auto events = must(reader->events_of(seen.id, 100'000));
      ASSERT_FALSE(events.empty());
      ASSERT_EQ(events.back().event, FileEvent::CompleteNewContent);
      ASSERT_EQ(events.back().generation, 1);
      FileState state = FileState::Queued;
      for (auto event = std::next(events.rbegin()); event != events.rend(); ++event) {
        const auto step = next(state, event->event);
        ASSERT_TRUE(step.has_value()) << to_string(event->event) << " in " << to_string(state);
        walked_.emplace(state, event->event);
        state = step->to;
      }
      ASSERT_EQ(state, row.state) << "replaying the events leads elsewhere";
    }
    for (const auto& count : must(reader->state_counts())) {
      ASSERT_EQ(count.files,
                catalog_->counts(folder_).by_state[static_cast<std::size_t>(count.state)]);
    }
  }

  void walk(std::uint64_t seed, int steps) {
    random_ = Random(seed);
    Model durable = model_;
    std::int64_t durable_objects = objects_;
    for (int i = 0; i < steps && !HasFatalFailure(); ++i) {
      switch (dice(18)) {
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
          complete();
          break;
        case 6:
        case 7:
        case 8:
        case 9:
          claim();
          break;
        case 10:
        case 11:
        case 12:
          acknowledge();
          break;
        case 13:
          end_an_attempt();
          break;
        case 14:
        case 15:
          rename();
          break;
        default:
          if (!model_.files.empty()) any_event();
      }
      if (dice(5) == 1) compare();
      const std::uint64_t ending = dice(80);
      if (ending > 8) continue;
      if (ending == 1) {
        catalog_->rollback();
        model_ = durable;
        objects_ = durable_objects;
      } else {
        must(catalog_->commit());
        durable = model_;
        durable_objects = objects_;
      }
      if (ending == 2 || ending == 3) reopen();
      if (ending == 4) compare_reader();
      compare();
    }
  }

  // A walk that stood still would find nothing.
  void expect_most_of_the_table() {
    compare_reader();
    std::size_t legal = 0;
    for (const FileState state : all_file_states) {
      for (const FileEvent event : all_file_events) legal += next(state, event) ? 1 : 0;
    }
    EXPECT_GE(walked_.size() * 2, legal) << "of " << legal << " legal pairs";
  }

  Random random_{0};
  std::set<std::pair<FileState, FileEvent>> walked_;
  Model model_;
  std::int64_t objects_ = 0;
};

TEST_F(Walk, OneSeed) {
  walk(1, 1500);
  must(catalog_->commit());
  expect_most_of_the_table();
}
TEST_F(Walk, AnotherSeed) {
  walk(2, 1500);
  must(catalog_->commit());
  expect_most_of_the_table();
}
TEST_F(Walk, AThirdSeed) {
  walk(3, 1500);
  must(catalog_->commit());
  expect_most_of_the_table();
}

}  // namespace
}  // namespace waybill::catalog
