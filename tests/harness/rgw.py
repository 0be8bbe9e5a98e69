#!/usr/bin/python3
"""A private S3 server for the tests: one real Ceph object gateway on loopback.

    with Rgw() as rgw:
        rgw.make_bucket("lake")
        rgw.client().put_object(Bucket="lake", Key="a", Body=b"x")

    tests/harness/rgw.py run [--bucket NAME] -- COMMAND ARGS...
    tests/harness/rgw.py serve [--bucket NAME] [--no-stdin]

One monitor, one OSD that keeps its objects in memory, one gateway; no manager
daemon, since nothing here needs statistics or balancing.  Everything lives in
one temporary directory.  Nothing outlives the process that started it, not
even when that is killed with SIGKILL.

Needs root, and the Debian packages listed in the file `packages` beside this
one (the interpreter has to be Debian's, which sees python3-boto3).
"""

import argparse
import atexit
import concurrent.futures
import ctypes
import json
import os
import random
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

REGION = "us-east-1"
HOST = "127.0.0.1"

# Made before the gateway starts, all at once: the gateway would make them one
# after the other.  The object pools get a few placement groups so that
# parallel requests do not queue behind one lock; the others hold next to nothing.
POOLS = {
    ".rgw.root": 1,
    "default.rgw.log": 1,
    "default.rgw.control": 1,
    "default.rgw.meta": 1,
    "default.rgw.buckets.index": 4,
    "default.rgw.buckets.non-ec": 1,
    "default.rgw.buckets.data": 8,
}

CONFIG = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
# The gateway insists on "secure" otherwise, which does not go without keys.
ms_mon_client_mode = crc
ms_async_op_threads = 2
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
keyring = {dir}/keyring
run_dir = {dir}
log_file = {dir}/log/$name.log
mon_cluster_log_file = {dir}/log/cluster.log
log_to_syslog = false
log_max_recent = 100
debug_ms = 0/0
debug_rgw = 0/0
debug_osd = 0/0
debug_mon = 0/0
debug_paxos = 0/0
debug_auth = 0/0
debug_monc = 0/0
debug_rocksdb = 0/0
debug_objecter = 0/0
debug_rados = 0/0
admin_socket =
pid_file =
crash_dir = {dir}/crash
lockdep = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0

[mon]
mon_data = {dir}/mon
mon_allow_pool_size_one = true
auth_allow_insecure_global_id_reclaim = false
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_delete = true
mon_max_pg_per_osd = 1000
# A nearly full disk must not stop the monitor: it writes a few megabytes.
mon_data_avail_warn = 0
mon_data_avail_crit = 0
# One monitor has nobody to agree with, so it need not gather proposals.
paxos_propose_interval = 0.02
paxos_min_wait = 0.01

[osd]
osd_data = {dir}/osd
osd_objectstore = memstore
memstore_device_bytes = {store_bytes}
crush_location = root=default host=harness
osd_crush_initial_weight = 1
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 2
osd_max_object_name_len = 2048
osd_min_pg_log_entries = 100
osd_max_pg_log_entries = 200
osd_client_message_size_cap = 134217728

[client]
rgw_data = {dir}/rgw
# Without tcp_nodelay a small GET on a kept connection waits 40 ms for the
# acknowledgement of its header.
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
# Enough for 64 connections, each of which can hold a thread.
rgw_thread_pool_size = 96
rgw_enable_apis = s3, admin, sts, iam
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
rgw_num_control_oids = 1
rgw_gc_max_objs = 2
rgw_lc_max_objs = 2
rgw_objexp_hints_num_shards = 2
# Deleted objects give their memory back within a test run, yet not while a
# reader that began before the deletion still uses them.
rgw_gc_obj_min_wait = 120
rgw_gc_processor_period = 60
"""

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class HarnessError(Exception):
    """The server could not be started, or a request that sets it up failed."""


def _die_with_parent(parent, signum=signal.SIGKILL):
    """Returns a function that, in a new child, ties its life to `parent`'s."""

    def tie():
        _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
        if os.getppid() != parent:  # it died before prctl took effect
            os._exit(1)

    return tie


