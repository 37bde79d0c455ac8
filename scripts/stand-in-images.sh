#!/usr/bin/env bash
# Builds stand-ins for the two public base images, for a machine that reaches a Debian mirror but no
# container registry. They exist to run scripts/test-containers.sh there; nothing else may use them,
# and nothing that is shipped is built from them. What they do not prove: docs/containers.md.
#
#   stand-in/rust:<release>   in place of rust:<release>-slim-bookworm: Debian bookworm with gcc, this
#                             machine's own toolchain and CA roots
#   stand-in/nginx:trixie     in place of nginxinc/nginx-unprivileged:<release>-alpine-slim: the nginx
#                             of Debian trixie, busybox for all the rest, as in Alpine, and no Debian tools
#
# Needs root, debootstrap, a Docker engine and the toolchain of rust-toolchain.toml. An image that is
# already there is kept; `docker image rm` it to have it built again.
set -euo pipefail
cd "$(dirname "$0")/.."

release=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
rust_image=stand-in/rust:$release
nginx_image=stand-in/nginx:trixie

# The mirror this system's own apt uses, asked at run time.
# shellcheck disable=SC2016  # the variable is apt's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' 2>/dev/null | head -n 1)
if [ -z "$mirror" ]; then
  echo "stand-in-images: apt knows no Debian mirror: run apt-get update on a Debian system" >&2
  exit 69
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# debootstrap's chatter goes to a log that is shown only when it fails.
bootstrap() { # suite, packages
  debootstrap --variant=minbase --include="$2" "$1" "$work/$1" "$mirror" >"$work/$1.log" 2>&1 || {
    tail -n 20 "$work/$1.log" >&2
    return 1
  }
  rm -rf "$work/$1/var/cache/apt" "$work/$1/var/lib/apt/lists"
}

rust_stand_in() {
  local root=$work/bookworm toolchain
  toolchain=$(rustc --print sysroot)
  bootstrap bookworm gcc,libc6-dev,ca-certificates
  mkdir -p "$root/usr/local/rust/bin"
  cp -a "$toolchain/bin/rustc" "$toolchain/bin/cargo" "$root/usr/local/rust/bin/"
  cp -a "$toolchain/lib" "$root/usr/local/rust/"
  # This machine may reach the crate registry through an authority of its own.
  cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"
  tar -C "$root" -c . | docker import \
    --change 'ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'ENV CARGO_HOME=/usr/local/cargo' - "$rust_image" >/dev/null
  echo "STAND-IN: $rust_image built with debootstrap and the local toolchain ($(rustc --version))"
}

nginx_stand_in() {
  local tree=$work/trixie root=$work/nginx library
  bootstrap trixie nginx,busybox-static
  mkdir -p "$root"/{bin,etc/nginx/conf.d,docker-entrypoint.d,usr/sbin,usr/share/nginx/html,var/log/nginx,var/cache/nginx,run}
  mkdir -m 1777 "$root/tmp"
  ln -s ../run "$root/var/run"
  chroot "$tree" ldd /usr/sbin/nginx | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | while read -r library; do
    # The mirror's tree holds links with absolute targets, so they are followed inside it.
    install -D "$tree$(chroot "$tree" readlink -f "$library")" "$root$library"
  done
  cp "$tree/usr/sbin/nginx" "$root/usr/sbin/"
  cp -L "$tree/bin/busybox" "$root/bin/"
  chroot "$root" /bin/busybox --install -s /bin
  cp "$tree"/etc/nginx/{nginx.conf,mime.types} "$root/etc/nginx/"
  printf 'root:x:0:0:root:/:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnginx:x:101:\n' >"$root/etc/group"
  # The public image has a default site and links its logs to the standard streams; so has this one.
  echo 'server { listen 8080; }' >"$root/etc/nginx/conf.d/default.conf"
  ln -s /dev/stdout "$root/var/log/nginx/access.log"
  ln -s /dev/stderr "$root/var/log/nginx/error.log"
  tar -C "$root" -c . | docker import \
    --change 'USER 101' --change 'EXPOSE 8080' - "$nginx_image" >/dev/null
  echo "STAND-IN: $nginx_image built with debootstrap ($(chroot "$root" /usr/sbin/nginx -v 2>&1))"
}

have() { docker image inspect "$1" >/dev/null 2>&1; }

# Both at once: each spends most of its time waiting for the mirror.
pids=()
if have "$rust_image"; then echo "STAND-IN: $rust_image kept"; else rust_stand_in & pids+=($!); fi
if have "$nginx_image"; then echo "STAND-IN: $nginx_image kept"; else nginx_stand_in & pids+=($!); fi
for pid in "${pids[@]}"; do wait "$pid"; done
