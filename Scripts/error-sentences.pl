# Prints each error code of the Swift files named, with its meaning and the sentences that are made with it.
use strict;
use warnings;
use open ':std', ':encoding(UTF-8)';

my (%meaning, %sentences);
# Balanced parentheses, and a string literal whose interpolations may hold both.
my ($parens, $string);
$string = qr/"(?:[^"\\]|\\\((??{ $parens })*\)|\\[^(])*"/;
$parens = qr/(?:[^()"]|(??{ $string })|\((??{ $parens })*\))/;

sub literal {
    my ($text) = @_;
    $text =~ s/^"|"$//g;
    $text =~ s/\\\((?:$parens)*\)/…/g;
    $text =~ s/\\(["\\])/$1/g;
    return $text;
}

# The string literals of one argument, joined where `+` joins them; `…` where it is computed.
sub argument {
    my ($call, $label) = @_;
    return undef unless $call =~ /\b$label:/;
    return '…' unless $call =~ /\b$label:\s*($string(?:\s*\+\s*$string)*)\s*(?:,|\)?$)/s;
    my $text = $1;
    return join '', map { literal($_) } $text =~ /($string)/g;
}

for my $file (@ARGV) {
    open my $handle, '<', $file or die "$file: $!";
    my $source = do { local $/; <$handle> };
    while ($source =~ m{/// ([^\n]*)\n\s*(?:public|package)?\s*static let (\w+) = Self\("(\w+)"\)}g) {
        $meaning{$3} = $1;
        $sentences{$3} //= {};
    }
}
for my $file (@ARGV) {
    open my $handle, '<', $file or die "$file: $!";
    my $source = do { local $/; <$handle> };
    while ($source =~ /FerryError(?:\.\w+)?\(((?:$parens)*)\)/g) {
        my $call = $1;
        next unless $call =~ /^\s*\.(\w+)/ && exists $meaning{$1};
        my $code = $1;
        my @parts = grep { defined } map { argument($call, $_) } qw(found expected remedy);
        my $sentence = join '; ', @parts;
        $sentences{$code}{$sentence} = 1 if $sentence =~ /\w/;
    }
}
for my $code (sort keys %meaning) {
    print "\n## `$code`\n\n$meaning{$code}\n";
    my @all = sort keys %{ $sentences{$code} };
    print "\n" if @all;
    print "* $_\n" for @all;
}
