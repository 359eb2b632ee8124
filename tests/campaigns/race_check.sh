#!/bin/sh
# race_check.sh PROGRAM: nothing is found in it as it is; its race is, by exit code 99, as tools/sanitize sets it.
"$1" || { echo "FAILED: something was found where nothing is"; exit 1; }
# Not among the findings: it is meant to be found. Several times, as threads may happen not to meet.
for try in 1 2 3 4 5 6 7 8 9; do
  TSAN_OPTIONS=$TSAN_OPTIONS:log_path=stderr "$1" race >/dev/null 2>&1
  [ $? -eq 99 ] && exit 0
done
echo "FAILED: a race was not seen"
exit 1