def _reserve_port():
    """Returns a bound socket whose port nobody else takes while it is open.

    The port lies below the ephemeral range: a client that keeps trying a
    stopped server on an ephemeral port can end up connected to itself.  A
    daemon can still listen on it, because both sides set SO_REUSEADDR; another
    harness cannot choose it, because it first binds without that option.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        ceiling = int(f.read().split()[0])
    low, high = (20000, ceiling) if ceiling > 21000 else (1024, 65535)
    for _ in range(200):
        address = (HOST, random.randrange(low, high))
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.bind(address)
            sock.close()
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            return sock
        except OSError:
            sock.close()
    raise HarnessError("no free port on " + HOST)


class Rgw:
    """One gateway with its own little cluster; see the module's text."""

    def __init__(self, store_bytes=16 << 30, gateway_options=None, keep_logs=None):
        """store_bytes is a limit, not an allocation; the OSD takes twice the
        memory of what it stores.  gateway_options are settings for the
        gateway, such as {"rgw_max_put_size": "1048576"}.  keep_logs names a
        directory which receives the daemons' logs."""
        self.store_bytes = store_bytes
        self.gateway_options = dict(gateway_options or {})
        self.keep_logs = keep_logs
        self.access_key = "AK" + secrets.token_hex(9).upper()
        self.secret_key = secrets.token_hex(20)
        self.endpoint = None
        self.port = None
        self.dir = None
        self._sockets = []
        self._daemons = {}
        self._janitor = None
        self._spawner = None
        self._owner = os.getpid()

    # Life

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts everything; on any failure nothing is left."""
        if self.dir:
            raise HarnessError("already started")
        if os.geteuid() != 0:
            raise HarnessError("needs root")
        atexit.register(self.stop)
        try:
            self._prepare()
            self._start_cluster()
            self._start_gateway_and_user()
        except BaseException as error:
            if isinstance(error, Exception):
                self._show_logs()
            self.stop()
            raise

    def stop(self):
        """Ends the daemons and removes the directory; may be called again."""
        if os.getpid() != self._owner:  # a forked copy owns nothing
            return
        # First of all, so that no start which was interrupted adds a process.
        if self._spawner:
            self._spawner.shutdown()
            self._spawner = None
        # SIGKILL: their state is thrown away, and an OSD that ends in order
        # would first write all it holds in memory to the disk.
        for name in list(self._daemons):
            self._kill(name)
        if self.dir:
            self._save_logs()
            shutil.rmtree(self.dir, ignore_errors=True)
            self.dir = None
        if self._janitor:
            self._janitor.stdin.close()
            self._janitor.wait()
            self._janitor = None
        for sock in self._sockets:
            sock.close()
        self._sockets = []
        atexit.unregister(self.stop)

    # What tests use

    def client(self, access_key=None, secret_key=None, **config):
        """A boto3 S3 client; `config` overrides botocore's Config."""
        import boto3
        import botocore.config

        options = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": 64,
            "connect_timeout": 5,
            "read_timeout": 60,
            "proxies": {},
        }
        options.update(config)
        # A session of its own: the default one is not safe between threads.
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=botocore.config.Config(**options),
        )

    def make_bucket(self, name):
        self.client().create_bucket(Bucket=name)

    def add_user(self, uid):
        """Creates another S3 user; returns its (access key, secret key)."""
        reply = self._admin("PUT", "user", uid=uid, **{"display-name": uid})
        key = reply["keys"][0]
        return key["access_key"], key["secret_key"]

    def env(self, bucket=None):
        """The environment variables with which a program finds this server."""
        values = {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if bucket:
            values["SHOTLAKE_LAKE"] = f"s3://{bucket}"
        return values

    def pause(self):
        """The gateway stops answering; its connections stay open."""
        self._daemons["gateway"].send_signal(signal.SIGSTOP)

    def resume(self):
        self._daemons["gateway"].send_signal(signal.SIGCONT)

    def kill_gateway(self):
        """Connections are reset, new ones refused.  No object is lost."""
        self._kill("gateway")

    def restart_gateway(self):
        """Starts the gateway again, on the same port, and waits for it."""
        self._kill("gateway")
        self._spawn_gateway()
        self._await_gateway()

    # Start-up

    def _prepare(self):
        self.dir = tempfile.mkdtemp(prefix="shotlake-rgw-")
        self._start_janitor()
        # The kernel counts the thread that made a child as its parent.  This
        # one lives until stop(), so a test may use any thread it likes.
        self._spawner = concurrent.futures.ThreadPoolExecutor(1)
        self._sockets = [_reserve_port(), _reserve_port()]
        self._mon_port, self.port = (s.getsockname()[1] for s in self._sockets)
        self.endpoint = f"http://{HOST}:{self.port}"
        for name in ("mon", "osd", "rgw", "log", "crash"):
            os.mkdir(os.path.join(self.dir, name))
        self._fsid = str(uuid.uuid4())
        options = "".join(f"{k} = {v}\n" for k, v in self.gateway_options.items())
        with open(self._path("ceph.conf"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(
                fsid=self._fsid, dir=self.dir, mon_port=self._mon_port,
                port=self.port, store_bytes=self.store_bytes) + options)

    def _start_janitor(self):
        """Removes the directory when this process is gone without stop()."""
        script = 'cat; for i in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 0.2; done'
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", self.dir], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/")

    def _start_cluster(self):
        # The OSD's empty store needs no monitor, so both are made at once.
        osd_uuid = str(uuid.uuid4())
        osd_mkfs = self._spawn("ceph-osd-mkfs", [
            "ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd_uuid,
            "--no-mon-config"])
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a",
                  f"[v2:{HOST}:{self._mon_port}/0]", self._path("monmap"))
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", self._path("monmap"))
        self._spawn("mon", ["ceph-mon", "-f", "-i", "a"])
        with self._cluster() as command:
            command("osd new", uuid=osd_uuid)
            self._finish("ceph-osd-mkfs", osd_mkfs)
            self._spawn("osd", ["ceph-osd", "-f", "-i", "0"])
            with concurrent.futures.ThreadPoolExecutor(len(POOLS)) as many:
                list(many.map(lambda p: command(
                    "osd pool create", pool=p[0], pg_num=p[1], pgp_num=p[1],
                    pool_type="replicated"), POOLS.items()))
            self._await_osd(command)

    def _await_osd(self, command, seconds=60):
        # A client that comes before the OSD asks again only after 5 seconds.
        deadline = time.monotonic() + seconds
        while not json.loads(command("osd stat", format="json"))["num_up_osds"]:
            if time.monotonic() > deadline:
                raise HarnessError("the OSD does not come up")
            self._check_alive()
            time.sleep(0.02)

    def _start_gateway_and_user(self):
        user = self._spawn("radosgw-admin", [
            "radosgw-admin", "user", "create", "--uid", "harness",
            "--display-name", "harness", "--access-key", self.access_key,
            "--secret-key", self.secret_key, "--caps", "users=*"])
        self._spawn_gateway()
        self._finish("radosgw-admin", user)
        self._await_gateway()

    def _spawn_gateway(self):
        self._spawn("gateway", ["radosgw", "-f", "-n", "client.rgw"])

    def _await_gateway(self, seconds=60):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._check_alive()
            try:
                opener.open(self.endpoint, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return  # an answer, whichever
            except OSError:
                time.sleep(0.05)
        raise HarnessError("the gateway does not answer")

    def _cluster(self):
        return _Cluster(self._path("ceph.conf"), self._check_alive)

    def _admin(self, method, what, **query):
        """One request to the gateway's administration interface."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from botocore.httpsession import URLLib3Session

        url = f"{self.endpoint}/admin/{what}?" + urllib.parse.urlencode(
            dict(query, format="json"), quote_via=urllib.parse.quote)
        request = AWSRequest(method, url, headers={
            "x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
        S3SigV4Auth(Credentials(self.access_key, self.secret_key),
                    "s3", REGION).add_auth(request)
        reply = URLLib3Session().send(request.prepare())
        if reply.status_code >= 300:
            raise HarnessError(f"{method} {what}: {reply.status_code} {reply.text}")
        return json.loads(reply.content or b"null")

    # Processes

    def _path(self, name):
        return os.path.join(self.dir, name)

    def _spawn(self, name, command):
        """Starts a program of the cluster; its output goes to log/NAME.out."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       "HOME": self.dir, "TMPDIR": self.dir}
        command = command + ["-c", self._path("ceph.conf")]

        def popen():
            with open(self._path(f"log/{name}.out"), "ab") as out:
                return subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    env=environment, cwd="/", start_new_session=True,
                    preexec_fn=_die_with_parent(os.getpid()))

        def spawn():
            # Recorded here: an interrupted caller must not lose the process.
            self._daemons[name] = popen()
            return self._daemons[name]

        return self._spawner.submit(spawn).result()

    def _finish(self, name, process, seconds=60):
        """Waits for a program that does its work and ends."""
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = "hangs"
        if status != 0:
            raise HarnessError(f"{name} failed ({status})")
        del self._daemons[name]

    def _run(self, *command):
        name = command[0] + "-run"
        self._finish(name, self._spawn(name, list(command)))

    def _check_alive(self):
        for name in ("mon", "osd", "gateway"):
            process = self._daemons.get(name)
            if process and process.poll() is not None:
                raise HarnessError(f"{name} ended ({process.returncode})")

    def _kill(self, name):
        process = self._daemons.pop(name, None)
        if process:
            process.kill()
            process.wait()

    # Logs

    def _logs(self):
        directory = self._path("log")
        if not os.path.isdir(directory):
            return []
        return [os.path.join(directory, n) for n in sorted(os.listdir(directory))]

    def _show_logs(self, lines=15):
        """The end of every log, for whoever has to find out what failed."""
        for path in self._logs() if self.dir else []:
            with open(path, encoding="utf-8", errors="replace") as f:
                tail = f.readlines()[-lines:]
            if tail:
                print(f"--- {os.path.basename(path)}", file=sys.stderr)
                sys.stderr.writelines(tail)

    def _save_logs(self):
        if self.keep_logs:
            os.makedirs(self.keep_logs, exist_ok=True)
            for path in self._logs():
                shutil.copy(path, self.keep_logs)


