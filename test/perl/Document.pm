# Document.pm
#	Documents whose blocks of code are run as they are written.
#
#	use Document;
#
#	my $document = Document->new('README.md', database => sub { my ($block) = @_; ... },
#		variables => sub { ... }, folder => $folder, after_shell => sub { ... });
#	$document->run;
#	$document->check_links;
#
# database returns the connection string for a block, variables the variables
# of psql, as a list of names and values; both are asked before each SQL block,
# and after is told of the block and what it printed. folder is where blocks are run.
#
# Comments before a block say how to run it:
#	<!-- role: app -->		the role; without it the superuser
#	<!-- on: standby -->	the server; for database() to look at
#	<!-- fails: 28T01 -->	the block must end in this error
#	<!-- run -->			a shell block: run it
#	<!-- result -->			a text block: what psql printed for the SQL block before
package Document;
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use IPC::Run ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $root = "$FindBin::Bin/../..";

sub new
{
	my ($class, $path, %options) = @_;
	my $self = bless { path => $path, text => slurp_file("$root/$path"), %options }, $class;

	$self->{blocks} = [ blocks($self->{text}) ];
	return $self;
}

# Run every block.
sub run
{
	my ($self) = @_;
	my $printed = '';

	is_deeply([ grep { !/^(?:sql|sh|text|python)$/ } map { $_->{language} } @{ $self->{blocks} } ], [],
		"$self->{path}: every block says what it is in");
	for my $block (@{ $self->{blocks} })
	{
		if ($block->{run})
		{
			$self->run_shell($block);
		}
		elsif ($block->{language} eq 'sql')
		{
			$printed = $self->run_sql($block);
			$self->{after}->($block, $printed) if $self->{after};
		}
		elsif ($block->{result})
		{
			is(comparable($block->{text}), comparable($printed), "$block->{name}: the result shown");
		}
	}
	return;
}

# The functions, settings and tables of ours that the text names, and every `function()`.
sub names
{
	my ($self) = @_;
	my %named = map { $_ => 1 } $self->{text} =~ /\b(token_auth\.[a-z_]+)/g,
	  $self->{text} =~ /`(\w+)\([^`]*\)(?: → [^`]+)?`/g;
	return sort keys %named;
}

# Where links lead there is a section, or a file with such a section.
sub check_links
{
	my ($self) = @_;
	my $folder = dirname("$root/$self->{path}");
	my @lost;

	for my $link ($self->{text} =~ /\]\(([^:)]+)\)/g)
	{
		my ($file, $anchor) = $link =~ /^([^#]*)#?(.*)$/;
		my $target = $file eq '' ? $self->{text} : -f "$folder/$file" ? slurp_file("$folder/$file") : undef;

		push @lost, $link
		  if !defined $target && !-e "$folder/$file"
		  || defined $target && $anchor ne '' && !grep { anchor($_) eq $anchor } $target =~ /^#+ (.*)/mg;
	}
	is_deeply(\@lost, [], "$self->{path}: links lead somewhere");
	return;
}

# A section with what is below it, by its heading.
sub section
{
	my ($self, $heading) = @_;
	my ($marks) = $self->{text} =~ /^(#+) \Q$heading\E$/m or die "no section $heading";
	my $level = length $marks;
	my ($rest) = $self->{text} =~ /^#{$level} \Q$heading\E\n(.*)/ms;
	$rest =~ s/^#{1,$level} .*//ms;
	return $rest;
}

# The blocks of a Markdown text, in order: language, text, a name, and what comments say.
sub blocks
{
	my ($markdown) = @_;
	my (@found, %directives, $block);
	my ($heading, $line, $indent) = ('', 0, '');

	for (split /\n/, $markdown)
	{
		$line++;
		if ($block)
		{
			s/^$indent//;
			if (/^```$/) { push @found, $block; undef $block; }
			else { $block->{text} .= "$_\n"; }
		}
		elsif (/^( *)```(\w*)$/)
		{
			$indent = $1;
			$block = { language => $2, text => '', name => "line $line, $heading", %directives };
			%directives = ();
		}
		elsif (/^<!--\s*(role|on|fails|run|result)(?::\s*(\S+))?\s*-->$/)
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

# What a heading is linked by.
sub anchor
{
	my ($heading) = @_;
	my $anchor = lc $heading;
	$anchor =~ s/[^\w\s-]//g;
	$anchor =~ s/\s/-/g;
	return $anchor;
}

sub run_shell
{
	my ($self, $block) = @_;
	my $output = '';
	my $ended = IPC::Run::run([ 'bash', '-euo', 'pipefail' ], '<', \$block->{text}, '&>', \$output,
		init => sub { chdir $self->{folder} or die "$self->{folder}: $!" });

	ok($ended, "$block->{name}: the commands run") or diag($output);
	$self->{after_shell}->() if $self->{after_shell};
	return;
}

# Run a block with psql; returns what it prints.
sub run_sql
{
	my ($self, $block) = @_;
	my $output = '';
	my $user = $block->{role} ? " user=$block->{role}" : '';
	my $database = $self->{database}->($block);
	my %variables = $self->{variables}->();

	my $ended = IPC::Run::run(
		[ 'psql', '-X', '-q', '-d', $database . $user, '-P', 'pager=off',
			'-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never',
			(map { ('-v', "$_=$variables{$_}") } sort keys %variables), '-f', '-' ],
		'<', \$block->{text}, '&>', \$output, init => sub { chdir $self->{folder} or die "$self->{folder}: $!" });

	my ($sqlstate) = $output =~ /\b(?:ERROR|FATAL):\s+(\w{5}):/;
	is($sqlstate || ($ended ? 'no error' : 'no end'), $block->{fails} || 'no error',
		"$block->{name}: " . ($block->{on} ? "on $block->{on}, " : '') . 'as ' . ($block->{role} || 'superuser'))
	  or diag("$block->{text}$output");
	return $output;
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

1;
