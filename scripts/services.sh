#!/usr/bin/env bash
# Install the Debian packages that the demo and the tests start: Orthanc (always), PostgreSQL, NATS, sshd and Chromium (not
# with `orthanc`). Tests start their own on loopback.
# With `chromium` install that alone: `make pictures` looks at pages with it.
# With `dicom3tools` install that alone: dciodvfy, by which the canary files judge whether an output is valid.
# With `libfaketime` that alone: `make torture` moves the clock with it.
# Where apt may not be used this says so and goes on: what needs the missing server then skips or uses a folder instead.
set -uo pipefail
wanted=""
if [ "${1:-all}" = dicom3tools ]; then
    command -v dciodvfy >/dev/null || wanted="dicom3tools"
elif [ "${1:-all}" = chromium ]; then
    command -v chromium >/dev/null || wanted="chromium fonts-dejavu-core"
elif [ "${1:-all}" = libfaketime ]; then
    ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || wanted="libfaketime"
else
    { command -v Orthanc || [ -x /usr/sbin/Orthanc ]; } >/dev/null || wanted="orthanc orthanc-dicomweb"
fi
if [ "${1:-all}" = all ]; then
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
    { command -v nats-server || [ -x /usr/sbin/nats-server ]; } >/dev/null || wanted="$wanted nats-server"
    { command -v sshd || [ -x /usr/sbin/sshd ]; } >/dev/null || wanted="$wanted openssh-server openssh-client"
    command -v chromium >/dev/null || wanted="$wanted chromium fonts-dejavu-core"
fi
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ]; then sudo=""
elif sudo -n true 2>/dev/null; then sudo="sudo -n"
else echo "sluice: not installed, since apt needs root: $wanted (sudo apt-get install $wanted)" >&2; exit 0
fi
command -v apt-get >/dev/null || { echo "sluice: not installed, since there is no apt-get: $wanted" >&2; exit 0; }
echo "sluice: installing $wanted"
# An sshd that nobody asked for must not come up on port 22 of this machine.
if [[ " $wanted " == *" openssh-server "* ]] && [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
    $sudo chmod +x /usr/sbin/policy-rc.d
    trap '$sudo rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
{ $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $wanted; } >/dev/null 2>&1 ||
    echo "sluice: apt could not install $wanted; going on without" >&2
