"""Debian distroless images in the shape of the public ones, from real packages.

One layer a package: its data archive and, in `var/lib/dpkg/status.d`, its control
file verbatim and its md5sums. No maintainer script runs. `ca-certificates` is
derived: only the bundle and the copyright file. `os-release` is distroless' own.
"""

import base64
import itertools
import json
import posixpath
import re

from . import LabError, deb
from .archive import RELEASES
from .layout import LayerTar, Layout, clean

FLAVOURS = ("static", "base", "cc", "python3")
STATIC = {
    "bullseye": "base-files netbase tzdata",
    "bookworm": "base-files netbase tzdata media-types",
    "trixie": "base-files netbase tzdata tzdata-legacy media-types",
}
BASE = {
    "bullseye": "libc6 libssl1.1 openssl",
    "bookworm": "libc6 libssl3",
    "trixie": "libc6 libssl3t64 libzstd1 zlib1g",
}
CC = {
    "bullseye": "libgomp1 libstdc++6 libgcc-s1 gcc-10-base",
    "bookworm": "libgomp1 libstdc++6 libgcc-s1 gcc-12-base",
    "trixie": "libgomp1 libstdc++6 libgcc-s1 gcc-14-base",
}
PYTHON_EVERYWHERE = (
    "libbz2-1.0 libcom-err2 libcrypt1 libc-bin libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 "
    "libkrb5support0 liblzma5 libncursesw6 libnsl2 libsqlite3-0 libtinfo6 libuuid1 libexpat1 zlib1g"
)
PYTHON_OWN = {
    "bullseye": "libdb5.3 libreadline8 libtirpc3 libffi7 libmpdec3",
    "bookworm": "libdb5.3 libreadline8 libtirpc3 libffi8",
    "trixie": "libdb5.3t64 libreadline8t64 libtirpc3t64 libffi8",
}
PYTHON = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
GO_ARCH = {"armhf": ("arm", "v7"), "arm64": ("arm64", "v8"), "ppc64el": ("ppc64le", None), "i386": ("386", None)}
MERGED = re.compile(r"\./(bin|sbin|lib|lib32|lib64|libx32)(/|$)")
STATUS_D = "./var/lib/dpkg/status.d"
NONROOT, NOBODY = 65532, 65534
CREATED = "1970-01-01T00:00:00Z"


def package_names(release, flavour):
    """(packages below the derived layers, packages above them)."""
    upper = [] if flavour == "static" else BASE[release].split()
    if flavour in ("cc", "python3"):
        upper += CC[release].split()
    if flavour == "python3":
        python = f"libpython{PYTHON[release]}-minimal libpython{PYTHON[release]}-stdlib python{PYTHON[release]}-minimal"
        upper += f"{PYTHON_EVERYWHERE} {PYTHON_OWN[release]} {python}".split()
    return STATIC[release].split(), list(dict.fromkeys(upper))


def status_name(package, style):
    """The status.d file name: the package's; cut as old images have it; or base64."""
    if style == "cut":
        return re.match(r"\w+", package)[0]
    return base64.urlsafe_b64encode(package.encode()).decode() if style == "base64" else package


