#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {

Outcome<Done> list_buckets(World& world, S3Exchange& exchange) {
  XmlWriter xml("ListAllMyBucketsResult");
  xml.open("Owner");
  xml.element("ID", world.options.access_key);
  xml.element("DisplayName", world.options.access_key);
  xml.close();
  xml.open("Buckets");
  for (const std::string& bucket : world.store.buckets()) {
    xml.open("Bucket");
    xml.element("Name", bucket);
    xml.element("CreationDate", iso_date(exchange.now()));
    xml.close();
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> create_bucket(World& world, S3Exchange& exchange) {
  const auto created = world.store.create_bucket(exchange.route.bucket);
  if (!created.ok()) return created.error();
  // In us-east-1, and only there, S3 takes the second creation for the first.
  if (!created.value() && world.options.region != "us-east-1") {
    return s3_error("BucketAlreadyOwnedByYou");
  }
  exchange.effect = created.value();
  exchange.response.headers.emplace_back("Location", "/" + exchange.route.bucket);
  return Done{};
}

Outcome<Done> delete_bucket(World& world, S3Exchange& exchange) {
  const auto done = world.store.delete_bucket(exchange.route.bucket);
  if (!done.ok()) return done.error();
  exchange.effect = true;
  exchange.response.status = 204;
  return Done{};
}

Outcome<Done> head_bucket(World& world, S3Exchange& exchange) {
  exchange.response.headers.emplace_back("x-amz-bucket-region", world.options.region);
  return Done{};
}

Outcome<Done> get_location(World& world, S3Exchange& exchange) {
  XmlWriter xml("LocationConstraint");
  std::string document = xml.finish();
  const std::string& region = world.options.region;
  const std::string text = exchange.behaviour->location_says_default ? "default"
                           : region == "us-east-1"                   ? ""
                                                                     : region;
  document.insert(document.rfind("</"), text);
  set_xml(exchange.response, std::move(document));
  return Done{};
}

Outcome<Done> get_versioning(World& world, S3Exchange& exchange) {
  const auto versioning = world.store.versioning(exchange.route.bucket);
  if (!versioning.ok()) return versioning.error();
  XmlWriter xml("VersioningConfiguration");
  if (versioning.value() != Versioning::Off) {
    xml.element("Status", versioning.value() == Versioning::Enabled ? "Enabled" : "Suspended");
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> put_versioning(World& world, S3Exchange& exchange) {
  const auto root = parse_xml(exchange.body->text());
  const std::string status = root ? root->text_of("Status") : std::string();
  if (status != "Enabled" && status != "Suspended") return s3_error("MalformedXML");
  const auto done = world.store.set_versioning(
      exchange.route.bucket, status == "Enabled" ? Versioning::Enabled : Versioning::Suspended);
  if (!done.ok()) return done.error();
  exchange.effect = true;
  return Done{};
}

}  // namespace waybill::s3server
