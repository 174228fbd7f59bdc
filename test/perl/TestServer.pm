# TestServer.pm
#	Clusters with the extension, and sessions that stay connected.
#
#	use TestServer;
#
#	my $node = new_server('name', 'work_mem = 1MB');
#	install($node);
#	my $session = connect_to($node, user => 'app', options => '-c a=b');
#	is($session->query('SELECT 1'), '1', '...');
#	like($session->refusal('SELECT 1/0'), qr/22012/, '...');
#	$session->start('SELECT ...');	# returns at once; finish() waits and returns the rows
#	is(outcome($session, 'SELECT 1/0'), '22012', '...');	# with use TestServer qw(:DEFAULT outcome)
#	ok($session->query_until('SELECT ...', '28T10'), '...');	# rows, or a SQLSTATE
#	configure($node, 'token_auth.binding' => 'transaction');	# for sessions to come
#	stop_servers($node);	# and no process must have died before
#
# The server log gets no statements and no parameters: what stands in it is
# what an operator reads who followed the documentation.
package TestServer;
use strict;
use warnings;
use Exporter qw(import);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes ();
use TokenAuth;

our @EXPORT = qw(configure connect_to install leaks log_of log_position new_server new_token stop_servers test_secret);
our @EXPORT_OK = qw(outcome);

# What the tokens of new_token() are signed with.
sub test_secret { return 'the secret of https://idp.example.com' }

# A good token; arguments overlay the claims.
sub new_token
{
	my (%claims) = @_;
	return mint_hs256({ kid => 'first' }, default_claims(client_id => 'shop', %claims), test_secret());
}

# A running cluster; arguments after the name are lines of postgresql.conf, or
# a hash first that init() takes.
sub new_server
{
	my ($name, @configuration) = @_;
	my $parameters = ref $configuration[0] ? shift @configuration : {};
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%$parameters);
	$node->append_conf('postgresql.conf', join "\n",
		'log_statement = none', 'log_parameter_max_length = 0',
		'log_error_verbosity = verbose', @configuration, '');
	$node->start;
	return $node;
}

# Change postgresql.conf and wait until new sessions see it. The library must
# not be preloaded, or a value may read otherwise.
sub configure
{
	my ($node, %settings) = @_;

	$node->append_conf('postgresql.conf', join '', map { "$_ = '$settings{$_}'\n" } sort keys %settings);
	$node->reload;
	for my $name (sort keys %settings)
	{
		$node->poll_query_until('postgres', "SELECT current_setting('$name', true) = '$settings{$name}'");
	}
	return;
}

# The extension in a database, trusting the tokens of new_token().
sub install
{
	my ($node, $database) = @_;
	my $secret = unpack 'H*', test_secret();

	$node->safe_psql($database || 'postgres', qq{
		CREATE EXTENSION token_auth;
		SELECT token_auth.add_issuer('https://idp.example.com', '{orders-api}', name => 'idp');
		SELECT token_auth.add_secret('idp', '\\x$secret', 'HS256', 'first');
		SELECT token_auth.add_secret('idp', sha256('another secret'), 'HS256', 'second');
	});
	return;
}

# Stop clusters. A test passes only if no process of theirs has died.
sub stop_servers
{
	for my $node (@_)
	{
		Test::More::unlike(log_of($node, 0), qr/terminated by signal|TRAP:|PANIC:/,
			'no process of ' . $node->name . ' died');
		$node->stop;
	}
	return;
}

# Where the server log ends now, and what came after such a place.
sub log_position { return -s $_[0]->logfile }
sub log_of { return slurp_file($_[0]->logfile, $_[1]) }

# The first piece of a secret text that stands in another text, or ''.
sub leaks
{
	my ($text, $secret) = @_;
	my $size = 12;

	for my $i (0 .. length($secret) - $size)
	{
		my $piece = substr $secret, $i, $size;
		return $piece if index($text, $piece) >= 0;
	}
	return '';
}

# How some SQL ends in a session: the SQLSTATE of its error, or its rows.
sub outcome
{
	my ($session, $sql) = @_;
	my $rows = $session->query($sql);
	my ($sqlstate) = $session->messages =~ /^ERROR:  (\w+)/m;
	return $sqlstate || $rows;
}

# A session: psql, with options dbname, user, options (of the server).
sub connect_to
{
	my ($node, %options) = @_;
	my $self = bless { in => '', out => '', err => '', statements => 0 }, 'TestServer::Session';
	local $ENV{PGOPTIONS} = $options{options} || '';

	$self->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default || 180);
	$self->{psql} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=always',
			'-d', $node->connstr($options{dbname} || 'postgres')
			  . ($options{user} ? " user=$options{user}" : '') ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timer});
	$self->query("SELECT 'connected'");
	return $self;
}

package TestServer::Session;

# Begin to run some SQL.
sub start
{
	my ($self, $sql) = @_;
	my $mark = 'end of statement ' . ++$self->{statements};

	@$self{qw(out err)} = ('', '');
	$sql .= ';' if $sql !~ /\\\.$/;	# the data of COPY have an end of their own
	$self->{in} .= "$sql\n\\echo $mark\n\\warn $mark\n";
	$self->{psql}->pump_nb;
	return;
}

# Wait for its end; the rows.
sub finish
{
	my ($self) = @_;
	my $mark = "end of statement $self->{statements}\n";

	$self->{timer}->start;
	while (index($self->{out}, $mark) < 0 || index($self->{err}, $mark) < 0)
	{
		last if !$self->{psql}->pumpable;
		$self->{psql}->pump;
	}
	s/\Q$mark\E// for @$self{qw(out err)};
	chomp(my $rows = $self->{out});
	return $rows;
}

# Run some SQL; the rows.
sub query
{
	my ($self, $sql) = @_;
	$self->start($sql);
	return $self->finish;
}

# Run some SQL; its errors, warnings and notices with all their fields.
sub refusal
{
	my ($self, $sql) = @_;
	$self->query($sql);
	return $self->{err};
}

# The messages of the last statement.
sub messages { return $_[0]->{err} }

# Run some SQL again and again until it is refused with this SQLSTATE, or its
# rows are these; false if that never comes.
sub query_until
{
	my ($self, $sql, $expected) = @_;

	for (1 .. 10 * ($PostgreSQL::Test::Utils::timeout_default || 180))
	{
		my $rows = $self->query($sql);
		return 1 if $rows eq $expected || $self->{err} =~ /^ERROR:  \Q$expected\E:/m;
		Time::HiRes::usleep(100_000);
	}
	return 0;
}

sub pid { return $_[0]->query('SELECT pg_backend_pid()') }

# Wait until the session waits for a lock.
sub wait_until_blocked
{
	my ($self, $node, $pid) = @_;
	$self->{psql}->pump_nb;
	return $node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid");
}

sub quit
{
	my ($self) = @_;
	$self->{in} .= "\\q\n";
	$self->{psql}->finish;
	return;
}

1;
