# README.md is true: its SQL runs as it is written, in one database, under the
# role that it is meant for, with the result that is shown; its reference has
# every public function, setting, column and SQLSTATE as they are declared, and
# names none that does not exist.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use Document;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TokenAuth;

my $root = "$FindBin::Bin/../..";
my $folder = tempdir(CLEANUP => 1);
my %key;				# by the name that the README gives it
my ($revoked, $revokes) = (0, 0);		# the block before this one; this one

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nlog_parameter_max_length = 0");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');

# The blocks ---------------------------------------------------------------

my $readme = Document->new('README.md', folder => $folder, after_shell => \&take_over_keys,
	database => sub {
		($revoked, $revokes) = ($revokes, $_[0]{text} =~ /\brevoke_/);
		return $node->connstr('shop');
	},
	variables => \&variables);
ok((grep { $_->{language} eq 'sql' } @{ $readme->{blocks} }) >= 10, 'the README has SQL blocks');
$readme->run;

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

my $functions = $readme->section('Functions');
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
my %settings_shown = $readme->section('Settings') =~ /^\| `(token_auth\.\w+)` \|(?: `([^`]*)`)? \|/mg;
$_ //= '' for values %settings_shown;
is_deeply(\%settings_shown, \%settings, 'settings and their defaults are as defined');

my %sqlstates = reverse slurp_file("$root/src/core/verdict.c") =~ /^\s+"(\w+)", "(\w{5})",/mg;
delete $sqlstates{'00000'};
my %sqlstates_shown = $readme->section('SQLSTATEs') =~ /^\| (\w{5}) \| (\w+) \|/mg;
is_deeply(\%sqlstates_shown, \%sqlstates, 'SQLSTATEs and their names are those of verdict.c');

my $columns = $node->safe_psql('shop', q{
	SELECT attname FROM pg_attribute
	WHERE attrelid = 'token_auth.issuer'::regclass AND attnum > 0 AND NOT attisdropped});
my ($columns_shown) = $readme->section('Issuers and keys') =~ /^(\| column .*?)\n\n/ms;
my @columns_shown = map { /`(\w+)`/g } $columns_shown =~ /^\| (`.*?) \|/mg;
is_deeply([ sort @columns_shown ], [ sort split /\n/, $columns ], 'columns are those of token_auth.issuer');

my ($profile_code) = slurp_file(glob "$root/token_auth--*.sql") =~ /(CASE profile\.profile.*?END CASE;)/s;
my @profiles = $profile_code =~ /WHEN '(\w+)'/g;
my @profiles_shown = $readme->section('Profiles') =~ /^\| `(\w+)` \|/mg;
is_deeply([ sort @profiles_shown ], [ sort @profiles ], 'profiles are those of add_issuer()');

# Every name of ours that stands anywhere, and every function.
my %known = map { $_ => 1 } keys %settings, split /\n/, $node->safe_psql('shop', q{
	SELECT 'token_auth.' || proname FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace
	UNION SELECT proname FROM pg_proc WHERE pronamespace IN ('token_auth'::regnamespace, 'pg_catalog'::regnamespace)
	UNION SELECT 'token_auth.' || relname FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace});
is_deeply([ grep { !$known{$_} } $readme->names ], [], 'no function, setting or table is named that does not exist');
is_deeply([ grep { !$sqlstates{$_} } $readme->{text} =~ /\b(28T\w\w)\b/g ], [], 'nor a SQLSTATE');
$readme->check_links;

done_testing();

# --------------------------------------------------------------------------

# The keys that a shell block has made.
sub take_over_keys
{
	for my $name (map { /([^\/]*)\.jwks$/ } glob "$folder/*.jwks")
	{
		my $jwk = decode_json(slurp_file("$folder/$name.jwks"))->{keys}[0];
		$key{$name} = { alg => $jwk->{alg}, kid => $jwk->{kid}, pem => "$folder/$name.pem", jwk => $jwk };
	}
	return;
}

# The variables of psql that the blocks use, with tokens made now. One that was
# issued in the second of a revocation counts as issued before it.
sub variables
{
	return () unless %key;
	my $now = time;
	select undef, undef, undef, 0.05 while $revoked && time == $now;
	$now = time;
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
