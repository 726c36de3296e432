#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes the fixtures beside it: perl make_mmdb.pl (libmaxmind-db-writer-perl). The networks are documentation and private ones.
use strict;
use warnings;
use FindBin;
use MaxMind::DB::Writer::Tree;

my %types = (
    country => 'map', continent => 'map', subdivisions => [ 'array', 'map' ], iso_code => 'utf8_string', code => 'utf8_string',
    country_code => 'utf8_string', continent_code => 'utf8_string', region => 'utf8_string', number => 'uint32',
    autonomous_system_number => 'uint32', location => 'map', latitude => 'double', longitude => 'double', lat => 'float', long => 'float',
    asn => 'utf8_string', point => 'map',
);

sub nested {
    my ($continent, $country, $subdivision) = @_;
    return {
        ($continent   ? (continent => { code => $continent }) : ()),
        ($country     ? (country => { iso_code => $country }) : ()),
        ($subdivision ? (subdivisions => [ { iso_code => $subdivision } ]) : ()),
    };
}

sub flat {
    my ($continent, $country, $subdivision) = @_;
    return { ($country ? (country_code => $country) : ()), ($subdivision ? (region => $subdivision) : ()), number => 7 };
}

my @v4 = (
    [ '10.0.0.0/8', 'EU', 'DE', 'BY' ], [ '10.128.0.0/9', 'EU', 'DE', 'BE' ], [ '11.0.0.0/8', 'NA', 'US', 'KY' ],
    [ '11.1.2.3/32', 'NA', 'CA', 'QC' ], [ '12.0.0.0/9', 'EU', 'CY' ], [ '12.128.0.0/9', 'AF' ], [ '13.0.0.0/8', undef, 'JP' ],
);
my @v6 = ( [ '2001:db8::/33', 'EU', 'DE', 'BY' ], [ '2001:db8:8000::/33', 'NA', 'US', 'KY' ], [ '2001:db8:8000::1/128', 'SA', 'BR' ] );

# Places by hand: cities in the nested schema, and flat with coordinates as floats and AS numbers as texts.
my %city = ( 'BY' => [ 48.1374, 11.5755 ], 'BE' => [ 52.52, 13.405 ], 'KY' => [ 38.25, -85.75 ], 'QC' => [ 46.8139, -71.2082 ] );

sub city {
    my ($continent, $country, $subdivision) = @_;
    my $at = $city{ $subdivision || '' };
    return { %{ nested(@_) }, ($at ? (location => { latitude => $at->[0], longitude => $at->[1] }) : ()) };
}

sub flatcity {
    my ($continent, $country, $subdivision) = @_;
    my $at = $city{ $subdivision || '' };
    return { ($country ? (country_code => $country) : ()), ($at ? (point => { lat => $at->[0], long => $at->[1] }) : ()),
        asn => $country && $country eq 'DE' ? 'AS64500' : 'none' };
}

sub asn {
    my ($continent, $country) = @_;
    my %number = ( DE => 64500, US => 64501, CA => 4200000000 );
    return { ($country && $number{$country} ? (autonomous_system_number => $number{$country}) : ()) };
}

sub make {
    my ($name, $record, $version, $size, $aliases) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version => $version, record_size => $size, database_type => "Test-$name", languages => ['en'],
        description => { en => 'made for a test' }, map_key_type_callback => sub { $types{ $_[0] } },
        remove_reserved_networks => 0, ($aliases ? (alias_ipv6_to_ipv4 => 1) : ()),
    );
    for my $n (@v4, $version == 6 ? @v6 : ()) {
        my ($network, @place) = @$n;
        $tree->insert_network($network, $record->(@place));
    }
    open my $fh, '>:raw', "$FindBin::Bin/$name.mmdb" or die "$name: $!";
    $tree->write_tree($fh);
    close $fh or die "$name: $!";
}

make('nested', \&nested, 6, 24, 1);
make('flat',   \&flat,   6, 28, 0);
make('ipv4',   \&nested, 4, 32, 0);
make('city',   \&city,   6, 24, 0);
make('flatcity', \&flatcity, 6, 24, 0);
make('asn',    \&asn,    6, 24, 0);
