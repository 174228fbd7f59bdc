# README.md is true: its SQL runs as it is written, in one database, under the
# role that it is meant for, with the result that is shown; its reference has
# every public function, setting, column and SQLSTATE as they are declared, and
# names none that does not exist.
#
# Comments before a block say how to run it:
#	<!-- role: app -->		the role; without it the superuser
#	<!-- fails: 28T01 -->	the block must end in this error
#	<!-- run -->			a shell block: run it, in a folder of its own
#	<!-- result -->			a text block: what psql printed for the SQL block before
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use IPC::Run ();
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TokenAuth;

my $root = "$FindBin::Bin/../..";
my $readme = slurp_file("$root/README.md");
my @blocks = blocks($readme);
my $folder = tempdir(CLEANUP => 1);

ok((grep { $_->{language} eq 'sql' } @blocks) >= 10, 'the README has SQL blocks');
is_deeply([ grep { !/^(?:sql|sh|text|python)$/ } map { $_->{language} } @blocks ], [],
	'every block says what it is in');

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nlog_parameter_max_length = 0");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');

# The blocks ---------------------------------------------------------------

my %key;				# by the name that the README gives it
my $revoked_at = 0;
my $printed = '';

for my $block (@blocks)
{
	if ($block->{run})
	{
		run_shell($block);
	}
	elsif ($block->{language} eq 'sql')
	{
		$printed = run_sql($block);
	}
	elsif ($block->{result})
	{
		is(comparable($block->{text}), comparable($printed), "$block->{name}: the result shown");
	}
}

# The reference ------------------------------------------------------------

# Functions with everything that belongs to them, as the tables have them.
sub declared_functions
{
	my ($condition) = @_;
	my $functions = $node->safe_psql('shop', qq{
		SELECT proname || '(' || pg_get_function_arguments(oid) || ') → ' || pg_get_function_result(oid)
		FROM pg_proc
		WHERE pronamespace = 'token_auth'::regnamespace
		  AND obj_description(oid, 'pg_proc') NOT LIKE 'internal:%' AND $condition});
	$functions =~ s/timestamp with time zone/timestamptz/g;
	$functions =~ s/(DEFAULT [^:,)]+)::\w+/$1/g;
	return [ sort split /\n/, $functions ];
}

sub functions_in
{
	my ($markdown) = @_;
	return [ sort $markdown =~ /^\| `(\w+\(.*? → .*?)` \|/mg ];
}

my $functions = section('Functions');
my ($open, $granted) = ('', '');
$_ =~ /^### .*\(everybody\)/ ? $open : $granted .= $_ for split /^(?=### )/m, $functions;

is_deeply(functions_in($open), declared_functions("has_function_privilege('public', oid, 'EXECUTE')"),
	'functions for everybody are as declared');
is_deeply(functions_in($granted), declared_functions("NOT has_function_privilege('public', oid, 'EXECUTE')"),
	'functions to be granted are as declared');

my %settings = map { split /\t/ } split /\n/, $node->safe_psql('postgres', q{
	LOAD 'token_auth';
	SELECT name || E'\t' || current_setting(name) FROM pg_settings WHERE name LIKE 'token_auth.%'});
$settings{'token_auth.token'} = '';		# shown nowhere
my %settings_shown = section('Settings') =~ /^\| `(token_auth\.\w+)` \|(?: `([^`]*)`)? \|/mg;
$_ //= '' for values %settings_shown;
is_deeply(\%settings_shown, \%settings, 'settings and their defaults are as defined');

my %sqlstates = reverse slurp_file("$root/src/core/verdict.c") =~ /^\s+"(\w+)", "(\w{5})",/mg;
delete $sqlstates{'00000'};
my %sqlstates_shown = section('SQLSTATEs') =~ /^\| (\w{5}) \| (\w+) \|/mg;
is_deeply(\%sqlstates_shown, \%sqlstates, 'SQLSTATEs and their names are those of verdict.c');

my $columns = $node->safe_psql('shop', q{
	SELECT attname FROM pg_attribute
	WHERE attrelid = 'token_auth.issuer'::regclass AND attnum > 0 AND NOT attisdropped});
my ($columns_shown) = section('Issuers and keys') =~ /^(\| column .*?)\n\n/ms;
my @columns_shown = map { /`(\w+)`/g } $columns_shown =~ /^\| (`.*?) \|/mg;
is_deeply([ sort @columns_shown ], [ sort split /\n/, $columns ], 'columns are those of token_auth.issuer');

my ($profile_code) = slurp_file(glob "$root/token_auth--*.sql") =~ /(CASE profile\.profile.*?END CASE;)/s;
my @profiles = $profile_code =~ /WHEN '(\w+)'/g;
my @profiles_shown = section('Profiles') =~ /^\| `(\w+)` \|/mg;
is_deeply([ sort @profiles_shown ], [ sort @profiles ], 'profiles are those of add_issuer()');

# Every name of ours that stands anywhere, and every function.
my %known = map { $_ => 1 } keys %settings, split /\n/, $node->safe_psql('shop', q{
	SELECT 'token_auth.' || proname FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace
	UNION SELECT proname FROM pg_proc WHERE pronamespace IN ('token_auth'::regnamespace, 'pg_catalog'::regnamespace)
	UNION SELECT 'token_auth.' || relname FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace});
