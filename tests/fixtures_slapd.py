"""A directory of our own: Debian's slapd, a temporary folder, free ports of 127.0.0.1, certificates of our making."""

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
objectclass ( 1.3.6.1.4.1.4203.666.1.1 NAME 'webadmAccount' SUP top AUXILIARY )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/ca.crt
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
# A password in clear is refused, so that a sign-in proves that the connection was encrypted before.
security simple_bind=128
# As some directories do: a bind with a name and an empty password succeeds, as nobody.
allow bind_anon_dn
database mdb
maxsize 10485760
suffix "dc=example,dc=org"
rootdn "cn=root,dc=example,dc=org"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=smshub,dc=example,dc=org" read by * none
"""

PERSON = """\
dn: {dn}
objectClass: inetOrgPerson
{more}uid: {uid}
cn: {uid}
sn: {uid}
userPassword: {password}
"""

WEBADM = "objectClass: webadmAccount\n"
PEOPLE = "ou=people,dc=example,dc=org"

HUB = """\
dn: cn=smshub,dc=example,dc=org
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: smshub
userPassword: hub-password
"""
HOSPITAL = f"""\
dn: cn=hospital,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: hospital
member: uid=anna,{PEOPLE}
"""

ENTRIES = [
    "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n",
    "dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n",
    "dn: ou=more,ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: more\n",
    "dn: ou=groups,dc=example,dc=org\nobjectClass: organizationalUnit\nou: groups\n",
    HUB,
    PERSON.format(dn=f"uid=anna,{PEOPLE}", uid="anna", more=WEBADM, password="anna-password"),
    PERSON.format(dn=f"uid=bert,{PEOPLE}", uid="bert", more="", password="bert-password"),
    PERSON.format(dn=f"uid=carl,{PEOPLE}", uid="carl", more=WEBADM, password="carl-password"),
    PERSON.format(dn=f"uid=shop,{PEOPLE}", uid="shop", more=WEBADM, password="ldap-shop-password"),
    PERSON.format(dn=f"uid=twin,{PEOPLE}", uid="twin", more=WEBADM, password="twin-password"),
    PERSON.format(dn=f"uid=twin,ou=more,{PEOPLE}", uid="twin", more=WEBADM, password="twin-password"),
    PERSON.format(dn=f"uid=a*b(c),{PEOPLE}", uid="a*b(c)", more=WEBADM, password="star-password"),
    HOSPITAL,
]


@dataclass(slots=True)
class Slapd:
    """A running directory: where its files are, its two ports, its process."""

    folder: Path
    port: int
    tls_port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it takes connections that begin in clear."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where it takes connections that are encrypted from the beginning."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ca(self) -> str:
        """The file of the authority that signed its certificate."""
        return str(self.folder / "ca.crt")

    @property
    def other_ca(self) -> str:
        """The file of an authority that did not."""
        return str(self.folder / "other.crt")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        program = shutil.which("slapd") or "/usr/sbin/slapd"
        self.process = subprocess.Popen(
            [program, "-f", str(self.folder / "slapd.conf"), "-h", f"{self.url} {self.tls_url}", "-d", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 15
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.tls_port)) == 0:
                    return
            if time.monotonic() > until or self.process.poll() is not None:
                pytest.fail("slapd did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, by its id."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(15)
            self.process = None


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """Give a directory that lives as long as the test run. A test may stop it, if it starts it again."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-slapd-"))
    (folder / "data").mkdir()
    issue(folder, "ca", "server")
    issue(folder, "other", "stranger")
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder))
    (folder / "data.ldif").write_text("\n".join(ENTRIES))
    program = shutil.which("slapadd") or "/usr/sbin/slapadd"
    subprocess.run(
        [program, "-f", str(folder / "slapd.conf"), "-l", str(folder / "data.ldif")], check=True, capture_output=True
    )
    made = Slapd(folder, _free_port(), _free_port())
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def issue(folder: Path, authority: str, *names: str) -> None:
    """Make an authority and, signed by it, a certificate for 127.0.0.1 under each name: NAME.crt and NAME.key."""
    now = dt.datetime.now(dt.UTC)

    def build(name: str, key: ec.EllipticCurvePrivateKey, issuer: str) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    root = ec.generate_private_key(ec.SECP256R1())
    basic = x509.BasicConstraints(ca=True, path_length=None)
    # What Python 3.13 asks of an authority by default: what its key is for, and the names of the keys.
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    own = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    ca = (
        build(authority, root, authority)
        .add_extension(basic, critical=True)
        .add_extension(usage, critical=True)
        .add_extension(own, critical=False)
        .sign(root, hashes.SHA256())
    )
    (folder / f"{authority}.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        unsigned = build(name, key, authority).add_extension(address, critical=False)
        signed = unsigned.add_extension(issuer, critical=False).sign(root, hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").touch(mode=0o600)
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
