#!/bin/sh
# Counts reads by other programs: counting.sh FOLDER, which simulate_reads.py wrote.
# Needs bedtools, megadepth, featureCounts (subread), mosdepth, and GNU time at /usr/bin/time.
# bedtools takes most of an hour for all bins, so it counts those of 200 windows.
set -eu
cd "$1"
bins() { awk 'BEGIN { OFS = "\t" } { for (s = $2; s < $3; s += 100) print $1, s, s + 100 }' "$1"; }
[ -s bins.bed ] || bins windows.bed > bins.bed
[ -s bins.saf ] || awk 'BEGIN { OFS = "\t" } { print NR, $1, $2 + 1, $3, "+" }' bins.bed > bins.saf
awk 'NR % 99 == 0' windows.bed | head -n 200 > some.bed
bins some.bed > some-bins.bed
timed() { echo "== $*" >&2; /usr/bin/time -f "%e s, %U user, %S system, peak %M kB" "$@"; }
timed megadepth reads.bam --annotation bins.bed --threads 2 --no-annotation-stdout --prefix megadepth > /dev/null
timed featureCounts -O -T 2 -F SAF -a bins.saf -o featurecounts.tsv reads.bam 2>&1 | grep " s, "
timed mosdepth -n -t 2 --by bins.bed mosdepth reads.bam
timed bedtools multicov -bams reads.bam -bed some-bins.bed > some-counts.bed
timed gzip -dc reads.tagAlign.gz > /dev/null
