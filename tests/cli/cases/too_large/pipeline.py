print("lehr: 1\nname: " + "x" * 5_000_000)
