# Oracle.pm
#	Runs scripts of SQL and returns all that a client or an operator can see of them.
#
#	use Oracle;
#
#	my $oracle = Oracle->new($node, first => [ 'SELECT ...' ], counters => [ 'SELECT ...' ]);
#	my @outcomes = $oracle->run('app', [ 'BEGIN', 'SELECT 1', 'COMMIT' ], [ ... ]);
#	my @differences = differences($outcomes[0], $outcomes[1], 'right', 'wrong');
#
# A script is a list of statements, or of several joined by \;. An outcome is a
# hash of three texts: `rows` (rows and command tags), `messages` (errors, warnings
# and notices with every field) and `log` (lines of the server log).
# Scripts of one call share a session, which runs DISCARD ALL before each of them;
# a script must leave no transaction open.
package Oracle;
use strict;
use warnings;
use Exporter qw(import);
use IPC::Run ();
use PostgreSQL::Test::Utils;
use TestServer ();

our @EXPORT = qw(differences);

my @fields = qw(rows messages log);

# Returns an oracle for a running server. first are statements that bring each
# session into one state before each script; what they show is not compared. counters are
# queries whose answers are: statistics that the extension keeps.
sub new
{
	my ($class, $node, %options) = @_;
	return bless { node => $node, first => $options{first} || [], counters => $options{counters} || [], runs => 0 }, $class;
}

# Runs scripts in a session of a role; returns an outcome for each.
sub run
{
	my ($self, $role, @scripts) = @_;
	my $path = "$PostgreSQL::Test::Utils::tmp_check/oracle-" . ++$self->{runs};
	my $position = TestServer::log_position($self->{node});

	append_to_file("$path.sql", join '', map { $self->marked($_, @{ $scripts[$_] }) } 0 .. $#scripts);
	IPC::Run::run(
		[ 'psql', '-XAt', '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=always',
			'-d', $self->{node}->connstr('postgres') . " user=$role" ],
		'<', "$path.sql", '>', "$path.out", '2>', "$path.err");

	my %texts = (rows => slurp_file("$path.out"), messages => slurp_file("$path.err"),
		log => TestServer::log_of($self->{node}, $position));
	$texts{log} =~ s/^\S+ \S+ \S+ \[\d+\] .*?(?=[A-Z]+:  )//mg;
	# the postmaster writes about a worker's end whenever it gets to it
	$texts{log} =~ s/^LOG:  00000: background worker "parallel worker" \(PID \d+\) exited .*\n(?:LOCATION:  .*\n)?//mg;
	# a mark has fields besides its message
	$texts{log} =~ s/(?<=^LOG:  00000: )(<(?:begin|end) \d+>\n)(?:(?:CONTEXT|LOCATION|STATEMENT):  .*\n)+/$1/mg;
	unlink "$path.sql", "$path.out", "$path.err";

	my %pieces = map { $_ => pieces($texts{$_}) } @fields;
	return map {
		my $n = $_;
		+{ map { $_ => $pieces{$_}{$n} // die "script $n has no $_: did the server crash?" } @fields };
	} 0 .. $#scripts;
}

# A script between its marks.
sub marked
{
	my ($self, $n, @statements) = @_;
	return join '', map { "$_\n" } 'DISCARD ALL;', (map { "$_;" } @{ $self->{first} }), marks("begin $n"),
	  (map { "$_;" } @statements, @{ $self->{counters} }), marks("end $n");
}

# Marks a place in each of the three texts.
sub marks
{
	my ($mark) = @_;
	return ("DO \$\$BEGIN RAISE LOG '<$mark>'; END\$\$;", "\\echo '<$mark>'", "\\warn '<$mark>'");
}

# Cuts a text at its marks; returns a hash by the number of the script.
sub pieces
{
	my ($text) = @_;
	my %pieces;

	while ($text =~ /^(?:LOG:  00000: )?<begin (\d+)>\n(.*?)^(?:LOG:  00000: )?<end \1>\n/msg)
	{
		$pieces{$1} = $2;
	}
	return \%pieces;
}

# Returns the fields in which two outcomes differ once the guesses are taken out of
# both: a hash of the two texts by field.
sub differences
{
	my ($first, $second, @guesses) = @_;
	my %found;

	for my $field (@fields)
	{
		my @texts = map { $_->{$field} } $first, $second;
		for my $text (@texts)
		{
			$text =~ s/\Q$_\E/<guess>/g for @guesses;
		}
		$found{$field} = \@texts if $texts[0] ne $texts[1];
	}
	return \%found;
}

1;