class _Cluster:
    """A connection to the monitor: `with _Cluster(...) as command`.  Much
    faster than the `ceph` command, which is a new interpreter every time."""

    def __init__(self, conf, check_alive):
        self._conf = conf
        self._check_alive = check_alive

    def __enter__(self):
        import rados

        deadline = time.monotonic() + 60
        while True:
            self._check_alive()
            self._rados = rados.Rados(conffile=self._conf, name="client.admin",
                                      conf={"log_file": "", "log_to_stderr": "false"})
            try:
                self._rados.connect(timeout=10)
                return self._command
            except rados.Error:
                self._rados.shutdown()
                if time.monotonic() > deadline:
                    raise

    def __exit__(self, *_):
        self._rados.shutdown()

    def _command(self, prefix, **arguments):
        text = json.dumps(dict(arguments, prefix=prefix))
        status, output, message = self._rados.mon_command(text, b"", timeout=30)
        if status != 0:
            raise HarnessError(f"{prefix}: {status} {message}")
        return output


# The command


class _Signalled(SystemExit):
    """SIGTERM, SIGINT or SIGHUP, turned into an exception so that every
    `with` block is left in order."""


def _raise_on_signals():
    def handler(signum, _frame):
        # Only once: a second one must not break into the cleaning up.
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise _Signalled(128 + signum)

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, handler)


