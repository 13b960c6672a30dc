# SPDX-License-Identifier: Apache-2.0
"""Real TLS servers, each started in the way that docs/key-sharing.md describes."""
import contextlib
import os
import pathlib
import pwd
import re
import signal

import runner
import world

PEERS = pathlib.Path(__file__).resolve().parent / "peers"


def preload(keys):
    """The environment in which a server shares its keys with the socket `keys`."""
    return {"LD_PRELOAD": str(runner.keylog_library()), "TIDEGATE_KEYLOG_SOCKET": str(keys)}


def printed(language, having=""):
    """The block of this language in docs/key-sharing.md that has this text in it, as it is printed there."""
    page = (runner.SOURCE / "docs/key-sharing.md").read_text()
    [found] = [text for text in re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S) if having in text]
    return found


NGINX = """\
{modules}
daemon off; user {user}; worker_processes {workers}; pid {dir}/nginx.pid; error_log {dir}/nginx.err info;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  log_format sizes '$request_method $uri $status $request_length $bytes_sent';
  access_log {dir}/nginx.access sizes;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  client_max_body_size 0; large_client_header_buffers 8 256k; keepalive_requests 1000000; http2_max_requests 1000000;
  ssl_certificate {ec[0]}; ssl_certificate_key {ec[1]}; ssl_certificate {rsa[0]}; ssl_certificate_key {rsa[1]};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;
  {http}
  server {{
    listen {port} ssl {listen}; listen [::]:{port} ssl {listen};
    {cleartext}
    server_name edge.example; root {dir}/www;
    {server}
    location /created {{ return 201 "created\\n"; }}
    location /nothing {{ return 204; }}
    location /moved {{ return 302 /elsewhere; }}
    location /forbidden {{ return 403; }}
    location /gone {{ return 410; }}
    location /upload {{ client_body_buffer_size 4m; proxy_pass http://127.0.0.1:{port}0/accepted; }}
  }}
  server {{ listen 127.0.0.1:{port}0; access_log off; location /accepted {{ return 202 "accepted\\n"; }} }}
}}
"""


class Nginx:
    """nginx at every address, port 443 unless told otherwise; files of several sizes, a few fixed answers."""

    def __init__(self, here, keys=None, port=443, listen="", server="", http="", workers=1, user="www-data",
                 cleartext="", modules="", env=None, **options):
        world.need("nginx")
        self.here, self.port = here, port
        www = here.path("www")
        www.mkdir(exist_ok=True)
        for name, size in (("small", 100), ("medium", 20_000), ("large", 200_000)):
            (www / name).write_bytes(b"0123456789abcdef" * (size // 16 + 1))
        with contextlib.suppress(KeyError):
            pwd.getpwnam(user)
        self.config = here.write("nginx.conf", NGINX.format(
            dir=here.directory, user=user, workers=workers, port=port, listen=listen, server=server, http=http,
            cleartext=cleartext, modules=modules, ec=here.certificate("ec"), rsa=here.certificate("rsa")).replace(
                f"{port}0", str(port + 1000)))
        environment = {**(preload(keys) if keys else {}), **(env or {})}
        self.process = here.start("nginx", "-c", self.config, env=environment, port=port, stop=signal.SIGQUIT, **options)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def workers(self):
        listed = world.run("pgrep", "-P", self.process.pid, check=False).stdout.split()
        return {int(pid) for pid in listed}

    def log(self):
        """[(method, path, status, request bytes, response bytes)] as nginx itself counted them."""
        rows = [line.split() for line in self.here.path("nginx.access").read_text().splitlines()]
        return [(method, uri, int(status), int(asked), int(sent)) for method, uri, status, asked, sent in rows]


HAPROXY = """\
global
  log stderr format raw daemon
  {top}
  ssl-default-bind-ciphers ALL:@SECLEVEL=0
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend edge
  bind :::{port} v4v6 ssl crt {pem} alpn h2,http/1.1 {bind}
  {frontend}
  {backend}
"""


class Haproxy:
    def __init__(self, here, keys=None, port=443, top="", bind="", frontend="",
                 backend='http-request return status 200 content-type text/plain string "by haproxy"', arguments=()):
        world.need("haproxy")
        cert, key = here.certificate("ec")
        pem = here.write("haproxy.pem", cert.read_text() + key.read_text())
        config = here.write("haproxy.cfg", HAPROXY.format(port=port, pem=pem, top=top, bind=bind, frontend=frontend,
                                                          backend=backend))
        self.process = here.start("haproxy", *arguments, "-f", config, env=preload(keys) if keys else {}, port=port,
                                  stop=signal.SIGINT)


# One log line per request, with every secret that is there; of TLS 1.2 it is the master secret. The endpoints once for each version.
HAPROXY_LABELS = (("CLIENT_RANDOM", "session_key,hex"), ("CLIENT_EARLY_TRAFFIC_SECRET", "client_early_traffic_secret"),
                  ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "client_handshake_traffic_secret"),
                  ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "server_handshake_traffic_secret"),
                  ("CLIENT_TRAFFIC_SECRET_0", "client_traffic_secret_0"),
                  ("SERVER_TRAFFIC_SECRET_0", "server_traffic_secret_0"))


