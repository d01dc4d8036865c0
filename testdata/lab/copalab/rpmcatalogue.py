"""The packages of the lab's RPM repository, in the versions of two eras: every awkward case, small."""

from dataclasses import dataclass

from . import rpmdebs
from .rpmsource import File, Package, Source, folder, link, text, tree

ARCHES = ("x86_64", "aarch64")
PAYLOADS = {"zstd": "w19.zstdio", "xz": "w6.xzdio", "gzip": "w9.gzdio", "bzip2": "w9.bzdio", "none": "w.ufdio"}


@dataclass(frozen=True)
class Era:
    """Old or new: what has which version then."""

    name: str
    date: int
    release: str
    glibc: tuple
    openssl: tuple
    libdemo: str
    demo: str
    epochal: tuple
    plain: str

    @property
    def new(self):
        return self.name == "new"


OLD = Era("old", 1700000000, "25", ("2.38", "3"), ("3.3.2", "1"), "1.0.2", "1.4.0", (1, "9.0"), "1.0")
NEW = Era("new", 1702600000, "31", ("2.38", "12"), ("3.3.5", "2"), "1.0.10", "2.0.1", (2, "1.0"), "1.1")
ERAS = {"old": OLD, "new": NEW}
UNCHANGED = {"busybox", "filesystem"}
PASSWD = """\
root:x:0:0:root:/root:/sbin/nologin
labuser:x:1001:1002::/:/sbin/nologin
nobody:x:65534:65534::/:/sbin/nologin"""
GROUP = "root:x:0:\nlabgroup:x:1002:\nlabaudit:x:1003:\nnobody:x:65534:"
MAKE_USER = """\
getent group labd >/dev/null || groupadd -r labd || :
getent passwd labd >/dev/null || useradd -r -g labd labd || :"""
OS_RELEASE = """\
NAME="Microsoft Azure Linux"
VERSION="3.0.2024{release}"
ID=azurelinux
VERSION_ID="3.0"
PRETTY_NAME="Microsoft Azure Linux 3.0\""""


def sources(archive, era):
    """Every source package of an era; the CVE ids are those that the new version fixes."""
    made = [release(era), epochal(era), renamed(era), shapes(era), turncoat(era), odd_names(era)]
    made += [payload(era, kind, macro) for kind, macro in PAYLOADS.items()]
    for arch in ARCHES:
        made += [filesystem(arch), glibc(archive, era, arch), openssl(archive, era, arch), libdemo(era, arch)]
        made += [demo(era, arch), scripted(era, arch), owned(era, arch), shell(archive, arch)]
    numbers = {name: 1000 + n for n, name in enumerate(sorted({s.name for s in made} - {"oldname"}))}
    for source in made:
        if source.name in numbers and source.name not in UNCHANGED | {"payload-none"}:
            source.cves = [f"CVE-2099-{numbers[source.name]}"]
    return made


def filesystem(arch):
    """The same in both eras. It has the users, and links in place of directories."""
    names = ["etc", "home", "run", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "usr/share", "var", "var/lib"]
    files = [*map(folder, names), folder("root", 0o700), folder("tmp", 0o1777)]
    files += [link(name, f"usr/{name}") for name in ("bin", "lib", "lib64", "sbin")]
    configured = {"etc/passwd": PASSWD, "etc/group": GROUP, "etc/ld.so.conf": "/usr/lib64"}
    files += [text(path, content, mark="%config(noreplace)") for path, content in configured.items()]
    return Source([Package("filesystem", files)], "1.1", "20", arch=arch)


def release(era):
    files = [text("usr/lib/os-release", OS_RELEASE.format(release=era.release)),
             link("etc/os-release", "../usr/lib/os-release")]
    return Source([Package("azurelinux-release", files, ["Provides: system-release = 3.0"])], "3.0", era.release)


def glibc(archive, era, arch):
    """Debian's C library, and ldconfig: its loader, and what its path provides."""
    files = rpmdebs.files_of(archive, arch, "libc6", era.name)
    files += rpmdebs.files_of(archive, arch, "libc-bin", era.name, {"usr/sbin/ldconfig"})
    tags = ["Provides: rtld(GNU_HASH)", "Provides: /sbin/ldconfig"]
    return Source([Package("glibc", files, tags)], *era.glibc, arch=arch)


def openssl(archive, era, arch):
    """A program and its library from one source, in lockstep."""
    lock = "Requires: openssl-libs%{?_isa} = %{version}-%{release}"
    program = Package("openssl", rpmdebs.files_of(archive, arch, "openssl", era.name), [lock])
    library = Package("openssl-libs", rpmdebs.files_of(archive, arch, "libssl3", era.name))
    return Source([program, library], *era.openssl, arch=arch)


