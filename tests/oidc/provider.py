"""A real OpenID provider for a test: installed once into a cache, run on loopback, and its user, who
signs in and agrees like somebody with a browser."""

import contextlib
import fcntl
import hashlib
import html.parser
import http.cookiejar
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = ("package.json", "package-lock.json", "provider.mjs")
INSTALL_SECONDS = 300
WAIT_SECONDS = 30
PAGES_MAX = 12


class Missing(Exception):
    """It cannot be run here; the text says why."""


def installed():
    """The folder with the provider and all that it needs; installs it the first time."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("no nodejs or npm (tests/oidc/packages)")
    texts = []
    for name in FILES:
        with open(os.path.join(HERE, name), "rb") as f:
            texts.append(f.read())
    top = os.environ.get("SHOTLAKE_TEST_CACHE",
                         os.path.join(os.path.expanduser("~"), ".cache", "shotlake-tests"))
    folder = os.path.join(top, "oidc-" + hashlib.sha256(b"\0".join(texts)).hexdigest()[:16])
    os.makedirs(top, exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            install(folder)
    return folder


def install(folder):
    new = folder + ".new"
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new)
    for name in FILES:
        shutil.copy(os.path.join(HERE, name), new)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=new,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=INSTALL_SECONDS)
    if done.returncode != 0:
        raise Missing("npm ci: " + done.stdout.strip()[-300:])
    os.rename(new, folder)


def make_ca(folder, name="ca"):
    """A private authority and a certificate of it for localhost; (CA file, key, certificate)."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=A studio's authority", "-keyout", f"{name}.key",
            "-out", f"{name}.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=localhost", "-keyout", f"{name}-server.key", "-out", f"{name}-server.csr")
    openssl("x509", "-req", "-days", "2", "-in", f"{name}-server.csr", "-CA", f"{name}.pem",
            "-CAkey", f"{name}.key", "-CAcreateserial", "-extfile", "names", "-out",
            f"{name}-server.pem")
    texts = []
    for suffix in ("key", "pem"):
        with open(os.path.join(folder, f"{name}-server.{suffix}"), encoding="utf-8") as f:
            texts.append(f.read())
    return os.path.join(folder, f"{name}.pem"), *texts


def make_jwks(kid):
    """A key set of one RSA key, with its private part, as the provider wants it."""
    script = ("const c = require('node:crypto');"
              "const k = c.generateKeyPairSync('rsa', {modulusLength: 2048}).privateKey;"
              "console.log(JSON.stringify(k.export({format: 'jwk'})));")
    done = subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True)
    return {"keys": [dict(json.loads(done.stdout), kid=kid, alg="RS256", use="sig")]}


class Provider:
    """The provider while it runs; stop() and start() again keep its port."""

    def __init__(self, folder, users, tls=None, host="localhost"):
        self._folder, self._users, self._tls, self._host = folder, users, tls, host
        self._child, self.port, self.requests = None, 0, []

    @property
    def issuer(self):
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def start(self, jwks):
        config = {"port": self.port, "issuer": self.issuer, "users": self._users, "jwks": jwks}
        if self.port == 0:  # its name has the port in it, so that has to be known before
            config["port"] = self.port = free_port()
            config["issuer"] = self.issuer
        if self._tls:
            config["key"], config["cert"] = self._tls[1:]
        path = os.path.join(self._folder, "provider.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        where = installed()
        self._child = subprocess.Popen(["node", os.path.join(where, "provider.mjs"), path],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self._child.stdout:
            if line.startswith("READY "):
                break
            said.append(line)
        else:
            self.stop()
            raise RuntimeError("the provider did not start: " + "".join(said))
        self._reader = threading.Thread(target=self._read, args=(self._child.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines):
        for line in lines:
            if line.startswith("REQUEST "):
                self.requests.append(line.split(maxsplit=1)[1].strip())

    def asked(self, path):
        """How often that path was asked for, by whoever has its answer."""
        mark = "/mark-" + secrets.token_hex(8)  # what came before it has been read when it has
        Browser(self._tls and self._tls[0]).knock(self.issuer + mark)
        end = time.monotonic() + WAIT_SECONDS
        while f"GET {mark}" not in self.requests:
            if time.monotonic() > end:
                raise RuntimeError("the provider tells nothing of its requests")
            time.sleep(0.01)
        return sum(r.split()[1] == path for r in list(self.requests))

    def stop(self):
        if self._child:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
            self._child.wait()
            self._child = None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Forms(html.parser.HTMLParser):
    """The forms of a page: (action, {name: value})."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append((attrs.get("action", ""), {}))
        elif tag == "input" and self.forms and attrs.get("name"):
            self.forms[-1][1][attrs["name"]] = attrs.get("value") or ""
        elif tag == "a":
            self.links.append(attrs.get("href", ""))


class Browser:
    """Somebody with cookies who does what the pages ask."""

    def __init__(self, ca=None):
        handlers = [urllib.request.ProxyHandler({}),
                    urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())]
        if ca:
            handlers.append(urllib.request.HTTPSHandler(
                context=ssl.create_default_context(cafile=ca)))
        self._opener = urllib.request.build_opener(*handlers)

    def _get(self, url, fields=None):
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        with self._opener.open(url, data, timeout=30) as answer:
            return answer.url, answer.read().decode()

    def knock(self, url):
        """Asks for a page that need not be there."""
        with contextlib.suppress(urllib.error.HTTPError):
            self._get(url)

    def agree(self, url, user, declines=False):
        """Follows the address of a device login to its end; returns the last page."""
        url, page = self._get(url)
        for _ in range(PAGES_MAX):
            found = Forms(page)
            if not found.forms:
                return page
            action, fields = found.forms[0]
            if "login" in fields:
                fields.update(login=user, password="any")
            if declines and "prompt" in fields:
                abort = [link for link in found.links if link.endswith("/abort")]
                return self._get(urllib.parse.urljoin(url, abort[0]))[1]
            url, page = self._get(urllib.parse.urljoin(url, action), fields)
        raise RuntimeError("the provider's pages have no end")
