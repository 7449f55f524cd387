#pragma once

#include <string>
#include <vector>

namespace waybill::s3server {

struct Certificates {
  std::string ca_pem;
  std::string server_pem;  // signed by that CA
  std::string server_key_pem;
};

// A fresh CA and a server certificate for these names; what parses as an IP address becomes one.
// Throws std::runtime_error when OpenSSL refuses.
Certificates make_certificates(const std::vector<std::string>& names = {"localhost", "127.0.0.1",
                                                                        "::1"});

}  // namespace waybill::s3server
