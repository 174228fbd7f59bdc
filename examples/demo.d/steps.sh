# shellcheck shell=bash
#
# steps.sh
#	Steps of SQL, shown and judged. Sourced by demo.
#
# The SQL of a step has the variables of psqlrc: the tokens by name, and the
# public keys of the issuers.

steps=0
differing=0
declare -A session_in session_out

bold= dim= red= green= plain=
if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

note()
{
	printf '%s\n' "$*"
}

# Hand the files made so far to the user that psql runs as, with the tokens
# and key sets as variables of psql.
give_to_user()
{
	local file name
	for file in *.token *.jwks; do
		name=${file%.token}
		printf "\\\\set %s '%s'\n" "${name/.jwks/_jwks}" "$(cat "$file")"
	done >psqlrc
	chown "$user" psqlrc
}

run_psql()	# role [option...]
{
	local role=$1
	shift
	PSQLRC=$work/psqlrc PGHOST=$work/socket \
		as_user "$bindir/psql" -q -U "$role" -d shop \
		-v VERBOSITY=verbose -v SHOW_CONTEXT=never "$@" 2>&1
}

# Run SQL that is not worth showing; it must not fail.
prepare()
{
	local outcome
	outcome=$(run_psql postgres -d postgres -v ON_ERROR_STOP=1) || die "$outcome"
}

# Open a session that stays, to be named @name in a step.
session_open()	# name role
{
	local fd
	mkfifo "$1.in" "$1.out"
	run_psql "$2" <"$1.in" >"$1.out" &
	exec {fd}>"$1.in"
	session_in[$1]=$fd
	exec {fd}<"$1.out"
	session_out[$1]=$fd
}

# Run the SQL on standard input in such a session; print what comes of it.
session_run()	# name
{
	local line
	{
		cat
		echo '\echo end of step'
	} >&"${session_in[$1]}"
	while IFS= read -r -t 60 line <&"${session_out[$1]}"; do
		[ "$line" != "end of step" ] || return 0
		printf '%s\n' "$line"
	done
	echo "the session is gone"
}

# What a result comes down to: the rows of the tables, or the SQLSTATE.
essence()
{
	awk '
		/^ERROR: / { sub(/:$/, "", $2); print "ERROR " $2; next }
		/^(DETAIL|HINT|LOCATION): / { next }
		/^[- +]*-[- +]*$/ { in_table = 1; next }
		/^$|^\([0-9]+ rows?\)$/ { in_table = 0; next }
		in_table { gsub(/[ |]+/, " "); sub(/^ /, ""); sub(/ $/, ""); print }
		/^(WARNING|NOTICE|FATAL|psql)/ { print }'
}

# Show a step and judge it.
#	title		what it shows
#	who			the role, or @session
#	expected	the essence of what must come of it
step()
{
	local title=$1 who=$2 expected=$3 sql outcome prompt='>' verdict="${green}[ok]$plain"
	sql=$(cat)
	case $who in
		@*) outcome=$(session_run "${who#@}" <<<"$sql") ;;
		*) outcome=$(run_psql "$who" <<<"$sql") ;;
	esac
	steps=$((steps + 1))
	if [ "$(essence <<<"$outcome")" != "$expected" ]; then
		differing=$((differing + 1))
		verdict="${red}[NOT OK] expected: ${expected//$'\n'/ / }$plain"
	fi
	case $who in postgres | @session2) prompt='#' ;; esac
	printf '\n%s%2d. %s%s\n' "$bold" "$steps" "${title//$'\n'/$'\n    '}" "$plain"
	# \g /dev/null keeps a result that says nothing new off the screen
	sed "s,^ ,-$prompt  ,; t continued
		s,^,=$prompt ,
		: continued
		s, \\\\g /dev/null,;,; s,^,    $dim${who#@},; s,\$,$plain," <<<"$sql"
	grep -v '^LOCATION' <<<"$outcome" | grep . | sed 's/^/    /'
	printf '    %s\n' "$verdict"
}

# Say how it went and how to go on by oneself; wait for the person; end.
finish()
{
	local status=0
	echo
	if [ "$differing" = 0 ]; then
		note "${green}All $steps steps came out as they must.$plain"
	else
		status=1
		note "${red}$differing of $steps steps did NOT come out as they must.$plain"
	fi
	note "
To go on by yourself, in another terminal:
    PSQLRC=$work/psqlrc $bindir/psql -h $work/socket -U app shop
    shop=> BEGIN;
    shop=> SELECT token_auth.set_local_token(:'alice');    -- or bob, forged, expired
    shop=> SELECT * FROM orders;
    shop=> COMMIT;
or, with a token that lasts for the session, as the role reporting:
    PSQLRC=$work/psqlrc $bindir/psql -h $work/socket -U reporting shop
    shop=> SELECT token_auth.set_session_token(:'alice');
    shop=> SELECT * FROM orders;"

	if [ "${DEMO_KEEP:-0}" = 1 ]; then
		write_stop
		trap - EXIT
		note "The cluster goes on running. To end it and remove $work:
    sh $work/stop"
	elif [ -t 0 ] && [ -t 1 ]; then
		# Ctrl-C ends the demo as well as Enter does
		trap 'exit "$status"' INT
		read -r -p "Enter ends the demo and removes $work "
	else
		note "(without a terminal it ends here; DEMO_KEEP=1 would leave the cluster running)"
	fi
	exit "$status"
}

write_stop()
{
	cat >stop <<-EOF
		pid=\$(head -n 1 $work/cluster/postmaster.pid)
		kill -INT "\$pid"
		while kill -0 "\$pid" 2>/dev/null; do sleep 0.1; done
		rm -rf $work
	EOF
}