class Builder:
    """Makes images of one Debian release into one layout."""

    def __init__(self, archive, layout, options):
        self.archive, self.layout, self.options = archive, layout, options
        self.release, self.made = options.release, {}
        self.merged = {"auto": self.release == "trixie", "yes": True, "no": False}[options.merged_usr]
        self.picked = []

    def pick(self, arch, package, which):
        pins = dict(pin.split("=", 1) for pin in self.options.pin)
        if package in pins:
            found = [s for s in self.archive.candidates(self.release, arch, package) if s["Version"] == pins[package]]
            stanza = found[0] if found else None
        else:
            stanza = self.archive.pick(self.release, arch, package, which)
        if not stanza:
            raise LabError(f"{self.release} {arch}: no {package} {pins[package]}")
        self.picked.append((arch, package, stanza["Version"], stanza["suite"]))
        return stanza

    def build(self, arch, flavour, which):
        lower, upper = package_names(self.release, flavour)
        layers = self.package_layers(arch, lower, which)
        layers += [self.layout.layer(layer) for layer in self.derived_layers()]
        layers.append(self.made_once(self.certificates_layer, self.pick(arch, "ca-certificates", which)))
        layers += self.package_layers(arch, upper + self.options.extra, which)
        own = [self.python_links()] if flavour == "python3" else []
        layers += [self.layout.layer(layer) for layer in own + user_layers(self.options.layer)]
        return self.layout.image(layers, self.image_config(arch, flavour))

    def package_layers(self, arch, names, which):
        return [self.made_once(self.package_layer, self.pick(arch, name, which)) for name in names]

    def made_once(self, make, stanza):
        """The layer of a package, shared by the images that are built together."""
        if stanza["SHA256"] not in self.made:
            self.made[stanza["SHA256"]] = self.layout.layer(make(stanza))
        return self.made[stanza["SHA256"]]

    def image_config(self, arch, flavour):
        go_arch, variant = GO_ARCH.get(arch, (arch, None))
        user = NONROOT if self.options.user == "nonroot" else 0
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        config = {
            "Env": [path, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "User": str(user),
            "WorkingDir": "/home/nonroot" if user else "/",
        }
        if flavour == "python3":
            config["Entrypoint"] = [f"/usr/bin/python{PYTHON[self.release]}"]
        extra = json.loads(self.options.config)
        top = {"architecture": go_arch, "os": "linux", "created": CREATED}
        if variant:
            top["variant"] = variant
        return top | {"config": config | extra.pop("config", {})} | extra

    def package_layer(self, stanza):
        path = self.archive.deb(stanza)
        layer = LayerTar(f"deb {stanza['Package']} {stanza['Version']}")
        with deb.data_tar(path) as tar:
            for info in tar:
                data = tar.extractfile(info).read() if info.isreg() else b""
                if self.place(info):
                    layer.add(info, data)
        self.status_entries(layer, stanza["Package"], path)
        return layer

    def place(self, info):
        """Moves an entry below /usr in a merged image; says whether it is to be written."""
        if not self.merged or not MERGED.match(info.name):
            return True
        if "/" not in info.name.strip("./"):
            return info.issym()
        info.name = "./usr" + info.name[1:]
        if info.islnk() and MERGED.match(info.linkname):
            info.linkname = "./usr" + info.linkname[1:]
        return True

    def status_entries(self, layer, package, path):
        control, name = deb.control_files(path), status_name(package, self.options.names)
        layer.parents(f"{STATUS_D}/x")
        layer.file(f"{STATUS_D}/{name}", control["control"])
        if "md5sums" in control and not self.options.no_md5sums:
            layer.file(f"{STATUS_D}/{name}.md5sums", control["md5sums"])

    def certificates_layer(self, stanza):
        path = self.archive.deb(stanza)
        files = deb.data_files(path)
        names = sorted(name for name in files if name.startswith("usr/share/ca-certificates/"))
        bundle = b"".join(line + b"\n" for name in names for line in files[name].splitlines())
        layer = LayerTar(f"cacerts {stanza['Version']}")
        copyright_file = "usr/share/doc/ca-certificates/copyright"
        for name, data in (("etc/ssl/certs/ca-certificates.crt", bundle), (copyright_file, files[copyright_file])):
            layer.parents("./" + name)
            layer.file("./" + name, data, mode=0o555)
        if not self.options.no_certificates_status:
            self.status_entries(layer, "ca-certificates", path)
        return layer

    def derived_layers(self):
        home = LayerTar("home")
        home.directory("./root", 0o700)
        home.directory("./home")
        home.directory("./home/nonroot", 0o700, NONROOT)
        root, tmp = LayerTar("rootfs"), LayerTar("tmp")
        root.directory("./")
        tmp.directory("./tmp", 0o1777)
        return [
            root, text_layer("./etc/passwd", PASSWD), home, text_layer("./etc/group", GROUP), tmp,
            text_layer("./etc/nsswitch.conf", NSSWITCH),
            text_layer("./usr/lib/os-release", os_release(self.release), 0o555),
        ]

    def python_links(self):
        layer = LayerTar("python aliases")
        for name in ("python", "python3"):
            layer.symlink(f"./usr/bin/{name}", f"/usr/bin/python{PYTHON[self.release]}")
        return layer


def text_layer(name, text, mode=0o644):
    layer = LayerTar(posixpath.basename(name))
    layer.parents(name)
    layer.file(name, text.encode(), mode)
    return layer


PASSWD = f"""\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:{NOBODY}:{NOBODY}:nobody:/nonexistent:/sbin/nologin
nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin
"""
GROUP = f"root:x:0:\nnobody:x:{NOBODY}:\ntty:x:5:\nstaff:x:50:\nnonroot:x:{NONROOT}:\n"
NSSWITCH = """\
passwd:         compat
group:          compat
shadow:         compat
hosts:          files dns
networks:       files
protocols:      db files
services:       db files
ethers:         db files
rpc:            db files
netgroup:       nis
"""


def os_release(release):
    number = RELEASES[release]
    pairs = {
        "PRETTY_NAME": "Distroless",
        "NAME": "Debian GNU/Linux",
        "ID": "debian",
        "VERSION_ID": number,
        "VERSION": f"Debian GNU/Linux {number} ({release})",
        "HOME_URL": "https://github.com/GoogleContainerTools/distroless",
        "SUPPORT_URL": "https://github.com/GoogleContainerTools/distroless/blob/master/README.md",
        "BUG_REPORT_URL": "https://github.com/GoogleContainerTools/distroless/issues/new",
    }
    return "".join(f'{key}="{value}"\n' for key, value in pairs.items())


def user_layers(specifications):
    """What a user adds on top. Each specification is a JSON list of changes, and makes one layer:
    {"write": PATH, "text": TEXT | "from": FILE, "mode": 420}, {"delete": PATH}, {"link": PATH, "to": TARGET}."""
    return [user_layer(n, json.loads(text)) for n, text in enumerate(specifications, 1)]


def user_layer(number, changes):
    layer = LayerTar(f"user layer {number}")
    for change in changes:
        path = "./" + clean(change.get("write") or change.get("delete") or change["link"])
        if "delete" in change:
            folder, name = posixpath.split(path)
            layer.file(f"{folder}/.wh.{name}", b"", 0)
        elif "link" in change:
            layer.symlink(path, change["to"])
        else:
            layer.file(path, content(change), change.get("mode", 0o644), change.get("owner", 0))
    return layer


def content(change):
    if "from" in change:
        with open(change["from"], "rb") as file:
            return file.read()
    return change["text"].encode()


def build(archive, options):
    """Builds the images (each an index if there are several architectures); returns {tag: digest} and the packages."""
    layout = Layout(options.out, options.media, options.compression)
    builder, digests = Builder(archive, layout, options), {}
    for flavour, which in itertools.product(options.flavour.split(","), options.pick.split(",")):
        images = [builder.build(arch, flavour, which) for arch in options.arch.split(",")]
        whole = images[0] if len(images) == 1 else layout.index_of(images)
        tag = options.tag.format(flavour=flavour, pick=which)
        layout.tag(whole, tag)
        digests[tag] = whole["digest"]
    return digests, builder.picked
