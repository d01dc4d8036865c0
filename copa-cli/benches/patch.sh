#!/usr/bin/env bash
# The peer of `patch.py`: a distroless image patched with the tools that Debian has for it.
# patch.sh SOURCE DESTINATION MIRROR PLACE: HOST:PORT/REPOSITORY:TAG twice, the URL that `debian` and
# `debian-security` are below, and a folder. What apt keeps in PLACE/apt from an earlier run is used again.
set -euo pipefail
source=$1 destination=$2 mirror=$3 place=$4 release=bookworm arch=amd64
apt=$place/apt work=$place/work
rm -rf "$work"
mkdir -p "$work/debs" "$apt"/{lists,archives}/partial
cd "$work"

skopeo copy -q --src-tls-verify=false "docker://$source" oci:image:before
umoci unpack --image image:before bundle
root=bundle/rootfs status=bundle/rootfs/var/lib/dpkg/status.d

signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=$arch]"
cat >"$apt/sources" <<EOT
deb $signed $mirror/debian $release main
deb $signed $mirror/debian $release-updates main
deb $signed $mirror/debian-security $release-security main
EOT
cat >"$apt/apt.conf" <<EOT
Dir::Etc { parts "/nonexistent"; main "/nonexistent"; sourcelist "$apt/sources"; sourceparts "-"; preferencesparts "-"; };
Dir { State "$apt"; State::lists "$apt/lists"; State::status "$apt/status"; Cache "$apt"; };
APT { Architecture "$arch"; Architectures "$arch"; Sandbox::User "root"; };
Acquire::Languages "none";
EOT
: >"$apt/status"
export APT_CONFIG=$apt/apt.conf LC_ALL=C
apt-get -qq update

cd "$status"
mapfile -t packages < <(printf '%s\n' ./* | sed 's/^..//' | grep -v '\.md5sums$')
cd "$work"
apt-cache policy "${packages[@]}" |
    awk '/^[^ ].*:$/ { package = substr($1, 1, length($1) - 1) } $1 == "Candidate:" { print package, $2 }' >candidates
wanted=()
while read -r package new; do
    old=$(sed -n 's/^Version: //p' "$status/$package")
    if dpkg --compare-versions "$new" gt "$old"; then wanted+=("$package=$new"); fi
done <candidates
if ((${#wanted[@]})); then
    cd debs
    apt-get -qq download "${wanted[@]}"
    cd ..
fi

for deb in debs/*.deb; do
    package=$(dpkg-deb -f "$deb" Package)
    dpkg-deb -x "$deb" "$root"
    dpkg-deb -f "$deb" >"$status/$package"
    dpkg-deb --ctrl-tarfile "$deb" | tar xO ./md5sums >"$status/$package.md5sums"
done

umoci repack --image image:after bundle
skopeo copy -q --dest-tls-verify=false oci:image:after "docker://$destination"
