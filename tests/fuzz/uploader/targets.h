#pragma once

#include <array>
#include <string_view>
#include <utility>

// What the uploader reads from others, each as a function of bytes that must neither crash, nor
// run on, nor break the promise that its comment makes. libFuzzer drives them under clang
// (fuzzer.cc), a test with seeded mischief everywhere (uploader_fuzz_test.cc).
namespace waybill::fuzz {

void xml(std::string_view input);          // every document that S3 or STS may answer with
void replies(std::string_view input);      // heads and refusals
void credentials(std::string_view input);  // profile files, JSON of services and programs
void signing(std::string_view input);      // canonical forms: what is encoded comes back
void keys(std::string_view input);         // paths to keys and back, templates
void checksums(std::string_view input);    // what a store says a body's CRC is
void mime_types(std::string_view input);   // a machine's list of content types
void sidecars(std::string_view input);     // what people say of a file, up to the headers it makes

using Target = void (*)(std::string_view);
inline constexpr std::array<std::pair<std::string_view, Target>, 8> targets{
    {{"xml", &xml},
     {"replies", &replies},
     {"credentials", &credentials},
     {"signing", &signing},
     {"keys", &keys},
     {"checksums", &checksums},
     {"mime_types", &mime_types},
     {"sidecars", &sidecars}}};

}  // namespace waybill::fuzz
