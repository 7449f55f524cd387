#include "tests/s3server/behaviour_script.h"

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>
#include <string_view>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

using Setter = std::function<bool(Behaviour&, const std::string&)>;

Setter support(Support Behaviour::*member) {
  return [member](Behaviour& behaviour, const std::string& value) {
    if (value == "enforced") return behaviour.*member = Support::Enforced, true;
    if (value == "ignored") return behaviour.*member = Support::Ignored, true;
    if (value == "rejected") return behaviour.*member = Support::Rejected, true;
    return false;
  };
}

Setter flag(bool Behaviour::*member) {
  return [member](Behaviour& behaviour, const std::string& value) {
    behaviour.*member = value == "yes";
    return value == "yes" || value == "no";
  };
}

const std::map<std::string, Setter, std::less<>>& setters() {
  static const std::map<std::string, Setter, std::less<>> kSetters = {
      {"put-if-none-match", support(&Behaviour::put_if_none_match)},
      {"put-if-match", support(&Behaviour::put_if_match)},
      {"copy-if-none-match", support(&Behaviour::copy_if_none_match)},
      {"copy-if-match", support(&Behaviour::copy_if_match)},
      {"copy-source-if-match", support(&Behaviour::copy_source_if_match)},
      {"copy-keeps-etag", flag(&Behaviour::copy_keeps_etag)},
      {"complete-if-none-match", support(&Behaviour::complete_if_none_match)},
      {"complete-if-match", support(&Behaviour::complete_if_match)},
      {"delete-if-match", support(&Behaviour::delete_if_match)},
      {"if-match-needs-bare-etag", flag(&Behaviour::if_match_needs_bare_etag)},
      {"if-match-absent-is-404", flag(&Behaviour::if_match_absent_is_404)},
      {"checksums", support(&Behaviour::checksums)},
      {"checksums-need-algorithm", flag(&Behaviour::checksums_need_algorithm)},
      {"head-returns-checksums", flag(&Behaviour::head_returns_checksums)},
      {"random-etags", flag(&Behaviour::random_etags)},
      {"completed-replay-is-200", flag(&Behaviour::completed_replay_is_200)},
      {"wrong-region-redirects", flag(&Behaviour::wrong_region_redirects)},
      {"location-says-default", flag(&Behaviour::location_says_default)},
      {"may-list", flag(&Behaviour::may_list)},
      {"uploads-of-whole-keys", flag(&Behaviour::uploads_of_whole_keys)},
      {"clock-offset-seconds",
       [](Behaviour& behaviour, const std::string& value) {
         const bool negative = value.starts_with('-');
         const auto seconds = to_number(std::string_view(value).substr(negative ? 1 : 0));
         if (!seconds || *seconds > 1'000'000'000) return false;
         behaviour.clock_offset_seconds = static_cast<std::int64_t>(*seconds) * (negative ? -1 : 1);
         return true;
       }},
      {"smallest-part",
       [](Behaviour& behaviour, const std::string& value) {
         const auto bytes = to_number(value);
         behaviour.smallest_part = bytes.value_or(behaviour.smallest_part);
         return bytes.has_value();
       }},
      {"list-parts-page",
       [](Behaviour& behaviour, const std::string& value) {
         const auto parts = to_number(value);
         if (!parts || *parts < 1 || *parts > 1000) return false;
         behaviour.list_parts_page = static_cast<int>(*parts);
         return true;
       }},
  };
  return kSetters;
}

}  // namespace

Behaviour ceph_16() {
  return {.copy_if_none_match = Support::Ignored,
          .copy_if_match = Support::Ignored,
          .copy_source_if_match = Support::Ignored,
          .copy_keeps_etag = true,
          .complete_if_none_match = Support::Ignored,
          .complete_if_match = Support::Ignored,
          .delete_if_match = Support::Ignored,
          .if_match_needs_bare_etag = true,
          .if_match_absent_is_404 = false,
          .checksums = Support::Ignored,
          .head_returns_checksums = false,
          .location_says_default = true};
}

bool parse_behaviour(const std::string& script, Behaviour& behaviour, std::string& error) {
  Behaviour changed = behaviour;
  std::istringstream words(script);
  for (std::string word; words >> word;) {
    if (word == "ceph-16") {
      changed = ceph_16();
      continue;
    }
    if (word == "aws") {
      changed = {};
      continue;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const auto setter = setters().find(std::string_view(word).substr(0, equals));
    const std::string value = word.substr(std::min(equals + 1, word.size()));
    if (setter == setters().end() || !setter->second(changed, value)) {
      error = "'" + word + "' is no behaviour of this server";
      return false;
    }
  }
  behaviour = changed;
  return true;
}

}  // namespace waybill::s3server
