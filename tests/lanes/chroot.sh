# A fresh Debian 12 in a temporary folder, from the mirror that this machine itself uses. Source lib.sh first.

# The machine's own Debian sources as "URI RELEASE COMPONENT" lines; apt reads every format of them for us.
debian_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
    awk '$2 ~ /^bookworm/ && $3 == "main" && ($4 == "Debian" || $4 !~ /^[A-Za-z]/) { print $1, $2, $3 }' | sort -u
}

# The key ring that the machine's sources name for a URI, if they name one.
keyring_of() {  # URI
  grep -lsF "${1%/}" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources |
    xargs -r grep -hoiE 'signed-by[:=] *[^] ,]+\.gpg' | sed -E 's/^[^:=]*[:=] *//' | head -n 1
}

make_chroot() {  # DIR
  local mirror keyring signed
  mirror=$(debian_sources | awk '$2 == "bookworm" { print $1; exit }')
  if [ -z "$mirror" ]; then
    echo "apt on this machine has no source for Debian bookworm main (apt-get update?)"
    return 1
  fi
  keyring=$(keyring_of "$mirror")
  # What apt needs to get through from here, debootstrap needs too.
  local http_proxy=${http_proxy-}
  eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  export http_proxy
  debootstrap --variant=minbase ${keyring:+--keyring="$keyring"} bookworm "$1" "$mirror" >"$1.log" 2>&1 ||
    { tail -n 20 "$1.log" "$1/debootstrap/debootstrap.log"; return 1; }

  # Inside, apt uses the same sources in the same way.
  signed=
  if [ -n "$keyring" ]; then
    install -D -m 0644 "$keyring" "$1$keyring"
    signed="[signed-by=$keyring] "
  fi
  debian_sources | sed "s|^|deb $signed|" >"$1/etc/apt/sources.list"
  apt-config dump Acquire | grep -E '^Acquire::(https?|Check-|ForceIPv|Retries)' >"$1/etc/apt/apt.conf.d/90machine" || true
  printf 'Acquire::Retries "5";\nAcquire::Languages "none";\nDpkg::Use-Pty "0";\n' >>"$1/etc/apt/apt.conf.d/90machine"
  # Nothing here has to survive a power failure.
  echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
  printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
  chmod +x "$1/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  in_chroot "$1" apt-get -qq update
}

# fresh_chroot DIR   as make_chroot; lanes of one run copy the first one's.
fresh_chroot() {
  local first=${LANE_SHARED:+$LANE_SHARED/bookworm}
  [ -n "$first" ] || { make_chroot "$1"; return; }
  if [ ! -d "$first" ]; then
    make_chroot "$first.new" && mv "$first.new" "$first" || return 1
  fi
  cp -a "$first" "$1"
}

# in_chroot DIR COMMAND…   in mount and process namespaces of its own: whatever it starts ends with it.
in_chroot() {
  local dir=$1
  shift
  unshare --mount --pid --fork --kill-child --mount-proc="$dir/proc" -- \
    chroot "$dir" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
}
