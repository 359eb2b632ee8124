echo "this goes to the log"
echo '{"lehr": "result", "name": "lines", "value": 3}'
echo '{"lehr": "metric", "name": "loss", "value": 0.5, "step": 1}'
{
  echo "args: $# $1, $2"
  echo "inputs: $(cat "$LEHR_INPUT_DATA"/train-00000.jsonl) $(echo "$LEHR_INPUT_ALL_OF_IT" | tr ':' '\n' | wc -l)"
  echo "files: $(echo "$LEHR_FILES" | sed "s|$HOME/||g")"
  echo "env: $GREETING, seed $LEHR_SEED, threads $LEHR_THREADS on $LEHR_DEVICE"
  env | cut -d= -f1 | sort | tr '\n' ' '
} > "$LEHR_OUTPUT_REPORT/report.txt"
echo square > "$LEHR_OUTPUT_PICTURES/one.svg"
