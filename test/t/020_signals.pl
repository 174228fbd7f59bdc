# Revocations of others cost a session next to nothing: no relcache entry is
# rebuilt, so what it knows of a table in use, its policies among it, stays, and
# it does not look whether its own token is revoked. Its own is noticed at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TestServer;
use TokenAuth;

my $rounds = 50;
my $node = new_server('signals', 'token_auth.binding = session', 'autovacuum = off', 'token_auth.recheck_interval = 60s');
install($node);
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE TABLE orders (id int, owner_id text);
	INSERT INTO orders VALUES (1, 'alice'), (2, 'bob');
	GRANT SELECT ON orders TO app;
	ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON orders TO app USING (owner_id = token_auth.subject());
});
my $token = new_token(jti => 'of alice');
my $reader = connect_to($node, user => 'app');
my $revoker = connect_to($node);
my $changer = connect_to($node);

# How often relcache entries were built so far: each time the columns of a
# table, its triggers and its policies are looked up.
sub builds
{
	$_->query('SELECT pg_stat_force_next_flush()') for $reader, $revoker, $changer;
	return {
		map { split /\|/ } split /\n/,
		$changer->query(q{
			SELECT relname, idx_scan + seq_scan FROM pg_stat_sys_tables
			WHERE relname IN ('pg_policy', 'pg_trigger', 'pg_attribute')
		})
	};
}

# What so many rounds of a change and a look through the policy add to that.
sub builds_of
{
	my ($n, $change) = @_;
	my $before = builds();
	my $rows = '';

	for my $round (1 .. $n)
	{
		$change->($round);
		$rows .= $reader->query('SELECT id FROM orders');
	}
	is($rows, '1' x $n, '... and the reader sees its rows each time');
	my $after = builds();
	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

sub revoke
{
	my ($round) = @_;
	return $revoker->query("SELECT token_auth.revoke_subject('idp', 'subject $round', 'infinity')");
}

is($reader->query("SELECT token_auth.set_session_token('$token'); SELECT id FROM orders"), "alice\n1", 'a session reads under a policy');
$changer->query('SELECT count(*) FROM orders');
builds_of(10, \&revoke);

# what a change of the table itself costs, or the counts would tell nothing
my $builds = builds_of($rounds, sub { $changer->query('ALTER TABLE orders SET (fillfactor = ' . (50 + $_[0]) . ')') });
cmp_ok($builds->{$_}, '>=', $rounds, "$_ is looked up after each change of the table") for qw(pg_policy pg_attribute);

$builds = builds_of($rounds, sub { revoke("again $_[0]") });
is($builds->{$_}, 0, "$_ is not looked up after a revocation") for sort keys %$builds;

# how often somebody has looked for a revocation
sub probes
{
	$_->query('SELECT pg_stat_force_next_flush()') for $reader, $revoker, $changer;
	return $changer->query("SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = 'revocation_pkey'");
}

sub insert
{
	my ($from, $to) = @_;
	return $revoker->query("INSERT INTO token_auth.revocation (issuer, kind, value) SELECT 'https://idp.example.com', 'token_id', n FROM generate_series($from, $to) AS n");
}

sub probes_after
{
	my ($n, $rows) = @_;
	my $before = probes();

	for my $round (1 .. $n)
	{
		insert($round * 100, $round * 100 + $rows - 1);
		$reader->query('SELECT id FROM orders');
	}
	return probes() - $before;
}

cmp_ok(probes_after($rounds, 9), '>=', $rounds, 'after many revocations at once a session looks whether its own is among them');
$revoker->query('DELETE FROM token_auth.revocation');
$reader->query('SELECT id FROM orders');
cmp_ok(probes_after($rounds, 1), '<', $rounds, '... after single ones of others it seldom does');

# ... which has come each time: the next is the reader's own
revoke('again');
$revoker->query("SELECT token_auth.revoke_subject('idp', 'alice', 'infinity')");
like($reader->refusal('SELECT id FROM orders'), qr/28T10/, 'the reader is refused as soon as it is revoked itself');
$revoker->query("SELECT token_auth.reinstate('idp', 'subject', 'alice')");
is($reader->query('SELECT id FROM orders'), '1', '... until it is reinstated');
$revoker->query("INSERT INTO token_auth.revocation (issuer, kind, value) VALUES ('https://idp.example.com', 'token_id', 'of alice')");
like($reader->refusal('SELECT id FROM orders'), qr/28T10/, '... and revoked by itself');

$_->quit for $reader, $revoker, $changer;
stop_servers($node);
done_testing();
