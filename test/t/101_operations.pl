# docs/operations.md is true: its statements run as they are written, on a
# primary, its hot standby and a logical subscriber, and do what it says.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use Document;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $primary = new_server('primary', { allows_streaming => 'logical' }, 'token_auth.binding = session');
$primary->safe_psql('postgres', 'CREATE DATABASE shop; CREATE ROLE app LOGIN');
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
my $subscriber = new_server('subscriber', { allows_streaming => 'logical' }, 'token_auth.binding = session');
$subscriber->safe_psql('postgres', 'CREATE DATABASE shop; CREATE ROLE app LOGIN');
my %node = (primary => $primary, standby => $standby, subscriber => $subscriber);

# revoke and wait has somebody to wait for
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'\nsynchronous_commit = local");
$primary->reload;

my $signed_in = time - 60;
my ($key, $new_key, $partner_key, $new_partner_key) = (keypair('EdDSA', kid => 'idp-1'), keypair('EdDSA', kid => 'idp-2'), keypair('EdDSA', kid => 'partner-1'), keypair('EdDSA', kid => 'partner-2'));
my %claims = (client_id => 'admin', scope => 'orders:read', sid => 'session', device_id => 'device');
my %issuer = (idp => [ 'https://idp.example.com', $key ], partner => [ 'https://login.partner.example', $partner_key ]);
$primary->safe_psql('shop', 'CREATE EXTENSION token_auth');
for my $name (sort keys %issuer)
{
	my ($issuer, $jwks) = ($issuer{$name}[0], jwks($issuer{$name}[1]));
	$primary->safe_psql('shop', "SELECT token_auth.add_issuer('$issuer', '{orders-api}', name => '$name', namespace => '', jwks => '$jwks')");
}

sub new_token_of
{
	my ($name, %more) = @_;
	return mint($issuer{$name}[1], default_claims(%claims, iss => $issuer{$name}[0], iat => $signed_in, exp => time + 600, %more));
}

# The SQLSTATE by which a server refuses a token, or its subject.
sub verdict
{
	my ($node, $token) = @_;
	my ($rows, $messages) = ('', '');
	$node->psql('shop', "\\set VERBOSITY sqlstate\nSELECT token_auth.set_session_token('$token')",
		extra_params => [ '-U', 'app' ], stdout => \$rows, stderr => \$messages);
	return $messages =~ /ERROR:\s+(\w{5})/ ? $1 : $rows;
}

# A token that was issued before any block, and one that is issued after the last.
my %token = map { $_ => new_token_of('idp', sub => $_) } qw(alice bob carol dave);
my $session = new_token_of('idp', sub => 'erin', sid => '08a5019c-17e1-4977-8f42-65a12843ea02');
my $partner = new_token_of('partner', sub => 'peter');
sub of_new_key { return mint($new_key, payload(issued_now(sub => $_[0]))) }
sub issued_now { return new_token_of('idp', iat => time + 2, @_) }

sub replayed
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return $standby;
}

