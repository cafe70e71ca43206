"""Programs that check and run what is deployed, and what they are given."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DEPLOY = Path(__file__).parents[2] / "deploy"


def tool(name: str) -> str:
    """Where a program is. Skips where it is not installed, unless services are required.

    `.ci/run` installs some with pip and says where: GUARDHOUSE_DEPLOY_TOOLS is their folder.
    """
    folders = (os.environ.get("GUARDHOUSE_DEPLOY_TOOLS", ""), os.environ["PATH"], "/usr/sbin")
    if found := shutil.which(name, path=os.pathsep.join(folders)):
        return found
    if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{name} must be installed, see .ci/run")
    pytest.skip(f"{name} is not installed, see .ci/run")


def runs(*command: str | Path, folder: Path = DEPLOY) -> str:
    """What a command says. Fails with it when the command does."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def replaced(text: str, **pairs: str) -> str:
    """A shipped file with some of its places (`old -> new`) made to fit a test; each must be there."""
    for old, new in pairs.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def certificate(folder: Path) -> Path:
    """A key and a certificate for this machine, signed by itself: tls.key, tls.crt, and both in tls.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, *form)
    public = made.public_bytes(serialization.Encoding.PEM)
    for file, data in {"tls.key": private, "tls.crt": public, "tls.pem": public + private}.items():
        (folder / file).write_bytes(data)
    return folder / "tls.pem"


def haproxy(folder: Path, port: int, servers: list[int]) -> Path:
    """The shipped configuration of the balancer, for a certificate in a folder and proxies on this machine."""
    lines = "\n".join(f"    server proxy{n} 127.0.0.1:{at}" for n, at in enumerate(servers))
    text = (DEPLOY / "haproxy.cfg").read_text().partition("# Docker's own name server")[0]
    pairs = {
        ":8443": f"127.0.0.1:{port}",
        "/usr/local/etc/haproxy/tls.pem": str(certificate(folder)),
        " resolvers here init-addr libc,none": "",
        "    server-template proxy 8 proxy:4000": lines,
    }
    file = folder / "haproxy.cfg"
    file.write_text(replaced(text, **pairs))
    return file


def nginx(folder: Path, port: int, servers: list[int]) -> Path:
    """The shipped configuration for nginx, in a whole one that stays in a folder."""
    certificate(folder)
    text = (DEPLOY / "nginx.conf").read_text()
    pairs = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/tls": f"{folder}/tls",
        "/var/log/nginx": str(folder),
        "127.0.0.1:4000": f"127.0.0.1:{servers[0]}",
        "127.0.0.1:4001": f"127.0.0.1:{servers[1]}",
    }
    places = "".join(
        f"{each}_temp_path {folder}/{each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
    file = folder / "nginx.conf"
    file.write_text(f"{around}http {{\n{places}{replaced(text, **pairs)}}}\n")
    return file
