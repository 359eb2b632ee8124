n = 12
print("lehr: 1\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]")
for i in range(1, n):
    print(f"  a{i}: &a{i} [" + ", ".join([f"*a{i-1}"] * 9) + "]")
print("stages:\n  dig: {uses: kiln.dig}")
