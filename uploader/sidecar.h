#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::uploader {

// What a sidecar says of its file (S3.md section 7): one flat JSON object, {"sample": "HeLa 12"}.
// Text stands for itself; a number is what is written there, true and false are those words. As it
// comes: what can be sent of it own_metadata() tells. NeedsPerson, with a sentence that does not
// name the sidecar: no such object, a name that is there twice, a value of another kind (null, a
// list, an object). Pure; no input makes it throw.
Result<std::map<std::string, std::string>> parse_sidecar(std::string_view text);

}  // namespace waybill::uploader
