"""proxy: what a proxy in front of the daemon is told, by the settings there are."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples
from memorycapsule.errors import ConfigurationProblem, UsageProblem

#: What the samples in deploy/ are made for.
SAMPLE_URLS = {
    "nginx.conf": ("nginx", "https://photos.example.org"),
    "nginx-subpath.conf": ("nginx", "https://home.example.org/capsule"),
    "Caddyfile": ("caddy", "https://photos.example.org"),
}
SAMPLE_UPSTREAM = "127.0.0.1:8484"


class _Site(NamedTuple):
    """Where guests come in, in the words of a proxy."""

    #: "https" or "http".
    scheme: str
    host: str
    #: The port that guests use.
    port: int
    #: The path below which everything lies, without a slash at its end; empty at the root.
    prefix: str
    #: Host and port of the daemon.
    upstream: str

    @property
    def has_usual_port(self) -> bool:
        return self.port == (443 if self.scheme == "https" else 80)


def proxy(
    ctx: typer.Context,
    program: Annotated[
        str, typer.Argument(metavar="nginx|caddy", help="Which proxy it is.", show_default=False)
    ],
) -> None:
    """
    Print the configuration that leads guests from `public_url` to the daemon.

    It goes into /etc/nginx/conf.d/ or to the end of the Caddyfile. Nothing is written or reloaded.
    """
    door = door_of(ctx)
    if program not in _WRITERS:
        raise UsageProblem("answer_not_offered", choices=list(_WRITERS))
    settings = door.settings()
    if settings.public_url is None:
        raise ConfigurationProblem("proxy_without_public_url")
    upstream = urlsplit(settings.local_url(settings.daemon.port)).netloc
    text = proxy_text(program, settings.public_url, upstream)
    door.out.answer(
        {"proxy": {"program": program, "url": settings.public_url, "upstream": upstream, "text": text}}
    )
    door.out.show(text.rstrip("\n"))


def proxy_text(program: str, public_url: str, upstream: str) -> str:
    """Return the configuration of a proxy for an address of guests and the daemon's host and port."""
    parts = urlsplit(public_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    site = _Site(parts.scheme, host, port, parts.path.rstrip("/"), upstream)
    return _WRITERS[program](site, public_url)


def _nginx(site: _Site, public_url: str) -> str:
    where = (
        """\
# MemoryCapsule behind nginx, at a path of a host that has other pages as well. Put the two locations into the server
# block of that host, and set in config.toml:"""
        if site.prefix
        else """\
# MemoryCapsule behind nginx, at the root of a host. Put it into /etc/nginx/conf.d/, and set in config.toml:"""
    )
    is_https = site.scheme == "https"
    certificate = f"""
    # Where certbot puts the certificate of this name.
    ssl_certificate /etc/letsencrypt/live/{site.host}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{site.host}/privkey.pem;"""
    to_https = f"""\
server {{
    listen 80;
    server_name {site.host};
    return 308 https://$host$request_uri;
}}

"""
    without_slash = f"""\
    location = {site.prefix} {{
        return 308 {site.scheme}://$http_host{site.prefix}/;
    }}

"""
    slash = f"""
        # With a slash at its end, which takes {site.prefix}/ away, it works as well."""
    return f"""\
{where}
#
#     public_url = "{public_url}"
#
# docs/en/home-server.md says more.

{to_https if is_https and site.has_usual_port and not site.prefix else ""}\
server {{
    listen {site.port}{" ssl" if is_https else ""};
    server_name {site.host};{certificate if is_https else ""}

{without_slash if site.prefix else ""}\
    location {site.prefix}/ {{{slash if site.prefix else ""}
        proxy_pass http://{site.upstream};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        # The address itself and not $proxy_add_x_forwarded_for, which would pass on what a visitor claims.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        # It stands in the lines of the daemon, too: docs/en/events.md.
        proxy_set_header X-Request-ID $request_id;

        # Browsers send photos in parts of 5 MB, scripts may send a file of 2 GB at once.
        client_max_body_size 2100m;
        # What people put in is encrypted as it arrives, and is not to lie on nginx's disk in clear before.
        proxy_request_buffering off;
        # The same on its way out; and a film begins at once.
        proxy_buffering off;

        # Slow lines, and downloads of everything that take a while to begin.
        client_body_timeout 120s;
        proxy_send_timeout 300s;
        proxy_read_timeout 300s;

        # The daemon packs what may be packed; how long the rest is when it is packed would tell of what stands in it.
        gzip off;

        # Links in letters open doors and do not belong into a log. logs/nginx-log.conf has one without them.
        access_log off;

        # Only what guests need for the world, the rest for those at home: take the # away, and name your network.
        #allow 192.168.0.0/16;
        #deny all;
        #location {site.prefix}/g/ {{
        #    allow all;
        #    proxy_pass http://{site.upstream};
        #}}
    }}
}}
"""


def _caddy(site: _Site, public_url: str) -> str:
    port = "" if site.has_usual_port else f":{site.port}"
    # Without a scheme Caddy fetches a certificate and speaks https.
    name = f"{'' if site.scheme == 'https' else 'http://'}{site.host}{port}"
    prefix = site.prefix or "/capsule"
    return f"""\
# MemoryCapsule behind Caddy, which fetches the certificate by itself. Set in config.toml:
#
#     public_url = "{public_url}"
#
# docs/en/home-server.md says more.

{name} {{
	# At a path of a host that has other pages as well: `handle {prefix}/* {{`, and public_url with {prefix} at its
	# end. `handle_path`, which takes {prefix} away, works as well.
	handle {f"{site.prefix}/* " if site.prefix else ""}{{
		# Only what guests need for the world, the rest for those at home: take the # away, and name your network.
		#@elsewhere {{
		#	not path /g/* {prefix}/g/*
		#	not remote_ip 192.168.0.0/16
		#}}
		#respond @elsewhere 403

		# Browsers send photos in parts of 5 MB, scripts may send a file of 2 GB at once.
		request_body {{
			max_size 2100MB
		}}
		# X-Forwarded-For and X-Forwarded-Proto are set by Caddy itself, from what it sees and not from what a
		# visitor claims. It passes on what comes as it comes, and logs no addresses of pages unless told to.
		reverse_proxy {site.upstream} {{
			# It stands in the lines of the daemon, too: docs/en/events.md.
			header_up X-Request-ID {{http.request.uuid}}
		}}
	}}
}}
"""


_WRITERS = {"nginx": _nginx, "caddy": _caddy}


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command(
        "proxy",
        epilog=examples(
            "capsule proxy nginx | sudo tee /etc/nginx/conf.d/capsule.conf",
            "capsule proxy caddy | sudo tee -a /etc/caddy/Caddyfile",
        ),
    )(proxy)