HAPROXY_ENDPOINTS = " tcp [%[fc_src]]:%[fc_src_port] [%[fc_dst]]:%[fc_dst_port]"


def haproxy_log(path):
    """Options of Haproxy with which it logs its keys to the datagram socket `path`."""
    line = ";".join(f"{label} %[ssl_fc_client_random,hex] %[ssl_fc_{name}]" +
                    (HAPROXY_ENDPOINTS if label in ("CLIENT_RANDOM", "SERVER_TRAFFIC_SECRET_0") else "") for label, name in HAPROXY_LABELS)
    return {"top": "tune.ssl.keylog on",
            "frontend": f'log {path} len 4096 format rfc3164 local0\n  option logasap\n  log-format "{line}"'}


APACHE = """\
ServerRoot {dir}
ServerName edge.example
PidFile {dir}/apache.pid
ErrorLog {dir}/apache.err
Mutex file:{dir} default
User www-data
Group www-data
Listen {port}
Listen 80
{modules}
Protocols h2 h2c http/1.1
StartServers 2
ThreadsPerChild 8
DocumentRoot {dir}/www
<Directory {dir}/www>
  Require all granted
</Directory>
SSLSessionCache none
<VirtualHost *:{port}>
  SSLEngine on
  SSLCertificateFile {cert}
  SSLCertificateKeyFile {key}
</VirtualHost>
"""


class Apache:
    def __init__(self, here, keys=None, port=443):
        world.need("apache2")
        folder = pathlib.Path("/usr/lib/apache2/modules")
        names = ["mpm_event", "authn_core", "authz_core", "ssl", "http2"]
        modules = "\n".join(f"LoadModule {name}_module {folder}/mod_{name}.so" for name in names)
        www = here.path("www")
        www.mkdir(exist_ok=True)
        (www / "small").write_text("by apache\n")
        cert, key = here.certificate("ec")
        config = here.write("apache.conf", APACHE.format(dir=here.directory, port=port, modules=modules, cert=cert,
                                                         key=key))
        self.process = here.start("apache2", "-X" if keys is None else "-DFOREGROUND", "-f", config,
                                  env=preload(keys) if keys else {}, port=port)

    def reload(self):
        self.process.send_signal(signal.SIGUSR1)


def python_server(here, keys, port=443):
    cert, key = here.certificate("ec")
    return here.start("/usr/bin/python3", PEERS / "https_server.py", port, cert, key, env=preload(keys), port=port)


def node_server(here, keylog, port=443, prefix=()):
    world.need("node")
    cert, key = here.certificate("ec")
    server, = here.copied(PEERS / "https_server.js")
    return here.start(*prefix, "node", f"--tls-keylog={keylog}", server, port, cert, key, port=port)


def node_with_module(here, keys, *more, port=443, prefix=()):
    """The module of packaging/, as NODE_OPTIONS of a unit."""
    world.need("node")
    cert, key = here.certificate("ec")
    server, module = here.copied(PEERS / "https_server.js", runner.SOURCE / "packaging/node-keylog.js")
    env = {"NODE_OPTIONS": f"--require={module}", "TIDEGATE_KEYLOG_SOCKET": str(keys)}
    return here.start(*prefix, "node", server, port, cert, key, *more, env=env, port=port)


def go_server(here, fifo, port=443, prefix=()):
    """With the key log writer that docs/key-sharing.md prints."""
    world.need("go")
    sources = here.path("go")
    sources.mkdir()
    (sources / "main.go").write_text((PEERS / "https_server.go").read_text())
    (sources / "keylog.go").write_text(printed("go", "func newKeyLog"))
    binary = here.path("go-server")
    world.run("go", "build", "-o", binary, *sources.iterdir(), timeout=200,
              env={**os.environ, "GOCACHE": str(runner.options.build_dir.resolve() / "go-cache"), "GOFLAGS": "-mod=mod"})
    cert, key = here.certificate("ec")
    return here.start(*prefix, binary, port, cert, key, fifo, port=port)
