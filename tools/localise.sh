#!/bin/sh
# localise.sh OBJCOPY LD AR OUTPUT INPUT — makes of a static library one whose hidden symbols cannot clash with a host program's:
# all members become one object, and in it only the exported calls of alpy.h stay global.
set -eu
objcopy=$1 ld=$2 ar=$3 output=$4 input=$5
object=$output.o
rm -f "$output" "$object"
"$ld" -r --whole-archive "$input" -o "$object"
"$objcopy" --localize-hidden "$object"
"$ar" rcs "$output" "$object"
rm -f "$object"
