import sys
sys.stdout.buffer.write("lehr: 1\n".encode("utf-16"))
