#pragma once

#include "base/error.h"

namespace waybill::uploader {

// Of an error that needs a person: is it about the endpoint, the bucket or the credentials, so that
// every file meets it (one cause, one line, PROTOCOL.md rule 10), or about this one object?
bool concerns_endpoint(const Error& error);

// The store does not know a header or operation that was asked for (S3.md 10.11).
bool is_not_implemented(const Error& error);

}  // namespace waybill::uploader
