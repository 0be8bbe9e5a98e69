"""The lake that all of them read: a film reel, a sequence of frames, many small plates.

Every 64 KiB of reel and frames begin with the number of the object and of the unit, which the
reader looks at (jobs.h): who is fast with wrong bytes is not measured.
"""

import concurrent.futures
import os
import random
import struct
import threading

from place import BenchError, wait_until

BUCKET = "lake"
REEL = "show/reel/A001.mov"
UNIT = 64 << 10
MIB = 1 << 20
PART = 64 * MIB
FRAME_BYTES = 8 * MIB
REEL_OBJECT = 1
FIRST_FRAME_OBJECT = 1001

SIZES = {
    "full": {"reel": 1024, "frames": 200, "plates": 20000, "random": (500, 100), "jumps": 16,
             "first": 20, "far_frames": 100},
    "quick": {"reel": 256, "frames": 48, "plates": 2000, "random": (100, 50), "jumps": 6,
              "first": 12, "far_frames": 24},
}


def frame_key(i):
    return f"show/frames/sh010_bg01.{1001 + i}.exr"


def plate_key(i):
    return f"show/plates/R{i // 1000:03}/bg{i // 1000:03}.{1000 + i % 1000}.exr"


def content(base, number, at, size):
    """`size` bytes at `at` of the object of that number; both whole units."""
    data = bytearray(base * (size // UNIT))
    for i in range(0, size, UNIT):
        struct.pack_into("<Q", data, i, number << 32 | (at + i) // UNIT)
    return data


class Lake:
    """The objects of a bucket, and lists of what is read of them."""

    def __init__(self, rgw, sizes):
        self.rgw, self.sizes = rgw, sizes
        self.base = os.urandom(UNIT)
        self.reel_bytes = sizes["reel"] * MIB
        self._own = threading.local()

    def _s3(self):
        if not hasattr(self._own, "s3"):
            self._own.s3 = self.rgw.client(retries={"total_max_attempts": 3})
        return self._own.s3

    def _put(self, key, data):
        self._s3().put_object(Bucket=BUCKET, Key=key, Body=data)

    def _put_frame(self, i):
        self._put(frame_key(i), content(self.base, FIRST_FRAME_OBJECT + i, 0, FRAME_BYTES))

    def _put_reel(self):
        s3, where = self._s3(), {"Bucket": BUCKET, "Key": REEL}
        where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
        parts = []
        for n, at in enumerate(range(0, self.reel_bytes, PART), 1):
            data = content(self.base, REEL_OBJECT, at, min(PART, self.reel_bytes - at))
            reply = s3.upload_part(PartNumber=n, Body=data, **where)
            parts.append({"PartNumber": n, "ETag": reply["ETag"]})
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)

    def fill(self):
        self.rgw.make_bucket(BUCKET)
        with concurrent.futures.ThreadPoolExecutor(12) as many:
            work = [many.submit(self._put_reel)]
            work += [many.submit(self._put_frame, i) for i in range(self.sizes["frames"])]
            work += [many.submit(self._put, plate_key(i), b"plate " * 100)
                     for i in range(self.sizes["plates"])]
            for each in work:
                each.result()

    def copy_to(self, top):
        """Reel and frames as local files, all in the page cache when this returns."""
        for i in range(self.sizes["frames"]):
            self._copy(top, frame_key(i), FIRST_FRAME_OBJECT + i, FRAME_BYTES)
        self._copy(top, REEL, REEL_OBJECT, self.reel_bytes)

    def _copy(self, top, key, number, size):
        path = os.path.join(top, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            for at in range(0, size, FRAME_BYTES):
                f.write(content(self.base, number, at, min(FRAME_BYTES, size - at)))

    # Lists: (object, offset, length, key)

    def reel(self):
        return [(REEL_OBJECT, 0, self.reel_bytes, REEL)]

    def frames(self, n=None):
        return [(FIRST_FRAME_OBJECT + i, 0, FRAME_BYTES, frame_key(i))
                for i in range(n or self.sizes["frames"])]

    def far_frames(self):
        return self.frames(self.sizes["far_frames"])

    def random_reads(self, size, n):
        """`n` distinct aligned reads of `size` in the reel, always the same ones."""
        places = random.Random(size).sample(range(self.reel_bytes // size), n)
        return [(REEL_OBJECT, p * size, size, REEL) for p in places]

    def random_small(self):
        return self.random_reads(128 << 10, self.sizes["random"][0])

    def random_large(self):
        return self.random_reads(MIB, self.sizes["random"][1])

    def scrub(self):
        """An editor's playhead: a jump, a second of film (24 frames of 1 MiB), a jump."""
        second = 24 * MIB
        places = random.Random(24).sample(range(self.reel_bytes // second), self.sizes["jumps"])
        return [(REEL_OBJECT, p * second + 5 * UNIT, second - 5 * UNIT, REEL) for p in places]

    def first_bytes(self):
        """The first 4 KiB of frames in no order, so that none is expected."""
        picked = random.Random(4).sample(range(self.sizes["frames"]), self.sizes["first"])
        return [(FIRST_FRAME_OBJECT + i, 0, 4096, frame_key(i)) for i in picked]

    def plates(self):
        return [plate_key(i) for i in range(self.sizes["plates"])]


class Line:
    """A way to the gateway: straight, or through a proxy that is slow, or that only counts."""

    def __init__(self, name, rgw, place, proxy=None):
        self.name, self.rgw, self.place = name, rgw, place
        self.is_far = name == "far"
        self.endpoint, self._counts = rgw.endpoint, None
        if proxy is not None:
            self._counts = os.path.join(place.top, name + ".counts")
            process = place.spawn("proxy-" + name, [*proxy, "--count", self._counts,
                                                    f"127.0.0.1:{rgw.port}"])
            wait_until(lambda: process.poll() is not None or place.said("proxy-" + name),
                       "the proxy listens")
            if process.poll() is not None:
                raise BenchError(f"the proxy ended: {place.said('proxy-' + name)}")
            self.endpoint = f"http://127.0.0.1:{int(place.said('proxy-' + name))}"
        self._urls = {}

    def fetched(self):
        """Bytes that came from the store since the proxy began; None without a proxy."""
        if not self._counts:
            return None
        with open(self._counts, "rb") as f:
            return struct.unpack("=QQQ", f.read(24))[2]

    def env(self):
        values = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SHOTLAKE_"))}
        return {**values, **self.rgw.env(BUCKET), "AWS_ENDPOINT_URL_S3": self.endpoint}

    def url(self, key):
        """One that needs no signature of its own, for plain libcurl."""
        if not self._urls:
            import boto3
            import botocore.config
            self._urls[""] = boto3.session.Session().client(
                "s3", endpoint_url=self.endpoint, region_name="us-east-1",
                aws_access_key_id=self.rgw.access_key, aws_secret_access_key=self.rgw.secret_key,
                config=botocore.config.Config(signature_version="s3v4",
                                              s3={"addressing_style": "path"}))
        if key not in self._urls:
            self._urls[key] = self._urls[""].generate_presigned_url(
                "get_object", ExpiresIn=86400, Params={"Bucket": BUCKET, "Key": key})
        return self._urls[key]
