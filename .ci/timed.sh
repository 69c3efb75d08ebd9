#!/bin/sh
# Run a command and print how long it took: timed.sh LABEL COMMAND [ARGUMENT ...]
label=$1
shift
start=$(date +%s)
"$@"
status=$?
echo "[$label: $(($(date +%s) - start)) s]"
exit $status
