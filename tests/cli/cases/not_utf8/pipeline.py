import sys
sys.stdout.buffer.write("lehr: 1\nname: gr\u00fc\u00df\n".encode("latin-1"))