my %named = map { $_ => 1 } $readme =~ /\b(token_auth\.[a-z_]+)/g, $readme =~ /`(\w+)\([^`]*\)(?: → [^`]+)?`/g;
is_deeply([ grep { !$known{$_} } sort keys %named ], [], 'no function, setting or table is named that does not exist');
is_deeply([ grep { !$sqlstates{$_} } $readme =~ /\b(28T\w\w)\b/g ], [], 'nor a SQLSTATE');

my %anchors = map { anchor($_) => 1 } $readme =~ /^#+ (.*)/mg;
is_deeply([ grep { !$anchors{$_} } $readme =~ /\]\(#([^)]*)\)/g ], [], 'nor a section');
is_deeply([ grep { !-e "$root/$_" } $readme =~ /\]\(([^#:)]+)\)/g ], [], 'nor a file');

done_testing();

# --------------------------------------------------------------------------

# The blocks of a Markdown text, in order: language, text, a name, and what comments say.
sub blocks
{
	my ($markdown) = @_;
	my (@found, %directives, $block);
	my ($heading, $line) = ('', 0);

	for (split /\n/, $markdown)
	{
		$line++;
		if ($block)
		{
			if (/^```$/) { push @found, $block; undef $block; }
			else { $block->{text} .= "$_\n"; }
		}
		elsif (/^```(\w*)$/)
		{
			$block = { language => $1, text => '', name => "line $line, $heading", %directives };
			%directives = ();
		}
		elsif (/^<!--\s*(role|fails|run|result)(?::\s*(\S+))?\s*-->$/)
		{
			$directives{$1} = defined $2 ? $2 : 1;
		}
		elsif (/^<!--/ || %directives)
		{
			die "line $line: not a directive, or no block after one: $_";
		}
		elsif (/^#+ (.*)/)
		{
			$heading = $1;
		}
	}
	die 'a block does not end' if $block;
	return @found;
}

# A section with what is below it, by its heading.
sub section
{
	my ($heading) = @_;
	my ($marks) = $readme =~ /^(#+) \Q$heading\E$/m or die "no section $heading";
	my $level = length $marks;
	my ($rest) = $readme =~ /^#{$level} \Q$heading\E\n(.*)/ms;
	$rest =~ s/^#{1,$level} .*//ms;
	return $rest;
}

# What a heading is linked by.
sub anchor
{
	my ($heading) = @_;
	my $anchor = lc $heading;
	$anchor =~ s/[^\w\s-]//g;
	$anchor =~ s/\s/-/g;
	return $anchor;
}

# Run a shell block, and take over the keys that it makes.
sub run_shell
{
	my ($block) = @_;
	my $output = '';
	my $ended = IPC::Run::run([ 'bash', '-euo', 'pipefail' ], '<', \$block->{text}, '&>', \$output,
		init => sub { chdir $folder or die "$folder: $!" });

	ok($ended, "$block->{name}: the commands run") or diag($output);
	for my $name (map { /([^\/]*)\.jwks$/ } glob "$folder/*.jwks")
	{
		my $jwk = decode_json(slurp_file("$folder/$name.jwks"))->{keys}[0];
		$key{$name} = { alg => $jwk->{alg}, kid => $jwk->{kid}, pem => "$folder/$name.pem", jwk => $jwk };
	}
	return;
}

# Run a block with psql; returns what it prints.
sub run_sql
{
	my ($block) = @_;
	my $output = '';
	my $user = $block->{role} ? " user=$block->{role}" : '';
	my %variables = variables();

	IPC::Run::run(
		[ 'psql', '-X', '-q', '-d', $node->connstr('shop') . $user, '-P', 'pager=off',
			'-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never',
			(map { ('-v', "$_=$variables{$_}") } sort keys %variables), '-f', '-' ],
		'<', \$block->{text}, '&>', \$output, init => sub { chdir $folder or die "$folder: $!" });

	my ($sqlstate) = $output =~ /\b(?:ERROR|FATAL):\s+(\w{5}):/;
	is($sqlstate || 'no error', $block->{fails} || 'no error', "$block->{name}: as " . ($block->{role} || 'superuser'))
	  or diag("$block->{text}$output");
	$revoked_at = time if $block->{text} =~ /\brevoke_/;
	return $output;
}

# The variables of psql that the blocks use, with tokens made now. One that was
# issued in the second of a revocation counts as issued before it.
sub variables
{
	return () unless %key;
	select undef, undef, undef, 0.05 while time <= $revoked_at;
	my $now = time;
	my %claims = (client_id => 'shop', scope => 'orders:read orders:write');
	return (
		jwks => jwks($key{idp}),
		partner_jwks => jwks($key{partner}),
		alice => mint($key{idp}, default_claims(%claims)),
		bob => mint($key{idp}, default_claims(%claims, sub => 'bob')),
		expired => mint($key{idp}, default_claims(%claims, iat => $now - 7200, exp => $now - 3600)),
		partner_alice => mint($key{partner}, default_claims(%claims, iss => 'https://login.partner.example')),
	);
}

# What psql prints, without what differs from run to run and with its setting VERBOSITY.
sub comparable
{
	my ($text) = @_;
	$text =~ s/^psql:\S+ //mg;
	$text =~ s/^([A-Z]+:  )\w{5}: /$1/mg;
	$text =~ s/^LOCATION: .*\n//mg;
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?/<time>/g;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}
