"""The servers that are measured, each started with a configuration of its own in the run's temporary folder."""

import gzip
import os
import resource
import shutil
import subprocess
from pathlib import Path

from processes import Process, free_port

CPUS = os.cpu_count() or 1
NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
APACHE_MODULES = Path("/usr/lib/apache2/modules")


class Server:
    """A running server under the name that the report shows, and the port that is driven."""

    def __init__(self, name, port, process):
        self.name = name
        self.port = port
        self.process = process


def raise_descriptor_limit(wanted=65536):
    """Raises the limit of open files for all that is started from here, as far as possible, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((max(soft, wanted), max(hard, wanted)), (hard, hard)):  # only root may raise the hard one
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            break
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def program(name):
    """Where a program is, or None; servers are often in /usr/sbin, which is not on everybody's path."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


class Servers:
    """Starts servers. `build` is the CMake build directory, `folder` the run's temporary one."""

    def __init__(self, build, folder):
        self.build = Path(build).resolve()
        self.folder = Path(folder)
        self.tools = self.build / "tests" / "bench"
        self.started = []
        self.descriptors = raise_descriptor_limit()
        self.max_relayed = min(20000, (self.descriptors - 200) // 2)  # connections of a proxy: each takes two descriptors

    def missing(self):
        """What the measurement cannot do without and is not there."""
        needed = [self.tools / "epoll_echo", self.tools / "hold", self.tools / "blocking_echo.so",
                  self.build / "bin" / "gatehouse"]
        return [str(path) for path in needed if not path.exists()] + \
               [name for name in ("redis-benchmark", "wrk", "iperf3") if not program(name)]

    def stop_all(self):
        while self.started:
            self.started.pop().process.stop()

    def _start(self, name, port, command, environment=None):
        log = self.folder / f"{len(self.started)}-{name}.log"
        server = Server(name, port, Process(command, [port], log, environment))
        self.started.append(server)
        return server

    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def stop(self, server):
        self.started.remove(server)
        server.process.stop()

    # --- Gatehouse ---------------------------------------------------------------------------------------------------------

    def gatehouse(self, name, plugin, settings="", threads_max=256, routes=(), tls=False,
                  access_log=True):
        """The host with one listener. Everything that is not about size is the default, with the log in a file."""
        port = free_port()
        conf = self._write(f"{name}-{port}.toml", f"""
[host]
plugin_path = ["{self.build}/plugins", "{self.tools}"]

[log]
file = "{self.folder}/{name}-{port}.log"
access = {"true" if access_log else "false"}

{self.tls_section() if tls else ""}
[plugins.measured]
library = "{plugin}"
config = {{ {settings} }}

[[listeners]]
name = "measured"
address = "127.0.0.1:{port}"
plugin = "measured"
backlog = 4096
max_connections = 20000
threads = {{ max = {threads_max} }}
{'tls = "measured"' if tls else ""}
""" + "".join(f'[[listeners.routes]]\n{condition}\nplugin = "{plugin}"\n' for condition, plugin in routes))
        return self._start(name, port, [self.build / "bin" / "gatehouse", "run", conf])

    def gatehouse_echo(self):
        return self.gatehouse("gatehouse", "echo")

    def gatehouse_routes(self):
        """The last of the routes takes everything that redis-benchmark sends; the others have to be ruled out first."""
        return self.gatehouse("gatehouse", "echo", routes=[
            ('sni = "*.example.org"', "discard"), ('probe = "http"', "discard"), ('probe = "ssh"', "discard"),
            ('probe = "redis"', "measured")])

    def gatehouse_gateway(self, upstream):
        return self.gatehouse("gatehouse", "gateway", f'upstream = "{upstream}"')

    def gatehouse_http(self, settings="", name="gatehouse", folder="", access_log=True):
        root = f'root = "{self.site() / folder}"'
        return self.gatehouse(name, "http", f"{root}, {settings}" if settings else root, access_log=access_log)

    def gatehouse_blocking(self, connections):
        return self.gatehouse("gatehouse", "blocking_echo", threads_max=connections + 100)

    def gatehouse_https(self):
        return self.gatehouse("gatehouse", "http", f'root = "{self.site()}"', tls=True)

    def gatehouse_tls_gateway(self, upstream):
        return self.gatehouse("gatehouse", "gateway", f'upstream = "{upstream}"', tls=True)

    def tls_section(self):
        folder = self.certificates()
        return f'[tls.measured]\ncertificate = "{folder}/cert.pem"\nkey = "{folder}/key.pem"'

    def certificates(self):
        """A folder with a certificate (P-256) for all servers, made once."""
        folder = self.folder / "certificates"
        if not folder.exists():
            subprocess.run([self.build / "bin" / "gatehouse", "dev-cert", folder], check=True, stdout=subprocess.DEVNULL)
            both = folder / "both.pem"
            both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
        return folder

    def site(self):
        """A folder with the files that the http servers serve; "compressed" beneath it has the page as its gzip is."""
        site = self.folder / "site"
        if site.exists():
            return site
        (site / "compressed").mkdir(parents=True)
        (site / "small.txt").write_text("x" * 1023 + "\n")
        (site / "medium.bin").write_bytes(bytes(1024 * 1024))
        with open(site / "large.bin", "wb") as large:
            large.truncate(1_000_000_000)  # a hole: reading it costs no disk
        page = "".join(f"<tr><td>{number}</td><td>{number * number % 9973}</td></tr>\n" for number in range(1000))[:20_000]
        (site / "page.html").write_text(page)
        packed = gzip.compress(page.encode(), 9, mtime=0)
        (site / "page.html.gz").write_bytes(packed)
        (site / "compressed" / "page.html").write_bytes(packed)
        return site

    # --- the limit, and upstreams ------------------------------------------------------------------------------------------

    def epoll(self, name="epoll", *options):
        port = free_port()
        return self._start(name, port, [self.tools / "epoll_echo", "-p", port, *options])

    def iperf3(self):
        port = free_port()
        return self._start("iperf3", port, [program("iperf3"), "-s", "-p", port])

    def s_server(self):
        """openssl s_server: a loop of accept and handshake on one thread, and nothing else."""
        port = free_port()
        folder = self.certificates()
        return self._start("s_server", port, [program("openssl"), "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert",
                                              folder / "cert.pem", "-key", folder / "key.pem", "-tls1_3"])

    # --- what others have built; None where it is not installed ------------------------------------------------------------

    def apache(self, threads=1200):
        """Apache httpd with mod_echo under the worker MPM: a thread for each connection."""
        if not program("apache2") or not (APACHE_MODULES / "mod_echo.so").exists():
            return None
        port = free_port()
        per_child = threads // CPUS
        conf = self._write("apache.conf", f"""
ServerRoot "{self.folder}"
ServerName localhost
PidFile "{self.folder}/apache.pid"
DefaultRuntimeDir "{self.folder}"
ErrorLog "{self.folder}/apache-error.log"
LogLevel error
LoadModule mpm_worker_module {APACHE_MODULES}/mod_mpm_worker.so
LoadModule authz_core_module {APACHE_MODULES}/mod_authz_core.so
LoadModule echo_module {APACHE_MODULES}/mod_echo.so
Listen 127.0.0.1:{port}
ServerLimit {CPUS}
StartServers {CPUS}
ThreadLimit {per_child}
ThreadsPerChild {per_child}
MaxRequestWorkers {per_child * CPUS}
MinSpareThreads 1
MaxSpareThreads {per_child * CPUS}
{"User www-data" if os.geteuid() == 0 else ""}
{"Group www-data" if os.geteuid() == 0 else ""}
ProtocolEcho On
""")
        return self._start("apache", port, [program("apache2"), "-DFOREGROUND", "-f", conf])

    def haproxy(self, upstream, splice=False):
        if not program("haproxy"):
            return None
        port = free_port()
        conf = self._write(f"haproxy-{port}.cfg", f"""
global
    nbthread {CPUS}
    maxconn {1000 if splice else self.max_relayed}
defaults
    mode tcp
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    {"option splice-auto" if splice else ""}
listen measured
    bind 127.0.0.1:{port}
    server upstream {upstream}
""")
        return self._start("haproxy-splice" if splice else "haproxy", port, [program("haproxy"), "-db", "-f", conf])

    def haproxy_tls(self, upstream=None):
        """HAProxy with TLS: to an upstream, or answering by itself."""
        if not program("haproxy"):
            return None
        port = free_port()
        answer = f"mode tcp\n    server upstream {upstream}" if upstream else "mode http\n    http-request return status 200"
        conf = self._write(f"haproxy-{port}.cfg", f"""
global
    nbthread {CPUS}
    maxconn {self.max_relayed}
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    timeout connect 5s
    timeout client 300s
    timeout server 300s
listen measured
    bind 127.0.0.1:{port} ssl crt {self.certificates()}/both.pem
    {answer}
""")
        return self._start("haproxy", port, [program("haproxy"), "-db", "-f", conf])

    def _nginx_tls(self):
        folder = self.certificates()
        return f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;"

    def nginx_https(self):
        if not program("nginx"):
            return None
        return self._nginx("", self._nginx_http_section("ssl", self._nginx_tls()))

    def nginx_stream_tls(self, upstream):
        if not program("nginx") or not NGINX_STREAM.exists():
            return None
        return self._nginx(f"load_module {NGINX_STREAM};",
                           f"stream {{ server {{ listen 127.0.0.1:PORT ssl backlog=4096; {self._nginx_tls()} "
                           f"proxy_pass {upstream}; }} }}")

    def _nginx(self, modules, section):
        for kind in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (self.folder / f"nginx-{kind}").mkdir(exist_ok=True)
        port = free_port()
        conf = self._write(f"nginx-{port}.conf", f"""
{modules}
daemon off;
{"user www-data;" if os.geteuid() == 0 else ""}
worker_processes {CPUS};
worker_rlimit_nofile {self.descriptors};
pid {self.folder}/nginx-{port}.pid;
error_log stderr error;
events {{ worker_connections 32768; }}
{section.replace("PORT", str(port))}
""")
        return self._start("nginx", port, [program("nginx"), "-e", "stderr", "-p", self.folder, "-c", conf])

    def nginx_stream(self, upstream):
        if not program("nginx") or not NGINX_STREAM.exists():
            return None
        return self._nginx(f"load_module {NGINX_STREAM};",
                           f"stream {{ server {{ listen 127.0.0.1:PORT backlog=4096; proxy_pass {upstream}; }} }}")

    def nginx_http(self, more="", access_log=False):
        if not program("nginx"):
            return None
        return self._nginx("", self._nginx_http_section(more=more, access_log=access_log))

    def _nginx_http_section(self, option="", more="", access_log=False):
        return f"""
http {{
    access_log {f"{self.folder}/nginx-access.log" if access_log else "off"};
    client_body_temp_path nginx-body; proxy_temp_path nginx-proxy; fastcgi_temp_path nginx-fastcgi;
    uwsgi_temp_path nginx-uwsgi; scgi_temp_path nginx-scgi;
    sendfile on; keepalive_timeout 300s; keepalive_requests 1000000000;
    server {{ listen 127.0.0.1:PORT {option} backlog=4096; {more} root {self.site()}; }}
}}"""
