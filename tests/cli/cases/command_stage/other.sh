cat "$LEHR_OUTPUT_REPORT/../../scratch/nothing-there"
echo "going down"
exit 3
