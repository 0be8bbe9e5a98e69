"""The two kinds of lake that the mount tests use, behind one interface."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import threading
import urllib.parse


class DirLake:
    """A directory."""

    kind = "dir"

    def __init__(self, parent):
        self.dir = os.path.join(parent, "lake")
        os.mkdir(self.dir, 0o700)
        self.url = "file://" + urllib.parse.quote(self.dir)
        self._parent, self._away = parent, os.path.join(parent, "lake-away")

    def path(self, key):
        return os.path.join(self.dir, key)

    def put(self, key, data, metadata=None):
        """As a whole: nobody sees half of it.  `metadata` are user.* attributes here."""
        self.put_parts(key, [data], metadata or {})

    def put_parts(self, key, parts, metadata=None):
        path, new = self.path(key), os.path.join(self._parent, f"new-{secrets.token_hex(4)}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(new, "wb") as f:
            f.writelines(parts)
        for name, value in (metadata or {}).items():
            os.setxattr(new, "user." + name, value.encode())
        os.replace(new, path)

    def get(self, key):
        with open(self.path(key), "rb") as f:
            return f.read()

    def remove(self, key):
        os.unlink(self.path(key))

    def size_and_mtime(self, key):
        """Bytes, and the time in nanoseconds as the store tells it."""
        st = os.stat(self.path(key))
        return st.st_size, st.st_mtime_ns

    def tags(self, key):
        """The ShotLockerAccess tags: a list of edit ids."""
        with contextlib.suppress(OSError):
            return os.getxattr(self.path(key), "user.ShotLockerAccess").decode().split(":")
        return []

    def address(self, key):
        return self.url + "/" + urllib.parse.quote(key)

    def keys(self, prefix=""):
        found = []
        for folder, _, names in os.walk(self.dir):
            found += [os.path.relpath(os.path.join(folder, n), self.dir) for n in names]
        return sorted(k for k in found if k.startswith(prefix))

    # The store goes and comes back.

    def env(self):
        """What a mount needs in its environment so that out() reaches it."""
        return {}

    def out(self):
        os.rename(self.dir, self._away)

    def back(self):
        os.rename(self._away, self.dir)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class S3Lake:
    """A bucket of its own on the server of the AWS_* variables, and a prefix in it."""

    kind = "s3"
    prefix = "lake of tests/"

    def __init__(self):
        import boto3
        import botocore.config

        self.bucket = f"mount-{secrets.token_hex(6)}"
        self.url = f"s3://{self.bucket}/" + self.prefix.rstrip("/")
        self.endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
        self._client = boto3.session.Session().client(
            "s3", endpoint_url=self.endpoint,
            config=botocore.config.Config(s3={"addressing_style": "path"}))
        self._client.create_bucket(Bucket=self.bucket)
        self._proxy = None

    def put(self, key, data, metadata=None):
        self._client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data,
                                Metadata=metadata or {})

    def put_parts(self, key, parts, part_bytes=16 << 20):
        name = {"Bucket": self.bucket, "Key": self.prefix + key}
        upload = self._client.create_multipart_upload(**name)["UploadId"]
        done, pending = [], b""

        def flush():
            n = len(done) + 1
            etag = self._client.upload_part(**name, UploadId=upload, PartNumber=n,
                                            Body=pending)["ETag"]
            done.append({"PartNumber": n, "ETag": etag})

        for part in parts:
            pending += part
            if len(pending) >= part_bytes:
                flush()
                pending = b""
        if pending:
            flush()
        self._client.complete_multipart_upload(**name, UploadId=upload,
                                               MultipartUpload={"Parts": done})

    def get(self, key):
        return self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()

    def remove(self, key):
        self._client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def size_and_mtime(self, key):
        # As a listing tells it: a HEAD has whole seconds.
        found = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix + key)
        stored = found["Contents"][0]
        moment = stored["LastModified"]
        return stored["Size"], int(moment.timestamp()) * 10**9 + moment.microsecond * 1000

    def tags(self, key):
        tags = self._client.get_object_tagging(Bucket=self.bucket, Key=self.prefix + key)
        values = [t["Value"] for t in tags["TagSet"] if t["Key"].startswith("ShotLockerAccess")]
        return [edit for value in values for edit in value.split(":")]

    def etag(self, key):
        return self._client.head_object(Bucket=self.bucket, Key=self.prefix + key)["ETag"]

    def address(self, key):
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def keys(self, prefix=""):
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix)
        return sorted(o["Key"][len(self.prefix):] for p in pages for o in p.get("Contents", []))

    @contextlib.contextmanager
    def refused(self, key):
        """For the length of a `with`, the store hands this object out to nobody."""
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{self.bucket}/{self.prefix}{key}"}
        self._client.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [deny]}))
        try:
            yield
        finally:
            self._client.delete_bucket_policy(Bucket=self.bucket)

    def is_refused(self, key):
        from botocore.exceptions import ClientError

        try:
            self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except ClientError:
            return True
        return False

    def env(self):
        self._proxy = self._proxy or Proxy(self.endpoint)
        return {"AWS_ENDPOINT_URL_S3": self._proxy.url}

    def out(self):
        self._proxy.shut()

    def mute(self):
        """The server goes on to take connections and answers nothing."""
        self._proxy.mute()

    def back(self):
        self._proxy.open()

    def close(self):
        if self._proxy:
            self._proxy.close()
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        for page in pages:
            for stored in page.get("Contents", []):  # one by one: XML has not every key
                self._client.delete_object(Bucket=self.bucket, Key=stored["Key"])
        self._client.delete_bucket(Bucket=self.bucket)


class Proxy:
    """A TCP relay in front of the server.  shut(): connections break, new ones are refused.
    mute(): connections are taken and nothing is ever answered."""

    def __init__(self, endpoint):
        parts = urllib.parse.urlsplit(endpoint)
        self._target = (parts.hostname, parts.port)
        self._socket, self._live, self._lock = None, [], threading.Lock()
        self._muted = False
        self.port = 0
        self.open()
        self.url = f"http://127.0.0.1:{self.port}"

    def open(self):
        if self._muted:
            self._muted = False
            self._break_connections()  # those that were taken and not answered
        if self._socket:
            return
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def shut(self):
        listener, self._socket = self._socket, None
        # shutdown() wakes the thread in accept(); without it the port would stay open.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self._break_connections()

    def mute(self):
        self._muted = True
        self._break_connections()

    def close(self):
        if self._socket:
            self.shut()

    def _break_connections(self):
        with self._lock:
            live, self._live = self._live, []
        for each in live:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._live.append(client)
            if self._muted:
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._live.append(server)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_relay, args=pair, daemon=True).start()


def _relay(source, sink):
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(1 << 18)
            if not data:
                break
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
