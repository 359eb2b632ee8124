import sys
sys.stdout.buffer.write(b"\xef\xbb\xbf" + b"lehr: 1\r\nstages:\r\n  dig:\r\n    uses: kiln.dig\r\n    with: {label: \xc3\xbc, depth: 99}\r\n")
