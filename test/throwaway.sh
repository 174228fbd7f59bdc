# shellcheck shell=bash
#
# throwaway.sh
#	A PostgreSQL to try things on: a private copy of the installed one, a
#	build of this tree in it, and a cluster, all in one temporary folder.
#
# Sourced by test/setup, test/check and examples/demo. Nothing is installed
# into the PostgreSQL of this machine, and no cluster of its is touched: the
# programs of PostgreSQL find their libraries and SQL scripts relative to
# themselves, so a copy of bin/ with links to the rest is a PostgreSQL of its
# own. The server refuses to run as root; root hands over to another user.

oldest_supported=15
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}

die()
{
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

# Answers of a pg_config.

postgres_major()
{
	"$1" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
}

# Does this pg_config stand for a server that we can build for and run?
postgres_usable()
{
	local major
	major=$(postgres_major "$1")
	[ "${major:-0}" -ge "$oldest_supported" ] &&
		[ -x "$("$1" --bindir)/initdb" ] &&
		[ -x "$("$1" --bindir)/postgres" ] &&
		[ -e "$("$1" --includedir-server)/postgres.h" ] &&
		[ -e "$("$1" --pgxs)" ]
}

# Print the pg_config to use: $PG_CONFIG, else the newest on this machine.
find_pg_config()
{
	local candidate candidates
	if [ -n "${PG_CONFIG:-}" ]; then
		candidates=$PG_CONFIG
	else
		candidates=$(
			ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -rV
			command -v pg_config)
	fi
	for candidate in $candidates; do
		if postgres_usable "$candidate"; then
			command -v "$candidate"
			return 0
		fi
	done
	return 1
}

# The folder and its user.

work= user= bindir= pg_config= tree=
running=						# a process to end before the folder goes
server_program=					# what to start in place of postgres

# Run a command as the user of the throwaway folder.
as_user()
{
	if [ "$user" = "$(id -un)" ]; then
		HOME=$work "$@"
	else
		setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups \
			env HOME="$work" USER="$user" LOGNAME="$user" "$@"
	fi
}

# Make the folder $work, readable by nobody else, and see to its end.
throwaway_begin()
{
	local name
	user=$(id -un)
	if [ "$(id -u)" = 0 ]; then
		user=nobody
		id -u postgres >/dev/null 2>&1 && user=postgres
	fi
	work=$(mktemp -d "${TMPDIR:-/tmp}/token_auth_XXXXXX") || exit 1
	trap throwaway_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
	[ "$user" = "$(id -un)" ] || chown "$user" "$work"
	chmod 700 "$work"
	as_user test -w "$work" ||
		die "user $user cannot enter $work; set TMPDIR to a folder open to all"
	# a socket's path has room for some 100 characters
	[ ${#work} -le 80 ] || die "TMPDIR is too long a path: $work"

	# settings for clients must not lead to another server
	for name in $(compgen -v PG); do
		case $name in
			PG_CONFIG | PG_TEST_*) ;;
			*) unset "$name" ;;
		esac
	done
	unset MAKEFLAGS MAKELEVEL MFLAGS
	export LC_ALL=C.UTF-8 TMPDIR=$work
	cd "$work" || exit 1
}

# Stop every cluster below $work and remove it.
throwaway_end()
{
	local status=$? pid_file
	trap - EXIT
	trap '' INT TERM HUP PIPE
	cd /
	[ -z "$running" ] || kill "$running" 2>/dev/null
	while IFS= read -r pid_file; do
		as_user "$bindir/pg_ctl" stop -s -m immediate \
			-D "$(dirname "$pid_file")" >/dev/null 2>&1
	done < <(find "$work" -name postmaster.pid 2>/dev/null)
	rm -rf "$work"
	exit "$status"
}

# The copy of PostgreSQL.

# Link what one folder holds into another, but for one name and for ours.
link_entries()
{
	local from=$1 to=$2 except=${3:-} entry
	mkdir -p "$to"
	for entry in "$from"/*; do
		case ${entry##*/} in
			"$except" | token_auth*) ;;
			*) ln -s "$entry" "$to/" ;;
		esac
	done
}

# Copy the PostgreSQL of a pg_config; sets pg_config and bindir to the copy's.
copy_postgres()
{
	local original=$1 copy=$work/postgresql from folder name
	from=$("$original" --bindir)
	mkdir -p "$copy$from"
	# by name: in some distributions the folder is /usr/bin
	for name in "$from"/pg_* "$from"/{postgres,initdb,psql,createdb,dropdb} \
		"$from"/{createuser,dropuser,vacuumdb,reindexdb}; do
		[ -f "$name" ] && cp -L "$name" "$copy$from/"
	done
	folder=$("$original" --sharedir)
	link_entries "$folder" "$copy$folder" extension
	link_entries "$folder/extension" "$copy$folder/extension"
	folder=$("$original" --pkglibdir)
	link_entries "$folder" "$copy$folder"
	for folder in "$("$original" --pkgincludedir)" "$("$original" --includedir-server)"; do
		[ -e "$copy$folder" ] && continue
		mkdir -p "$copy$(dirname "$folder")"
		ln -s "$folder" "$copy$folder"
	done
	chown -R "$user" "$copy"
	bindir=$copy$from
	pg_config=$bindir/pg_config
	case $(as_user "$pg_config" --pkglibdir) in
		"$copy"/*) ;;
		*) die "cannot run a copy of $original in $work; set TMPDIR to a folder that allows programs" ;;
	esac
}

# The build and the cluster.

# Copy the tree without what a build left in it; sets tree.
copy_tree()
{
	tree=$work/tree
	mkdir "$tree"
	tar -C "$root" --exclude=./.git --exclude='*.o' --exclude='*.so' \
		--exclude='./test/*/build' --exclude='./regression.*' --exclude=./results \
		--exclude=./output_iso --exclude=./tmp_check -cf - . |
		tar -C "$tree" -xf - --no-same-owner || die "cannot copy $root"
	chown -R "$user" "$tree"
}

# Build the copy of the tree and install it into the copy of PostgreSQL.
build()
{
	as_user make -C "$tree" -j"$(nproc)" PG_CONFIG="$pg_config" all &&
		as_user make -C "$tree" PG_CONFIG="$pg_config" install
}

# Start a cluster that listens on a socket in $work alone.
#	arguments: lines for its postgresql.conf
start_cluster()
{
	as_user mkdir "$work/socket" &&
		as_user "$bindir/initdb" -D "$work/cluster" -U postgres --auth=trust \
			--encoding=UTF8 --locale=C --no-sync >"$work/initdb.log" 2>&1 &&
		printf '%s\n' "listen_addresses = ''" \
			"unix_socket_directories = '$work/socket'" "fsync = off" "$@" |
		as_user tee -a "$work/cluster/postgresql.conf" >/dev/null &&
		as_user "$bindir/pg_ctl" start -s -w -t 120 -D "$work/cluster" \
			${server_program:+-p "$server_program"} -l "$work/cluster.log" </dev/null ||
		{
			tail -n 20 "$work/initdb.log" "$work/cluster.log" >&2
			echo "$program: the cluster does not start" >&2
			return 1
		}
}
