"""What every benchmark needs: a server that costs next to nothing, a daemon on an empty folder, and the
figures of a process. Everything lives in one temporary folder and ends with it."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def program(name):
    for build in (os.environ.get("WAYBILL_BUILD", ROOT / "build/release"),):
        for found in sorted(pathlib.Path(build).rglob(name)):
            if found.is_file() and os.access(found, os.X_OK):
                return str(found)
    raise SystemExit(f"bench: {name} is not built; bench/run builds it")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_by_thread(pid):
    """Seconds by the name of the thread: those of one name together."""
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        fields = fields.split()
        used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS
    return used


def memory_mib(pid, which):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which + ":"):
            return int(line.split()[1]) / 1024
    return float("nan")


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("bench: waited too long")
        time.sleep(0.01)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=300)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class World:
    """A folder to drop into, the server, and the daemon between them."""

    def __init__(self, settle="0ms", parent=None):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="waybill-bench.", dir=parent))
        self.drop = self.place / "drop"
        self.staging = self.place / "staging"
        self.drop.mkdir()
        self.staging.mkdir()
        self.settle = settle
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
        shutil.rmtree(self.place, ignore_errors=True)

    def _start(self, command, log):
        with open(self.place / log, "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self._started.append(process)
        return process

    def start_server(self, tls=False):
        log = self.place / "server.log"
        self.ca = str(self.place / "tls" / "ca.pem") if tls else ""
        if tls:
            (self.place / "tls").mkdir()
        self.server = self._start(
            [program("waybill-s3server"), "--listen", "127.0.0.1:0", "--bucket", "bench", "--free",
             "--access", "bench", "--secret", "bench-secret",
             *(["--tls-dir", str(self.place / "tls")] if tls else [])], "server.log")
        wait_until(lambda: "listening on" in log.read_text())
        self.endpoint = log.read_text().split("listening on ")[1].split()[0]

    def start_daemon(self, s3=""):
        config = self.place / "waybill.toml"
        trust = f'ca_file = "{self.ca}"\n' if self.ca else ""
        config.write_text(
            f'[s3]\nendpoint = "{self.endpoint}"\nbucket = "bench"\n'
            f'access_key_id = "bench"\nsecret_access_key = "bench-secret"\n{trust}{s3}'
            f'[[folder]]\nname = "drop"\npath = "{self.drop}"\nprefix = "drop/"\nsettle = "{self.settle}"\n')
        config.chmod(0o600)
        self.socket = str(self.place / "control.sock")
        self.daemon = self._start(
            [program("waybilld"), "--config", str(config), "--state-dir", str(self.place / "state"),
             "--socket", self.socket], "daemon.log")

        def ready():
            if self.daemon.poll() is not None:
                raise SystemExit((self.place / "daemon.log").read_text())
            try:
                status = self.ask("GET", "/v1/status")
            except OSError:
                return False
            folders = status.get("folders", [])
            stores = status.get("stores", [])
            return bool(folders) and folders[0].get("watched") == "inotify" and all(
                store.get("state") == "ok" for store in stores)

        wait_until(ready)

    def ask(self, method, path, body=None):
        connection = _UnixConnection(self.socket)
        connection.request(method, path, body=json.dumps(body) if body is not None else None,
                           headers={"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read() or b"{}")
        connection.close()
        return answer

    def stored(self):
        return self.ask("GET", "/v1/status")["folders"][0]["stored"]

    def wait_stored(self, count, seconds=600):
        wait_until(lambda: self.stored() >= count, seconds)

    def stop_daemon(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(30)


def run_measured(command, **options):
    """Runs a peer; its wall and CPU seconds."""
    begun = time.monotonic()
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return time.monotonic() - begun, cpu


def rclone(world, *arguments):
    # What the person's own AWS settings say must not change what is measured.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = dict(clean, RCLONE_CONFIG_S_TYPE="s3", RCLONE_CONFIG_S_PROVIDER="Other",
                       RCLONE_CONFIG_S_ENDPOINT=world.endpoint, RCLONE_CONFIG_S_ACCESS_KEY_ID="bench",
                       RCLONE_CONFIG_S_SECRET_ACCESS_KEY="bench-secret", RCLONE_CONFIG=os.devnull)
    trust = ["--ca-cert", world.ca] if world.ca else []
    return run_measured(["rclone", "copy", *trust, *arguments], env=environment)


def curl(world, *arguments):
    trust = ["--cacert", world.ca] if world.ca else []
    return run_measured(["curl", "-s", *trust, *arguments])


def row(budget, figure, target, beside=""):
    print(f"{budget:<46} {figure:>26}   {target:<26} {beside}", flush=True)
