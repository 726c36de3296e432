#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes a small location database in the GeoIP2 schema (nested) or with plain codes (flat).
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ($file, $schema) = @ARGV;
my %types = (
    country => 'map', continent => 'map', iso_code => 'utf8_string', code => 'utf8_string', country_code => 'utf8_string',
);
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version => 6, record_size => 24, database_type => "Test-$schema", languages => ['en'],
    description => { en => 'made for a test' }, map_key_type_callback => sub { $types{ $_[0] } }, remove_reserved_networks => 0,
);
my @networks = (
    [ '10.0.0.0/8', 'EU', 'DE' ], [ '11.0.0.0/8', 'NA', 'US' ], [ '12.0.0.0/9', 'AS', 'JP' ], [ '12.128.0.0/9', 'SA', 'BR' ],
    [ '2001:db8::/33', 'EU', 'DE' ], [ '2001:db8:8000::/33', 'NA', 'US' ],
);
for my $n (@networks) {
    my ($network, $continent, $country) = @$n;
    $tree->insert_network($network, $schema eq 'nested'
        ? { country => { iso_code => $country }, continent => { code => $continent } }
        : { country_code => $country });
}
open my $fh, '>:raw', $file or die "$file: $!";
$tree->write_tree($fh);
close $fh or die "$file: $!";