# What statements have done, by what is in them: the verdict on a token, before and after.
my @effects = (
	[ qr/'alice', reason => 'laptop stolen'/, 'a token of before', sub { $token{alice} }, 'alice', '28T10' ],
	[ qr/'alice', reason => 'laptop stolen'/, 'a token that was refreshed', sub { issued_now(auth_time => $signed_in) }, 'alice', '28T10' ],
	[ qr/'alice', reason => 'laptop stolen'/, 'a new sign-in', sub { issued_now() }, 'alice', 'alice' ],
	[ qr/'alice', 'infinity'/, 'a new sign-in', sub { issued_now() }, 'alice', '28T10' ],
	[ qr/reinstate\('idp', 'subject', 'alice'\)/, 'a new sign-in', sub { issued_now() }, '28T10', 'alice' ],
	[ qr/revoke_session/, 'a token of the session', sub { $session }, 'erin', '28T10' ],
	[ qr/revoke_session/, 'one that is issued in it later', sub { issued_now(sid => '08a5019c-17e1-4977-8f42-65a12843ea02') }, 'alice', '28T10' ],
	[ qr/revoke_token\(:'bob'/, 'the token', sub { $token{bob} }, 'bob', '28T10' ],
	[ qr/revoke_client\('idp', 'shop'/, 'a token of the client', sub { new_token_of('idp', client_id => 'shop') }, 'alice', '28T10' ],
	[ qr/revoke_client\('idp', 'shop'/, 'a new one', sub { issued_now(client_id => 'shop') }, 'alice', 'alice' ],
	[ qr/'kiosk', 'infinity'/, 'a token of the client', sub { issued_now(client_id => 'kiosk') }, 'alice', '28T10' ],
	[ qr/SET clients/, 'a token of another client', sub { issued_now(client_id => 'stall') }, 'alice', '28T09' ],
	[ qr/revoke_device/, 'a token of the device', sub { issued_now(device_id => 'a81c3f') }, 'alice', '28T10' ],
	[ qr/disable_key\('idp', 'idp-1'\)/, 'a token of the key', sub { $token{carol} }, 'carol', '28T05' ],
	[ qr/:'new_jwks'/, 'a token of the new key', sub { mint($new_key, payload(issued_now())) }, '28T05', 'alice' ],
	[ qr/:'new_jwks'/, 'one of the old key', sub { $token{carol} }, '28T05', '28T05' ],
	[ qr/enabled = false/, 'a token of the issuer', sub { $partner }, 'peter', '28T04' ],
	[ qr/disable_key\('partner'/, 'a token of the old key', sub { $partner }, '28T04', '28T05' ],
	[ qr/disable_key\('partner'/, 'one of the new key, of before', sub { mint($new_partner_key, payload($partner)) }, '28T04', '28T10' ],
	[ qr/disable_key\('partner'/, 'one of the new key, of now', sub { mint($new_partner_key, payload(new_token_of('partner', sub => 'peter', iat => time + 2))) }, '28T04', 'peter' ],
	[ qr/'partner', 'infinity'/, 'a token of the issuer', sub { $partner }, 'peter', '28T10' ],
	[ qr/drop_issuer\('partner'/, 'a token of the issuer', sub { $partner }, '28T05', '28T04' ],
	[ qr/revoke_subject\('idp', 'carol'\)/, 'on the standby, once replayed', sub { $token{carol} }, 'carol', '28T10', \&replayed ],
	[ qr/revoke_subject\('idp', 'dave'\)/, 'on the standby, at once', sub { $token{dave} }, 'dave', '28T10', sub { $standby } ],
	[ qr/'restored'/, 'a token that nobody had revoked', sub { new_token_of('idp', sub => 'frank') }, 'frank', '28T10' ],
	[ qr/auth_time/, 'a token with auth_time', sub { issued_now(auth_time => time + 1) }, 'alice', '28T09' ],
);

# What must be so before some of them; what must be so afterwards.
my %prepare = (
	'revoke_subject\(\'idp\', \'carol\'\)' => "SELECT token_auth.enable_key('idp', 'idp-1'), token_auth.import_jwks('idp', '" . jwks($key, $new_key) . "')",
	'disable_key\(\'partner\'' => "SELECT token_auth.import_jwks('partner', '" . jwks($new_partner_key) . "', replace => false)",
	'lock_timeout.*\n.*enabled = false' => "DELETE FROM token_auth.revocation WHERE issuer = '$issuer{partner}[0]'; SELECT token_auth.add_issuer('$issuer{partner}[0]', '{orders-api}', name => 'partner', namespace => '', jwks => '" . jwks($partner_key) . "')",
	'\'partner\', \'infinity\'' => 'UPDATE token_auth.issuer SET enabled = true',
	'SET claim_constraints' => "SELECT token_auth.reinstate('idp', 'issuer', '')",
	'ENABLE ALWAYS TRIGGER' => 'ALTER TABLE token_auth.revocation ENABLE TRIGGER ALL; ALTER TABLE token_auth.key ENABLE TRIGGER ALL',
	'prune_revocations\(\);' => "INSERT INTO token_auth.revocation (issuer, kind, value, expires_at) VALUES ('https://idp.example.com', 'token_id', 'spent', '2020-01-01')",
);
# Who is in the way of some of them, and what is to be seen while they are.
my %hindrances = (
	'pg_prepared_xacts' => [ \&open_logout, sub { like($_[0], qr/\| app\s+\|.*token_auth\.revocation RowExclusiveLock/, 'an open logout is listed') } ],
	'pg_terminate_backend' => [ \&blocked_reader, sub {
		my ($block_printed, $holder, $reader) = @_;
		is($reader->finish, 'heidi', 'who waited goes on');
	} ],
	'VACUUM \(FULL' => [ \&open_logout, sub { is(verdict($primary, of_new_key('grace')), 'grace', 'readers go on after it') } ],
	'REINDEX TABLE CONCURRENTLY' => [ sub { }, sub { is(verdict($primary, of_new_key('grace')), 'grace', 'readers go on after it') } ],
);
my @hindrance;

sub open_logout
{
	my $holder = connect_to($primary, dbname => 'shop', user => 'app');
	my $token = of_new_key('heidi');

	is($holder->query("BEGIN; SELECT token_auth.set_local_token('$token'); SELECT token_auth.revoke_current_token()"), "heidi\nt", 'a logout is left open');
	return $holder;
}

sub blocked_reader
{
	my $holder = connect_to($primary, dbname => 'shop');
	my $reader = connect_to($primary, dbname => 'shop', user => 'app');
	my $token = of_new_key('heidi');
	my $pid = $reader->pid;

	$holder->query('BEGIN; LOCK TABLE token_auth.revocation');
	$reader->start("SELECT token_auth.set_session_token('$token')");
	ok($reader->wait_until_blocked($primary, $pid), 'a reader waits for a lock of a table');
	return ($holder, $reader);
}

my %afterwards = (
	'ENABLE ALWAYS TRIGGER' => q{SELECT bool_and(tgenabled = 'A') FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid WHERE relnamespace = 'token_auth'::regnamespace AND NOT tgisinternal},
	'prune_revocations\(\);' => q{SELECT NOT EXISTS (SELECT FROM token_auth.revocation WHERE value = 'spent')},
	'revoke_token\(:\'bob\'' => q{SELECT count(*) = 1 FROM token_auth.revocation WHERE kind = 'digest' AND expires_at IS NOT NULL},
);
my %seen;

sub check_effects
{
	my ($block, $which) = @_;
	for my $i (grep { $block->{text} =~ $effects[$_][0] } 0 .. $#effects)
	{
		my ($pattern, $what, $token, $before, $after, $node) = @{ $effects[$i] };
		$node = $node && $which eq 'after' ? $node->() : $primary;
		is(verdict($node, $token->()), $which eq 'before' ? $before : $after, "$block->{name}: $which it, $what");
		$seen{$i}++;
	}
	return;
}

my $document = Document->new('docs/operations.md', folder => tempdir(CLEANUP => 1),
	database => sub {
		my ($block) = @_;
		$block->{text} =~ $_ and $primary->safe_psql('shop', $prepare{$_}) for sort keys %prepare;
		check_effects($block, 'before');
		@hindrance = map { $_->[0]->() } map { $hindrances{$_} } grep { $block->{text} =~ $_ } sort keys %hindrances;
		return $node{ $block->{on} || 'primary' }->connstr('shop');
	},
	variables => sub {
		replayed();
		return (%token, new_jwks => jwks($new_key), revoked => $primary->lsn('insert'),
			publisher => $primary->connstr('shop') . ' user=token_replication');
	},
	after => sub {
		my ($block, $printed) = @_;
		for my $pattern (grep { $block->{text} =~ $_ } sort keys %hindrances)
		{
			$hindrances{$pattern}[1]->($printed, @hindrance);
			$seen{$pattern}++;
		}
		$_->quit for @hindrance;
		@hindrance = ();
		check_effects($block, 'after');
		for my $pattern (grep { $block->{text} =~ $_ } sort keys %afterwards)
		{
			is($primary->safe_psql('shop', $afterwards{$pattern}), 't', "$block->{name}: done");
		}
		like($printed, qr/^ t\s*$/m, "$block->{name}: it has arrived") if $block->{text} =~ /has_arrived/;
		if ($block->{text} =~ /(?:CREATE|ALTER) SUBSCRIPTION/)
		{
			$subscriber->poll_query_until('shop', q{SELECT count(*) IN (1, 3) AND bool_and(srsubstate = 'r') FROM pg_subscription_rel});
		}
		if ($block->{text} =~ /ALTER SUBSCRIPTION/)
		{
			is(verdict($subscriber, $token{carol}), '28T10', "$block->{name}: what was revoked is refused there");
			is(verdict($subscriber, issued_now(sub => 'grace')), 'grace', '... and another token accepted, by the keys that came');
		}
		like($printed, qr/\(0 rows\)/, "$block->{name}: nothing publishes secrets") if $block->{text} =~ /pg_publication_tables/;
		if ($block->{text} =~ /'restored'/)
		{
			$primary->wait_for_catchup('token_auth');
			is(verdict($subscriber, new_token_of('idp', sub => 'frank')), '28T10', "$block->{name}: on the subscriber, too");
		}
	});
$document->run;
is(scalar(keys %seen), @effects + keys %hindrances, 'every statement that was waited for is there');

# nothing is named that does not exist
my %known = map { $_ => 1 } 'token_auth.secret', 'token_auth.recheck_interval', 'token_auth.binding', split /\n/, $primary->safe_psql('shop', q{
	SELECT 'token_auth.' || proname FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace
	UNION SELECT proname FROM pg_proc WHERE pronamespace = 'token_auth'::regnamespace
	UNION SELECT 'token_auth.' || relname FROM pg_class WHERE relnamespace = 'token_auth'::regnamespace});
is_deeply([ grep { !$known{$_} } $document->names ], [], 'no function or table is named that does not exist');
$document->check_links;

$subscriber->safe_psql('shop', 'DROP SUBSCRIPTION token_auth');
stop_servers($standby, $subscriber, $primary);
done_testing();
