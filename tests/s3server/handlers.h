#pragma once

#include <string>
#include <string_view>

#include "tests/s3server/errors.h"
#include "tests/s3server/object.h"
#include "tests/s3server/world.h"

// What each operation does, once its request was found sound and its body is there. They fill
// `response` and `effect`, or return what the request is refused with.
namespace waybill::s3server {

Outcome<Done> handle(World& world, S3Exchange& exchange);  // by its operation

// object_handlers.cc
Outcome<Done> put_object(World& world, S3Exchange& exchange);
Outcome<Done> copy_object(World& world, S3Exchange& exchange);
Outcome<Done> get_object(World& world, S3Exchange& exchange);  // and HEAD
Outcome<Done> delete_object(World& world, S3Exchange& exchange);
Outcome<Done> delete_objects(World& world, S3Exchange& exchange);

// multipart_handlers.cc, complete_handler.cc
Outcome<Done> create_upload(World& world, S3Exchange& exchange);
Outcome<Done> upload_part(World& world, S3Exchange& exchange);
Outcome<Done> complete_upload(World& world, S3Exchange& exchange);
Outcome<Done> abort_upload(World& world, S3Exchange& exchange);
Outcome<Done> list_parts(World& world, S3Exchange& exchange);

// bucket_handlers.cc
Outcome<Done> list_buckets(World& world, S3Exchange& exchange);
Outcome<Done> create_bucket(World& world, S3Exchange& exchange);
Outcome<Done> delete_bucket(World& world, S3Exchange& exchange);
Outcome<Done> head_bucket(World& world, S3Exchange& exchange);
Outcome<Done> get_location(World& world, S3Exchange& exchange);
Outcome<Done> get_versioning(World& world, S3Exchange& exchange);
Outcome<Done> put_versioning(World& world, S3Exchange& exchange);

// listing_handlers.cc
Outcome<Done> list_objects(World& world, S3Exchange& exchange);  // V1 and V2
Outcome<Done> list_versions(World& world, S3Exchange& exchange);
Outcome<Done> list_uploads(World& world, S3Exchange& exchange);

// What several of them need (handlers.cc).
Outcome<ObjectFacts> read_facts(const Request& request);
// The conditional headers, as far as this server honours them.
Outcome<Conditions> read_conditions(const S3Exchange& exchange, Support if_none_match,
                                    Support if_match);
// Writes the key's history; empty where nobody keeps one.
Store::Observer observer(World& world, const S3Exchange& exchange, bool is_copy = false);
void set_xml(Response& response, std::string document);
void set_checksum(Response& response, const Checksum& checksum);
void set_version(Response& response, const ObjectVersion& version);
std::string fresh_etag(const S3Exchange& exchange, std::string md5_hex);
// A decimal parameter up to `most`; `fallback` where there is none.
Outcome<std::uint64_t> number_parameter(const Route& route, std::string_view name,
                                        std::uint64_t fallback, std::uint64_t most);

}  // namespace waybill::s3server
