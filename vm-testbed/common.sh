# SPDX-License-Identifier: Apache-2.0
# What the scripts of this directory share; sourced. They set `work`, a directory to keep files in, `tree`, the root of the
# guest while it is being made, and `initramfs`, the file that it becomes.
# shellcheck shell=bash disable=SC2154

skip() { echo "SKIPPED: $*"; exit 77; }

command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed: scripts/install-deps"
command -v busybox >/dev/null || skip "busybox-static is not installed: scripts/install-deps"
command -v cpio >/dev/null || skip "cpio is not installed: scripts/install-deps"

# The kernel package that linux-image-amd64 depends on today, fetched once per version.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-/ {print $2; exit}')
  [ -n "$package" ] || skip "apt knows no linux-image-amd64: run apt-get update"
  kernel=$work/$package
  [ -e "$kernel/complete-2" ] && return
  echo "vm: fetching $package"
  mkdir -p "$kernel/deb"
  (cd "$kernel/deb" && apt-get -q -o APT::Sandbox::User=root download "$package" >/dev/null) ||
    skip "apt-get download $package failed"
  local deb
  deb=$(echo "$kernel"/deb/*.deb)
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$kernel" --wildcards './boot/vmlinuz-*' \
    '*/drivers/net/veth.ko' '*/net/sched/sch_ingress.ko' '*/net/sched/cls_bpf.ko' '*/net/sched/act_bpf.ko' \
    '*/net/ipv4/inet_diag.ko' '*/net/ipv4/tcp_diag.ko'
  rm -r "$kernel/deb"
  touch "$kernel/complete-2"
}

# copy_libraries FILE…: the shared libraries and the ELF interpreter that these programs need.
copy_libraries() {
  local library
  for library in $(ldd "$@" 2>/dev/null | grep -o '/[^ :]*'); do
    [ -e "$tree$library" ] && continue
    mkdir -p "$tree$(dirname "$library")"
    cp -L "$library" "$tree$library"
  done
}

# copy FILE…: with what it needs.
copy() {
  local file
  for file in "$@"; do
    mkdir -p "$tree$(dirname "$file")"
    cp -L "$file" "$tree$file"
    copy_libraries "$file"
  done
}

# boot_qemu KERNEL_ARGUMENT… -- QEMU_ARGUMENT…: the kernel with $initramfs, for at most $timeout seconds.
boot_qemu() {
  local append=()
  while [ "$1" != -- ]; do append+=("$1"); shift; done
  shift
  timeout --foreground "$timeout" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 \
    -nodefaults -no-user-config -display none -no-reboot -nic none "$@" \
    -kernel "$(echo "$kernel"/boot/vmlinuz-*)" -initrd "$initramfs" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off ${append[*]}"
}

pack_initramfs() {
  (cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$initramfs"
}
