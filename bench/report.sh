# shellcheck shell=bash
#
# report.sh
#	What the programs of bench/ print alike. Sourced by them, after
#	test/throwaway.sh; $original is the pg_config that was found.

# Rows of columns separated by tabs as a table, in Markdown and aligned.
#	arguments: the columns' names; a name that begins with > is that of a column of numbers
table()
{
	awk -F '\t' -v names="$(IFS=$'\t'; echo "$*")" '
		function cell(text, i) { return is_number[i] ? sprintf("%" width[i] "s", text) : sprintf("%-" width[i] "s", text) }
		function line(row,    i, text) {
			for (i = 1; i <= n; i++) text = text "| " cell(rows[row, i], i) " "
			return text "|"
		}
		BEGIN {
			n = split(names, name, "\t")
			for (i = 1; i <= n; i++) { is_number[i] = sub(/^>/, "", name[i]); rows[0, i] = name[i]; width[i] = length(name[i]) }
		}
		{ for (i = 1; i <= n; i++) { rows[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
		END {
			print line(0)
			for (i = 1; i <= n; i++) { rule = rule "| "; for (j = is_number[i]; j < width[i]; j++) rule = rule "-"; rule = rule (is_number[i] ? ": " : " ") }
			print rule "|"
			for (row = 1; row <= NR; row++) print line(row)
		}'
}

library_versions()
{
	printf '%s, OpenSSL %s, jansson %s, %s\n' "$("$original" --version)" \
		"$(pkg-config --modversion libcrypto)" "$(pkg-config --modversion jansson)" "$(gcc --version | head -n 1)"
}

# Today, and what it was measured on.
machine()
{
	printf '%s; %s, %s processors, %s; %s\n' "$(date -u +%Y-%m-%d)" \
		"$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(awk '/MemTotal/ {printf "%.0f GB", $2 / 1048576}' /proc/meminfo)" \
		"$(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release)"
}