def libdemo(era, arch):
    """The library's real file is named by its version: an upgrade removes a file and turns a link."""
    version, real = era.libdemo, f"libdemo.so.{era.libdemo}"
    library = File(f"usr/lib64/{real}", data=rpmdebs.compile_demo(arch, version, "libdemo.so.1"), mode=0o755)
    files = [library, link("usr/lib64/libdemo.so.1", real), folder("usr/share/licenses/libdemo"),
             text("usr/share/licenses/libdemo/LICENSE", "MIT", mark="%license")]
    develop = [link("usr/lib64/libdemo.so", "libdemo.so.1"),
               text("usr/include/demo.h", "const char *demo_version(void);")]
    tools = [text("usr/bin/demo-tool", f"not a program: {version}", mode=0o755)]
    lock = "Requires: libdemo%{?_isa} = %{version}-%{release}"
    packages = [Package("libdemo", files, scripts="%post@ -p /sbin/ldconfig\n%postun@ -p /sbin/ldconfig"),
                Package("libdemo-devel", develop, [lock]), Package("libdemo-tools", tools, [lock])]
    return Source(packages, version, "1", arch=arch)


def demo(era, arch):
    """Configuration, capabilities, set-id, hard links, ghosts, documents, a directory named by the version."""
    version, share = era.demo, "usr/share/demo"
    program = rpmdebs.compile_demo(arch, version, "demo")
    files = [File("usr/bin/demo", data=program, mode=0o755)]
    files += [File(f"usr/bin/demo-hard{n}", "hard", target="usr/bin/demo", mode=0o755) for n in (1, 2)]
    files += [File("usr/bin/demo-suid", data=program, mode=0o4755),
              File("usr/bin/demo-sgid", data=program, mode=0o2755)]
    capabilities = "%caps(cap_net_raw,cap_net_bind_service=ep)"
    files += [File("usr/bin/demo-caps", data=program, mode=0o755, mark=capabilities)]
    keep, replace = "%config(noreplace)", "%config"
    files += [text("etc/demo.conf", f"level={version}", mark=keep), text("etc/demo-same.conf", "same", mark=keep),
              text("etc/demo-replace.conf", f"level={version}", mark=replace), folder("etc/demo.d"),
              text("etc/demo.d/10.conf", f"fragment {version}", mark=keep)]
    files += [text(f"etc/demo.d/{'30-added' if era.new else '20-removed'}.conf", "gone or here", mark=keep)]
    files += [folder(share), folder(f"{share}/{version}"), text(f"{share}/{version}/data", version),
              File(f"{share}/empty"), link(f"{share}/current", version),
              text(f"{share}/{'added-in-2' if era.new else 'removed-in-2'}", "x")]
    files += [folder("usr/share/doc/demo", mark="%doc"), text("usr/share/doc/demo/README", version, mark="%doc"),
              folder("var/lib/demo", 0o750, owner="nobody,nobody"), File("var/log/demo.log", "ghost")]
    tags = ["Requires: (libdemo if filesystem)", "Recommends: epochal", "Suggests: (owned or nothing)",
            "Supplements: libdemo-tools", "Enhances: filesystem", "Conflicts: demo-legacy < 1",
            "Provides: demo-api = 2:%{version}"]
    return Source([Package("demo", files, tags)], version, "3", arch=arch)


def scripted(era, arch):
    """Every kind of scriptlet and trigger that rpm 4.18 knows; each writes a line to a log."""
    log, lua = "/var/lib/scripted/log", 'local f = io.open("{}", "a"); if f then f:write("{}\\n"); f:close() end'
    said = [f"%pre@\nmkdir -p /var/lib/scripted; echo pre $1 >>{log}", f"%verifyscript@\ntest -e {log}"]
    said += [f"%{kind}@\necho {kind} $1 >>{log}" for kind in ("post", "preun", "posttrans")]
    said += [f"%{kind}@ -p <lua>\n{lua.format(log, kind)}" for kind in ("pretrans", "postun")]
    said += [f"%{kind}@ -- libdemo\necho {kind} $1 $2 >>{log}" for kind in ("triggerin", "triggerun", "triggerpostun")]
    said += [f"%triggerprein@ -p <lua> -- libdemo\n{lua.format(log, 'triggerprein')}"]
    for kind in ("filetriggerin", "filetriggerun", "filetriggerpostun"):
        for name in (kind, f"trans{kind}"):
            said += [f"%{name}@ -p <lua> -- /usr/lib64\n{lua.format(log, name)}"]
    files = [folder("usr/share/scripted"), text("usr/share/scripted/version", era.plain)]
    return Source([Package("scripted", files, scripts="\n".join(said))], era.plain, "1", arch=arch)