def _command_status(command, environment, grace=30):
    """Runs `command`; returns its status as a shell would."""
    def before_exec():
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        _die_with_parent(parent, signal.SIGTERM)()

    parent = os.getpid()
    try:
        child = subprocess.Popen(command, env=environment, preexec_fn=before_exec)
    except OSError as error:
        print(f"rgw.py: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    try:
        status = child.wait()
    except BaseException:
        # It gets time to unmount and clean up while the server still answers.
        child.terminate()
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise
    return 128 - status if status < 0 else status


def _environment(values):
    """This process's environment with `values`, and with nothing that would
    send a client elsewhere: other credentials, a profile, a proxy."""
    result = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    result.update(values)
    for name in ("no_proxy", "NO_PROXY"):
        result[name] = ",".join(filter(None, [os.environ.get(name), HOST]))
    return result


def _wait_for_end(use_stdin):
    while True:
        if not use_stdin:
            signal.pause()
        elif not os.read(0, 4096):
            return


def _arguments():
    parser = argparse.ArgumentParser(description="A private S3 server for tests.")
    modes = parser.add_subparsers(dest="mode", required=True)
    run = modes.add_parser("run", help="run a command with the server's environment")
    serve = modes.add_parser("serve", help="print the environment and wait")
    for mode in (run, serve):
        mode.add_argument("--bucket", help="make this bucket; sets SHOTLAKE_LAKE")
        mode.add_argument("--logs", metavar="DIR", help="keep the daemons' logs there")
    serve.add_argument("--no-stdin", action="store_true",
                       help="do not end with standard input, only on a signal")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    arguments = parser.parse_args()
    if arguments.mode == "run":
        if arguments.command[:1] == ["--"]:
            del arguments.command[0]
        if not arguments.command:
            run.error("no command")
    return arguments


def main():
    arguments = _arguments()
    _raise_on_signals()
    try:
        with Rgw(keep_logs=arguments.logs) as rgw:
            if arguments.bucket:
                rgw.make_bucket(arguments.bucket)
            values = rgw.env(arguments.bucket)
            if arguments.mode == "run":
                return _command_status(arguments.command, _environment(values))
            for name, value in values.items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            _wait_for_end(use_stdin=not arguments.no_stdin)
            return 0
    except HarnessError as error:
        print(f"rgw.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
