import sys
sys.stdout.buffer.write(b"lehr: 1\nname: a\0b\n")