def owned(era, arch):
    """Files of users: some that the image has, and one that only the package's own scriptlet would make."""
    files = [folder("var/lib/owned", 0o2770, owner="labuser,labgroup"), folder("usr/share/owned"),
             text("usr/share/owned/known", era.plain, owner="labuser,labgroup", mode=0o640),
             text("usr/share/owned/audit", era.plain, owner="root,labaudit", mode=0o640),
             text("usr/share/owned/nobody", era.plain, owner="nobody,nobody"),
             text("usr/share/owned/own", era.plain, owner="labd,labd", mode=0o600),
             text("usr/lib/systemd/system/labd.service", "[Service]\nExecStart=/usr/bin/demo")]
    scripts = f"%pre@\n{MAKE_USER}\n%post@\nsystemctl --no-reload preset labd.service >/dev/null 2>&1 || :"
    return Source([Package("owned", files, scripts=scripts)], era.plain, "1", arch=arch)


def shell(archive, arch):
    """The same in both eras, and not in the images: for those who want scriptlets to run."""
    files = rpmdebs.files_of(archive, arch, "busybox-static", "main", {"usr/bin/busybox"})
    files += [link(f"usr/bin/{name}", "busybox") for name in ("sh", "mkdir", "test")]
    return Source([Package("busybox", files, ["Provides: /bin/sh"])], "1.36.1", "1", arch=arch)


def epochal(era):
    """The epoch outranks the version, which goes down."""
    epoch, version = era.epochal
    files = [folder("usr/share/epochal"), text("usr/share/epochal/version", f"{epoch}:{version}")]
    return Source([Package("epochal", files)], version, "1", epoch)


def payload(era, kind, macro):
    files = [folder(f"usr/share/payload-{kind}"), text(f"usr/share/payload-{kind}/version", era.plain),
             text(f"usr/share/payload-{kind}/long", "\n".join(map(str, range(20000))))]
    return Source([Package(f"payload-{kind}", files)], era.plain, "1", macros={"_binary_payload": macro})


def renamed(era):
    files = [folder("usr/share/oldname"), text("usr/share/oldname/version", era.plain)]
    tags = ["Obsoletes: oldname < 1.5", "Provides: oldname = %{version}"] if era.new else []
    return Source([Package("newname" if era.new else "oldname", files, tags)], "1.5" if era.new else "1.0", "1")


def shapes(era):
    """Paths that become of another type, as far as rpm itself can do that."""
    top, new = "usr/share/shapes", era.new
    files = [folder(top), text(f"{top}/real", era.plain), text(f"{top}/mode", "x", mode=0o755 if new else 0o600)]
    files += [link(f"{top}/file-link", "real") if new else text(f"{top}/file-link", "a file"),
              text(f"{top}/link-file", "a file") if new else link(f"{top}/link-file", "real"),
              link(f"{top}/link-link", "real" if new else "mode")]
    files += [folder(f"{top}/file-directory"), text(f"{top}/file-directory/inside", "x")] if new \
        else [text(f"{top}/file-directory", "a file")]
    files += [] if new else [folder(f"{top}/gone"), text(f"{top}/gone/inside", "x")]
    return Source([Package("shapes", files)], era.plain, "1")


def turncoat(era):
    """A directory becomes a file, another a link: rpm fails unless %pretrans has moved them away."""
    top, new = "usr/share/turncoat", era.new
    names = ("directory-file", "directory-link")
    away = "\n".join(f'posix.unlink("/{top}/{name}/inside"); posix.rmdir("/{top}/{name}")' for name in names)
    files = [folder(top), text(f"{top}/version", era.plain)]
    files += [text(f"{top}/{names[0]}", "a file"), link(f"{top}/{names[1]}", "version")] if new \
        else [file for name in names for file in (folder(f"{top}/{name}"), text(f"{top}/{name}/inside", "x"))]
    return Source([Package("turncoat", files, scripts=f"%pretrans@ -p <lua>\n{away}" if new else "")], era.plain, "1")


def odd_names(era):
    top = "usr/share/odd names"
    names = ["na\u00efve", "not UTF-8 \udce9\udcff", "-dash", "star*[x]?", "percent%20{y}", "quote'\"",
             "back\\slash", "#hash", "~tilde", "wh.", "long-" + "n" * 200]
    files = [tree(top), *(text(f"{top}/{name}", era.plain, listed=False) for name in names)]
    return Source([Package("oddnames", files)], era.plain, "1")
