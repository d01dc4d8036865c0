#!/usr/bin/env bash
# The RPM peer of `patch.py`: an image with an rpm database patched by the real dnf in a folder.
# patch-rpm.sh SOURCE DESTINATION REPOSITORY KEY PLACE: HOST:PORT/NAME:TAG twice, the URL of a signed
# repository, its key file, and a folder. What dnf keeps in PLACE/dnf from an earlier run is used again.
set -euo pipefail
source=$1 destination=$2 repository=$3 key=$4 place=$5 release=3.0 arch=x86_64
dnf=$place/dnf work=$place/work
rm -rf "$work"
mkdir -p "$work" "$dnf"/{home,repos,cache,vars}
cd "$work"

skopeo copy -q --src-tls-verify=false "docker://$source" oci:image:before
umoci unpack --image image:before bundle
root=$work/bundle/rootfs

# Debian's rpm has its database elsewhere, and dnf has no option for it.
export HOME=$dnf/home LC_ALL=C.UTF-8
echo '%_dbpath /var/lib/rpm' >"$HOME/.rpmmacros"
cat >"$dnf/dnf.conf" <<EOT
[main]
reposdir=$dnf/repos
cachedir=$dnf/cache
varsdir=$dnf/vars
keepcache=1
metadata_expire=0
plugins=0
gpgcheck=1
repo_gpgcheck=1
install_weak_deps=0
tsflags=noscripts,nodocs
EOT
cat >"$dnf/repos/azurelinux.repo" <<EOT
[azurelinux]
name=azurelinux
baseurl=$repository
gpgkey=file://$key
EOT
dnf -q -y --config="$dnf/dnf.conf" --installroot="$root" --releasever=$release --forcearch=$arch \
    --setopt=reposdir="$dnf/repos" --setopt=cachedir="$dnf/cache" upgrade

# What dnf leaves in the image of itself; some of the cache's folder is there too.
rm -rf "$root"/{etc/dnf,var/lib/dnf,var/log/dnf*,var/log/hawkey.log} "$root$dnf"
(cd "$root" && rmdir -p --ignore-fail-on-non-empty "${place#/}")

# An image has its database in one file that a root that cannot be written to can open.
sqlite3 "$root/var/lib/rpm/rpmdb.sqlite" 'PRAGMA journal_mode=DELETE' >/dev/null
rm -f "$root"/var/lib/rpm/{rpmdb.sqlite-wal,rpmdb.sqlite-shm,.rpm.lock}
umoci repack --image image:after bundle
skopeo copy -q --dest-tls-verify=false oci:image:after "docker://$destination"
