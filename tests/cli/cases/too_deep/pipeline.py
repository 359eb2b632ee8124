print("lehr: 1\nvars: {a: " + "[" * 5000 + "]" * 5000 + "}")
