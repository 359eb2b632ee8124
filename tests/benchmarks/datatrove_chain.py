"""FineWeb's chain in datatrove on JSON strings, one a line: documents kept, and MB/s of three rounds.

    datatrove_chain.py TEXTS whitespace|spacy     whitespace: words between whitespace, sentences by Lehr's rule"""

import json
import os
import pathlib
import sys
import time
import warnings

os.environ.setdefault("LOGURU_LEVEL", "WARNING")
warnings.filterwarnings("ignore")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle/corpus"))

from datatrove.data import Document  # noqa: E402
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter  # noqa: E402
from datatrove.pipeline.filters import c4_filters, fineweb_quality_filter, gopher_quality_filter  # noqa: E402
from datatrove.pipeline.filters import gopher_repetition_filter  # noqa: E402


def keeps(steps, text):
    document = Document(text=text, id="0")
    for step in steps:
        result = step.filter(document)
        if not (result[0] if isinstance(result, tuple) else result):
            return False
    return True


def main():
    texts = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    rounds = 3
    if sys.argv[2] == "whitespace":
        from word_rules import sentences
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = lambda text, language: text.split()
        c4_filters.split_into_sentences = lambda text, language: range(sentences(text))
    steps = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
    keeps(steps, texts[0])
    rates = []
    for _ in range(rounds):
        begin = time.process_time()
        kept = sum(keeps(steps, text) for text in texts)
        rates.append(sum(len(t.encode()) for t in texts) / 1e6 / (time.process_time() - begin))
    print(json.dumps({"kept": kept, "megabytes_per_second": rates}))


main()
