# shellcheck shell=bash
# A package on a Debian: installed, used, upgraded, removed, purged. Runs as root in
# namespaces of its own, in a copy of this system that is forgotten:
#	unshare --mount --pid --fork --kill-child bash install.sh FOLDER BUNDLE OLD.deb NEW.deb
set -euo pipefail
work=$1 bundle=$2 old=$3 new=$4

# What is written goes to memory; the system below stays as it is.
mount -t tmpfs tmpfs "$work"
mkdir "$work"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
cp "$bundle" "$root/opt/echo.jar"
cp "$old" "$root/opt/old.deb"
cp "$new" "$root/opt/new.deb"
chmod 0644 "$root"/opt/*
# What takes its time and is not what this is about: other packages, the index of man.
rm -rf "$root"/var/lib/apt/lists/* "$root/var/lib/man-db/auto-update"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/in-memory"
here=$(dirname "$0")
install -m 0755 "$here/systemctl" "$root/usr/local/bin/systemctl"

inside() { chroot "$root" "$@"; }
fail() { echo "FAIL: $*" >&2; exit 1; }
home=/var/lib/jackfield

echo "--- install"
inside dpkg --force-depends -i /opt/old.deb >/dev/null
[ "$(inside stat -c '%U %G %a' $home)" = "jackfield jackfield 755" ] || fail "the home is $(inside stat -c '%U %G %a' $home)"
[ -z "$(inside ls -A $home)" ] || fail "the home is not empty: a restore needs that"
[ -L "$root/etc/systemd/system/multi-user.target.wants/jackfield.service" ] || fail "the service is not enabled"
inside man -w jackfield >/dev/null || fail "there is no man page"
inside bash -c 'source /usr/share/bash-completion/completions/jackfield && complete -p jackfield' >/dev/null || fail "bash does not complete"
inside systemd-analyze verify --man=no jackfield.service || fail "systemd does not take the unit"

# What an administrator changes.
settings() {
	cat >>"$root/etc/default/jackfield" <<-END
		JACKFIELD_LISTEN=127.0.0.1:0
		JACKFIELD_ADMIN_LISTEN=127.0.0.1:0
		JACKFIELD_TRUST_POLICY=warn
		JACKFIELD_SANDBOX=strict
	END
}
settings

serve() { inside systemctl start jackfield; }
stop() { inside systemctl stop jackfield; }
settled() { # settled STATE
	for _ in {1..400}; do
		if inside jackfield ext list --home $home | grep -q "EchoExtension .* $1 "; then return; fi
		read -rt 0.05 <> <(:) || true
	done
	inside jackfield ext list --home $home >&2
	cat "$root/tmp/log" >&2
	fail "the extension is not $1"
}

echo "--- use"
serve
inside install -m 0644 /opt/echo.jar $home/extensions/
settled running
inside jackfield ext show examples.echo.EchoExtension -o json --home $home >"$work/show"
grep -q '"name": "user"' "$work/show" || fail "nothing is said of the sandbox: $(cat "$work/show")"
if grep -A1 '"name"' "$work/show" | grep -q '"holds": false'; then fail "not all of the sandbox holds: $(cat "$work/show")"; fi
inside jackfield ext disable examples.echo.EchoExtension --home $home >/dev/null
inside jackfield backup --home $home /opt/before.tar.gz >/dev/null
token=$(inside cat $home/conf/admin.token)

echo "--- upgrade"
inside dpkg --force-depends --force-confold -i /opt/new.deb >/dev/null
stop
[ "$(inside jackfield version | head -n 1 | grep -c '0\.2\.0')" = 1 ] || fail "this is $(inside jackfield version)"
grep -q JACKFIELD_SANDBOX=strict "$root/etc/default/jackfield" || fail "the settings are gone"
[ "$(inside cat $home/conf/admin.token)" = "$token" ] || fail "the token is another one"
serve
settled stopped
inside jackfield ext enable examples.echo.EchoExtension --home $home >/dev/null
settled running
stop

echo "--- restore"
inside mv $home $home.before
inside systemd-tmpfiles --create jackfield.conf
inside jackfield restore /opt/before.tar.gz --home $home >/dev/null
serve
settled stopped
stop

echo "--- remove"
inside dpkg --force-depends -r jackfield >/dev/null
[ "$(inside cat $home/conf/admin.token)" = "$token" ] || fail "removing the package takes the home"
[ ! -e "$root/usr/bin/jackfield" ] || fail "the program is still there"

echo "--- purge"
inside dpkg --force-depends -P jackfield >/dev/null
for gone in $home /etc/default/jackfield /usr/share/jackfield /usr/share/doc/jackfield /lib/systemd/system/jackfield.service \
	/etc/systemd/system/multi-user.target.wants/jackfield.service; do
	[ ! -e "$root$gone" ] && [ ! -L "$root$gone" ] || fail "$gone is still there"
done
# The guides, as they stand: each line behind a $ is executed by root, one after the other.
guide() { # guide PAGE
	sed -n 's/^\$ //p' "$here/../../docs/operations/$1" >"$root/opt/guide/commands"
	[ "$(wc -l <"$root/opt/guide/commands")" -ge 4 ] || fail "there are no commands in $1"
	inside bash -euo pipefail -c 'cd /opt/guide; export JMAP_HOME=/var/lib/jackfield; . ./commands' >"$root/tmp/said" 2>&1 </dev/null || {
		cat "$root/tmp/said" "$root/tmp/log" >&2
		fail "the commands of $1"
	}
	settled running
}
echo "--- guides"
rm -r "$root$home.before"
mkdir -p "$root/opt/guide/earlier"
cp "$bundle" "$root/opt/guide/echo.jar"
cp "$old" "$root/opt/guide/"
echo force-confold >"$root/etc/dpkg/dpkg.cfg.d/keep-settings"
settings
guide install.md
grep -q "the first password is" "$root/tmp/said" || fail "install.md says nothing of the first password"
guide first-day.md
guide monitoring.md
guide hardening.md
guide backup.md
mv "$root"/opt/guide/*.deb "$root/opt/guide/earlier/"
cp "$new" "$root/opt/guide/"
guide upgrade.md
[ "$(inside jackfield version | head -n 1 | grep -c '0\.1\.0')" = 1 ] || fail "upgrade.md does not lead back: $(inside jackfield version)"
stop
echo "--- done"
