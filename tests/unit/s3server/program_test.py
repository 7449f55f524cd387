#!/usr/bin/env python3
"""The program waybill-s3server from outside, by a client that shares nothing with it but the
specification of Signature V4: Python's own http.client and hmac."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


class Client:
    def __init__(self, port, secret="secret", ca=None):
        self.port, self.secret, self.ca = port, secret, ca

    def request(self, method, path, body=b"", query="", headers=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        payload = hashlib.sha256(body).hexdigest()
        signed = dict(headers or {})
        signed.update({"host": f"127.0.0.1:{self.port}", "x-amz-date": stamp, "x-amz-content-sha256": payload})
        names = sorted(signed)
        canonical = "\n".join(
            [method, path, query] + [f"{n}:{signed[n]}" for n in names] + ["", ";".join(names), payload])
        scope = f"{day}/eu-central-1/s3/aws4_request"
        to_sign = "\n".join(
            ["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (day, "eu-central-1", "s3", "aws4_request", to_sign):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential=access/{scope}, "
                                   f"SignedHeaders={';'.join(names)}, Signature={key.hex()}")
        return self.raw(method, path + ("?" + query if query else ""), body, signed)

    def raw(self, method, target, body=b"", headers=None):
        if self.ca:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, target, body, headers or {})
            reply = connection.getresponse()
            return reply.status, dict((n.lower(), v) for n, v in reply.getheaders()), reply.read()
        finally:
            connection.close()


class Program:
    """The program on a port of its own, until the end of the with block: then SIGTERM."""

    def __init__(self, *arguments):
        self.arguments = [PROGRAM, "--bucket", "bucket", "--access", "access", "--secret", "secret",
                          "--region", "eu-central-1", *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http"), line
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(timeout=20)
        self.process.stdout.close()


class ProgramTest(unittest.TestCase):
    def test_what_is_stored_is_fetched(self):
        with Program() as program:
            client = Client(program.port)
            status, headers, _ = client.request("PUT", "/bucket/a%20b/%C3%A9", b"hello",
                                                headers={"x-amz-meta-a": "b"})
            self.assertEqual(status, 200)
            self.assertEqual(headers["etag"], '"' + hashlib.md5(b"hello").hexdigest() + '"')
            status, headers, body = client.request("GET", "/bucket/a%20b/%C3%A9")
            self.assertEqual((status, body, headers["x-amz-meta-a"]), (200, b"hello", "b"))
            status, _, body = client.request("GET", "/bucket", query="encoding-type=url&list-type=2")
            self.assertIn(b"<Key>a+b/%C3%A9</Key>", body)
        self.assertEqual(program.status, 0)

    def test_another_secret_is_refused(self):
        with Program() as program:
            status, _, body = Client(program.port, "other").request("PUT", "/bucket/k", b"x")
            self.assertEqual(status, 403)
            self.assertIn(b"SignatureDoesNotMatch", body)

    def test_objects_on_disk_outlive_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            with Program("--dir", folder) as program:
                Client(program.port).request("PUT", "/bucket/k", b"kept")
            with Program("--dir", folder) as program:
                self.assertEqual(Client(program.port).request("GET", "/bucket/k")[2], b"kept")

    def test_tls_with_the_authority_it_wrote(self):
        with tempfile.TemporaryDirectory() as folder:
            with Program("--tls-dir", folder) as program:
                client = Client(program.port, ca=os.path.join(folder, "ca.pem"))
                self.assertEqual(client.request("PUT", "/bucket/k", b"x")[0], 200)

    def test_faults_from_a_file_and_from_control_requests(self):
        with tempfile.NamedTemporaryFile("w", suffix=".faults") as script:
            script.write("operation=PutObject nth=1 code=SlowDown\n")
            script.flush()
            with Program("--control", "--faults", script.name) as program:
                client = Client(program.port)
                self.assertEqual(client.request("PUT", "/bucket/k", b"x")[0], 503)
                self.assertEqual(client.request("PUT", "/bucket/k", b"x")[0], 200)
                self.assertEqual(client.raw("PUT", "/_control/faults", b"status=500")[0], 200)
                self.assertEqual(client.request("GET", "/bucket/k")[0], 500)
                log = json.loads(client.raw("GET", "/_control/log")[2])
                self.assertEqual([entry["status"] for entry in log], [503, 200, 500])
                self.assertEqual([entry["effect"] for entry in log], [False, True, False])

    def test_wrong_arguments_are_refused_with_status_2(self):
        for arguments in (["--nonsense"], ["--listen", "nowhere"], ["--listen"], ["--loops", "0"],
                          ["--behaviour", "nice"], ["--faults", "/nonexistent"]):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr.startswith("waybill-s3server: "), done.stderr)
        help_text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual(help_text.returncode, 0)
        self.assertIn("--bucket NAME", help_text.stdout)


if __name__ == "__main__":
    unittest.main()
